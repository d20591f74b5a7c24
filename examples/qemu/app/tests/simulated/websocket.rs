//! A WebSocket of the host, on the same engine in the other role.

use std::collections::VecDeque;

use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;
use smoltcp::time::Duration;
use wirelet::handshake::{ClientRequest, HeadScanner, Key, Response};
use wirelet::{Chunk, Client, Close, CloseCode, Connection, Event, Header, Kind, Random};

use crate::host::{Host, PATIENCE, Tcp};

/// A WebSocket that reads what comes, and answers pings, whenever it is waited for.
pub struct WebSocket {
    pub tcp: Tcp,
    connection: Connection<Client<TestRandom>>,
    received: Vec<u8>,
    to_send: Vec<u8>,
    message: Vec<u8>,
    heard: VecDeque<Heard>,
}

/// What has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Ping,
    Pong(Vec<u8>),
    Close(Option<CloseCode>),
    /// TCP has ended.
    End,
}

impl WebSocket {
    /// Opens a WebSocket; if it is refused, returns the response.
    pub fn open(host: &mut Host, path: &str) -> Result<Self, String> {
        let tcp = host.connect().ok_or("TCP was refused")?;
        let request = ClientRequest::new("10.0.2.15", path);
        let key = Key::from_nonce(*b"the sample nonce");
        let mut head = [0; 512];
        let n = request.encode(&key, &mut head).unwrap();
        host.send(tcp, &head[..n]);

        let mut received = Vec::new();
        let mut head_len = None;
        host.run_until(PATIENCE, |host| {
            received.extend(host.receive(tcp));
            head_len = HeadScanner::new().scan(&received).unwrap();
            head_len.is_some() || !host.socket(tcp).may_recv()
        });
        let head_len = head_len.ok_or("TCP was closed")?;
        if let Err(error) = request.verify(&key, &received[..head_len]) {
            assert!(Response::parse(&received[..head_len]).is_ok(), "{error}");
            received.extend(host.receive_to_end(tcp).ok_or("the response was cut")?);
            host.close(tcp);
            return Err(String::from_utf8(received).unwrap());
        }
        received.drain(..head_len);
        Ok(Self {
            tcp,
            connection: Connection::new(Client(TestRandom(Xoshiro256PlusPlus::seed_from_u64(5)))),
            received,
            to_send: Vec::new(),
            message: Vec::new(),
            heard: VecDeque::new(),
        })
    }

    /// Gives a message or a fragment to TCP, which sends it when this end is waited for.
    pub fn send<'c>(&mut self, host: &mut Host, chunk: impl Into<Chunk<'c>>) {
        let chunk = chunk.into();
        let mut frame = vec![0; chunk.as_bytes().len() + Header::MAX_LEN];
        let n = self.connection.send(chunk, &mut frame).unwrap();
        self.send_bytes(host, &frame[..n]);
    }

    pub fn ping(&mut self, host: &mut Host, payload: &[u8]) {
        let mut frame = [0; 131];
        let n = self.connection.ping(payload, &mut frame).unwrap();
        self.send_bytes(host, &frame[..n]);
    }

    pub fn close<'c>(&mut self, host: &mut Host, close: impl Into<Close<'c>>) {
        let mut frame = [0; 131];
        let n = self.connection.close(close, &mut frame).unwrap();
        self.send_bytes(host, &frame[..n]);
    }

    /// Sends any bytes behind what was sent before.
    pub fn send_bytes(&mut self, host: &mut Host, bytes: &[u8]) {
        self.to_send.extend_from_slice(bytes);
        self.work(host);
    }

    /// Waits for what comes next.
    pub fn receive(&mut self, host: &mut Host) -> Heard {
        self.receive_within(PATIENCE, host).expect("something comes")
    }

    pub fn receive_within(&mut self, limit: Duration, host: &mut Host) -> Option<Heard> {
        host.run_until(limit, |host| {
            self.work(host);
            !self.heard.is_empty()
        });
        self.heard.pop_front()
    }

    /// Waits for what comes next but pings.
    pub fn receive_data(&mut self, host: &mut Host) -> Heard {
        loop {
            match self.receive(host) {
                Heard::Ping => {}
                heard => return heard,
            }
        }
    }

    pub fn receive_text(&mut self, host: &mut Host) -> String {
        match self.receive_data(host) {
            Heard::Text(text) => text,
            other => panic!("{other:?} instead of a text"),
        }
    }

    /// Closes with 1000, as it should be done, and waits until both are gone.
    pub fn end(mut self, host: &mut Host) {
        self.close(host, CloseCode::NORMAL_CLOSURE);
        assert_eq!(self.receive(host), Heard::Close(Some(CloseCode::NORMAL_CLOSURE)));
        assert_eq!(self.receive(host), Heard::End);
        host.close(self.tcp);
    }

    /// Sends and receives what can be now.
    pub fn work(&mut self, host: &mut Host) {
        let sent = host.socket(self.tcp).send_slice(&self.to_send).unwrap_or(0);
        self.to_send.drain(..sent);
        self.received.extend(host.receive(self.tcp));
        while !self.received.is_empty() {
            let progress = self.connection.receive(&mut self.received).expect("the board is right");
            let consumed = progress.consumed;
            let mut kind_if_last = None;
            let event = match progress.event {
                Some(Event::Chunk(chunk)) => {
                    self.message.extend_from_slice(chunk.as_bytes());
                    kind_if_last = chunk.is_last().then_some(chunk.kind());
                    None
                }
                Some(Event::Ping) => Some(Heard::Ping),
                Some(Event::Pong) => Some(Heard::Pong(self.connection.control_payload().to_vec())),
                Some(Event::Close) => Some(Heard::Close(
                    self.connection.close_received().and_then(|close| close.code()),
                )),
                None => None,
            };
            self.heard.extend(event);
            self.heard
                .extend(kind_if_last.map(|kind| whole(kind, std::mem::take(&mut self.message))));
            self.received.drain(..consumed);
            let mut reply = [0; 131];
            let n = self.connection.reply(&mut reply);
            self.to_send.extend_from_slice(&reply[..n]);
        }
        if !host.socket(self.tcp).may_recv() && self.heard.back() != Some(&Heard::End) {
            self.heard.push_back(Heard::End);
        }
    }
}

fn whole(kind: Kind, message: Vec<u8>) -> Heard {
    match kind {
        Kind::Text => Heard::Text(String::from_utf8(message).unwrap()),
        Kind::Binary => Heard::Binary(message),
    }
}

/// Draws masking keys that are the same in every run.
struct TestRandom(Xoshiro256PlusPlus);

impl Random for TestRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}
