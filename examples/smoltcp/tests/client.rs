//! The handshake of both clients with servers that do not do as they should.

mod common;

use common::{LIMIT, Machine, connected, random};
use embedded_io::{Read as _, Write as _};
use smoltcp::socket::tcp;
use wirelet::handshake::{
    Acceptance, BuildError, ClientRequest, HandshakeError, Request, ResponseError, Status,
};
use wirelet::{Client, Error, Received, SendError, Storage, blocking};
use wirelet_example_smoltcp::TcpError;
use wirelet_example_smoltcp::link::Conditions;
use wirelet_example_smoltcp::socket::Socket;
use wirelet_example_smoltcp::zero_buffer::{Accepting, Connecting, WebSocket};

const REQUEST: ClientRequest<'_> = ClientRequest::new("10.0.0.2", "/");
const RING: usize = 512;

/// One of the two clients: connects, and returns the first message.
type Hear = fn(&mut Machine<'_>, ClientRequest<'_>) -> Result<Vec<u8>, Error<TcpError>>;

const CLIENTS: [Hear; 2] = [
    |stack, request| {
        let mut storage = Storage::<RING, 5, RING>::new();
        let socket = Socket::new(stack, LIMIT);
        let mut ws = blocking::WebSocket::new(socket, Client(random()), storage.buffers());
        ws.connect(&request)?;
        match ws.receive()?.0 {
            Received::Data(message) => Ok(message.as_bytes().to_vec()),
            received => panic!("{received:?}"),
        }
    },
    |stack, request| {
        let mut random = random();
        let mut connecting = Connecting::start(stack.socket(), request, &mut random)?;
        stack.until(LIMIT, |socket| connecting.poll(socket))?;
        let mut ws = WebSocket::new(Client(random));
        let mut message = None;
        stack.until(LIMIT, |socket| {
            ws.receive(socket, |received| match received {
                Received::Data(chunk) if chunk.is_first() && chunk.is_last() => {
                    message = Some(chunk.as_bytes().to_vec());
                }
                received => panic!("{received:?}"),
            })?;
            Ok(message.take())
        })
    },
];

/// Reads a request; sends what `answer` makes of it and ends.
fn serve(stack: &mut Machine<'_>, answer: impl Fn(&[u8]) -> Vec<u8>) {
    let mut request = Vec::new();
    let mut socket = Socket::new(stack, LIMIT);
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        request.extend(byte);
    }
    socket.write_all(&answer(&request)).unwrap();
    stack.close(LIMIT).unwrap();
}

/// Lets each client hear that answer.
fn each_client_hears(
    answer: impl Fn(&[u8]) -> Vec<u8> + Sync,
    heard: Result<&[u8], Error<TcpError>>,
) {
    for client in CLIENTS {
        let client = |stack: &mut Machine<'_>| {
            let heard = client(stack, REQUEST);
            stack.close(LIMIT).unwrap();
            heard
        };
        let server = |stack: &mut Machine<'_>| serve(stack, &answer);
        let (found, ()) = connected(&Conditions::PERFECT, RING, client, server);
        assert_eq!(found.as_deref(), heard.as_ref().map(|bytes| &bytes[..]));
    }
}

/// Makes the right response to a request.
fn acceptance(head: &[u8]) -> Vec<u8> {
    let request: Request<'_> = Request::parse(head).unwrap();
    let mut out = vec![0; 256];
    let n = request.upgrade().unwrap().accept(&Acceptance::default(), &mut out).unwrap();
    out.truncate(n);
    out
}

#[test]
fn a_message_in_the_packet_of_the_response_is_not_lost() {
    let answer = |request: &[u8]| [&acceptance(request)[..], b"\x81\x05Hello"].concat();
    each_client_hears(answer, Ok(b"Hello"));
}

#[test]
fn a_folded_response_is_found_behind_interim_ones() {
    let answer = |request: &[u8]| {
        let early_hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
        let folded = b"Connection:\r\n Upgrade";
        let head = acceptance(request);
        let at = head.windows(19).position(|bytes| bytes == b"Connection: Upgrade").unwrap();
        let head = [&head[..at], folded, &head[at + 19..]].concat();
        [&early_hints.repeat(2)[..], &head, b"\x81\x05Hello"].concat()
    };
    each_client_hears(answer, Ok(b"Hello"));
}

#[test]
fn a_server_that_does_not_accept_is_told_as_an_error() {
    let refused = |error: ResponseError| Err(Error::from(HandshakeError::from(error)));
    let not_found = |_: &[u8]| b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec();
    each_client_hears(not_found, refused(ResponseError::Refused(Status::NOT_FOUND)));
    let of_another = |_: &[u8]| {
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            .to_vec()
    };
    each_client_hears(of_another, refused(ResponseError::Accept));
    each_client_hears(|_| b"\r\n\n".to_vec(), refused(ResponseError::Malformed));
    let endless = |_: &[u8]| format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(RING)).into_bytes();
    each_client_hears(endless, Err(HandshakeError::HeadTooLong.into()));
}

#[test]
fn an_end_in_the_response_or_behind_it_is_told_as_an_error() {
    each_client_hears(|_| Vec::new(), Err(Error::UnexpectedEof));
    each_client_hears(|_| b"HTTP/1.1 101".to_vec(), Err(Error::UnexpectedEof));
    each_client_hears(acceptance, Err(Error::UnexpectedEof));
}

#[test]
fn a_request_that_is_not_valid_is_not_sent() {
    for client in CLIENTS {
        let client = |stack: &mut Machine<'_>| {
            let result = client(stack, ClientRequest::new("10.0.0.2", "no path"));
            stack.close(LIMIT).unwrap();
            result
        };
        let server = |stack: &mut Machine<'_>| {
            let n = Socket::new(stack, LIMIT).read(&mut [0]);
            stack.close(LIMIT).unwrap();
            n
        };
        let (result, n) = connected(&Conditions::PERFECT, RING, client, server);
        assert_eq!(result, Err(HandshakeError::from(BuildError::Target).into()));
        assert_eq!(n, Ok(0));
    }
}

#[test]
fn a_transmit_ring_that_is_too_short_is_told_as_an_error() {
    let too_short = Err(Error::from(SendError::OutOfSpace { needed: 256 }));
    let mut socket = tcp::Socket::new(
        tcp::SocketBuffer::new(vec![0; 256]),
        tcp::SocketBuffer::new(vec![0; 255]),
    );
    assert_eq!(Accepting::default().poll(&mut socket), too_short);
    let mut random = random();
    assert_eq!(Connecting::start(&mut socket, REQUEST, &mut random).map(|_| None), too_short);
}
