//! The client application, against an echo server that may be wrong.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use app::Board;
use app::client::{self, Error, Report, SERVER, StreamError};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::Socket;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::Ipv4Address;
use wirelet::handshake::{Acceptance, HeadScanner, Refusal, Request, Status};
use wirelet::{CloseCode, Connection, Event, Header, Kind, Message, Server};

use crate::host::{Network, TestBoard, tcp_socket};
use crate::link::{Cable, Nic};

#[test]
fn all_messages_come_back() {
    let report = client::run(&mut EchoBoard::new(Fault::None, 0), SERVER);
    assert_eq!(report, Ok(Report { messages: 19, bytes: 372_280 }));
}

#[test]
fn all_messages_come_back_over_a_link_that_loses_a_tenth() {
    let mut board = EchoBoard::new(Fault::None, 100);
    assert_eq!(client::run(&mut board, SERVER), Ok(Report { messages: 19, bytes: 372_280 }));
    assert!(board.cable.borrow().lost > 10);
}

#[test]
fn what_the_server_does_wrong_is_an_error() {
    let error = |fault| client::run(&mut EchoBoard::new(fault, 0), SERVER).unwrap_err();
    assert_eq!(error(Fault::NotListening), StreamError::Refused.into());
    assert!(matches!(error(Fault::Refuses), Error::Connection(wirelet::Error::Handshake(_))));
    assert_eq!(error(Fault::FlipsABit), Error::Echo(20_000));
    assert_eq!(error(Fault::Cuts), Error::Echo(20_000));
    assert_eq!(error(Fault::AnswersTextWithBinary), Error::Echo(0));
    assert_eq!(error(Fault::Closes), Error::Close);
    assert_eq!(error(Fault::Resets), StreamError::Reset.into());
    assert_eq!(error(Fault::IsSilent), StreamError::TimedOut.into());
}

/// What the server does wrong; to messages, at the first one of 20,000 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    NotListening,
    Refuses,
    FlipsABit,
    Cuts,
    AnswersTextWithBinary,
    Closes,
    Resets,
    IsSilent,
}

/// A board whose network goes on while it waits.
struct EchoBoard {
    board: TestBoard,
    clock: Rc<Cell<Instant>>,
    cable: Rc<RefCell<Cable>>,
    server: EchoServer,
}

impl EchoBoard {
    fn new(fault: Fault, loss: u32) -> Self {
        let (board_nic, host_nic, cable) = Nic::pair();
        cable.borrow_mut().loss = loss;
        let clock = Rc::new(Cell::new(Instant::ZERO));
        let board = TestBoard::new(board_nic, clock.clone());
        let server = EchoServer::new(host_nic, clock.clone(), fault);
        Self { board, clock, cable, server }
    }
}

impl Board for EchoBoard {
    type Nic = Nic;

    fn nic(&mut self) -> &mut Nic {
        self.board.nic()
    }

    fn mac(&self) -> [u8; 6] {
        self.board.mac()
    }

    fn now(&self) -> Instant {
        self.board.now()
    }

    /// Goes on to when something happens.
    fn wait(&mut self, at_most: Option<Duration>) {
        let now = self.now();
        let server = self.server.poll();
        let idle = [at_most, server].into_iter().flatten().map(|idle| now + idle);
        let arrival = self.cable.borrow().next_arrival();
        self.clock
            .set(idle.chain(arrival).min().expect("the client is patient, not for ever").max(now));
    }

    fn random(&mut self) -> u32 {
        self.board.random()
    }
}

/// Echoes whole messages to one client.
struct EchoServer {
    network: Network,
    socket: SocketHandle,
    fault: Fault,
    connection: Option<Connection<Server>>,
    received: Vec<u8>,
    message: Vec<u8>,
    to_send: Vec<u8>,
}

impl EchoServer {
    fn new(nic: Nic, clock: Rc<Cell<Instant>>, fault: Fault) -> Self {
        let mut network = Network::new(nic, clock, Ipv4Address::new(10, 0, 2, 100));
        let mut socket = tcp_socket(1 << 16);
        if fault != Fault::NotListening {
            socket.listen(SERVER.port).unwrap();
        }
        let socket = network.sockets.add(socket);
        let (received, message, to_send) = (Vec::new(), Vec::new(), Vec::new());
        Self { network, socket, fault, connection: None, received, message, to_send }
    }

    fn poll(&mut self) -> Option<Duration> {
        self.network.poll();
        let mut bytes = vec![0; 1 << 16];
        let socket = self.network.sockets.get_mut::<Socket<'_>>(self.socket);
        let n = socket.recv_slice(&mut bytes).unwrap_or(0);
        self.received.extend_from_slice(&bytes[..n]);
        if self.connection.is_none() {
            self.accept();
        }
        if self.connection.is_some() {
            self.echo();
        }
        let socket = self.network.sockets.get_mut::<Socket<'_>>(self.socket);
        let sent = socket.send_slice(&self.to_send).unwrap_or(0);
        self.to_send.drain(..sent);
        let is_closed = self.connection.as_ref().is_some_and(Connection::is_closed);
        if is_closed && self.to_send.is_empty() {
            socket.close();
        }
        self.network.poll();
        self.network.idle()
    }

    fn accept(&mut self) {
        let Some(len) = HeadScanner::new().scan(&self.received).unwrap() else { return };
        let head: Vec<_> = self.received.drain(..len).collect();
        let request: Request<'_> = Request::parse(&head).unwrap();
        assert_eq!(request.header("Host"), Some(&b"10.0.2.100:80"[..]));
        let upgrade = request.upgrade().unwrap();
        let mut response = [0; 512];
        let n = if self.fault == Fault::Refuses {
            Refusal::new(Status::NOT_FOUND).encode(&mut response).unwrap()
        } else {
            self.connection = Some(Connection::new(Server));
            upgrade.accept(&Acceptance::default(), &mut response).unwrap()
        };
        self.to_send.extend_from_slice(&response[..n]);
    }

    fn echo(&mut self) {
        let connection = self.connection.as_mut().unwrap();
        while !self.received.is_empty() {
            let progress = connection.receive(&mut self.received).expect("the client is right");
            let consumed = progress.consumed;
            let mut last = None;
            if let Some(Event::Chunk(chunk)) = progress.event {
                self.message.extend_from_slice(chunk.as_bytes());
                last = chunk.is_last().then_some(chunk.kind());
            }
            self.received.drain(..consumed);
            let mut reply = [0; 131];
            let n = connection.reply(&mut reply);
            self.to_send.extend_from_slice(&reply[..n]);

            let Some(kind) = last else { continue };
            let mut message = std::mem::take(&mut self.message);
            if message.len() == 20_000 {
                match self.fault {
                    Fault::FlipsABit => message[19_999] ^= 1,
                    Fault::Cuts => message.truncate(19_999),
                    Fault::IsSilent => return,
                    Fault::Resets => {
                        return self.network.sockets.get_mut::<Socket<'_>>(self.socket).abort();
                    }
                    Fault::Closes => {
                        let mut close = [0; 4];
                        connection.close(CloseCode::GOING_AWAY, &mut close).unwrap();
                        return self.to_send.extend_from_slice(&close);
                    }
                    _ => {}
                }
            }
            let echo = match kind {
                Kind::Text if self.fault != Fault::AnswersTextWithBinary => {
                    Message::Text(str::from_utf8(&message).unwrap())
                }
                _ => Message::Binary(&message),
            };
            let mut frame = vec![0; message.len() + Header::MAX_LEN];
            let n = connection.send(echo, &mut frame).unwrap();
            self.to_send.extend_from_slice(&frame[..n]);
        }
    }
}
