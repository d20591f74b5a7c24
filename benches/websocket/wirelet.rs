//! wirelet itself: the engine alone, and its blocking driver.

pub(crate) mod chunks;
pub(crate) mod driver;
mod store;

use rand::Rng;
use wirelet::handshake::{Acceptance, ClientRequest, HeadScanner, Key, Request};
use wirelet::{Chunk, Client, Connection, Event, Inbox, Random, Server};

use self::store::Joined;
use crate::contender::{BUFFER_LEN, HOST, Receive, Role, TARGET};
use crate::wire::Wire;

/// Receives whole messages by the engine alone.
#[derive(Debug)]
pub(crate) struct Receiver {
    wire: Wire,
    connection: Connection<Server>,
    inbox: Inbox<Joined>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Receive for Receiver {
    fn new(wire: Wire, buffer_len: usize) -> Self {
        let connection = Connection::new(Server);
        let buffer = vec![0; buffer_len].into_boxed_slice();
        Self {
            wire,
            connection,
            inbox: Inbox::new(Joined::new(buffer_len)),
            buffer,
            start: 0,
            end: 0,
        }
    }

    fn receive(&mut self, mut seen: impl FnMut(&[u8])) {
        loop {
            if self.start == self.end {
                self.start = 0;
                self.end = self.wire.receive(&mut self.buffer);
            }
            let input = &mut self.buffer[self.start..self.end];
            let progress = self.connection.receive(input).expect("valid frames");
            self.start += progress.consumed;
            if let Some(Event::Chunk(chunk)) = progress.event
                && let Some(message) = self.inbox.push(chunk).expect("space for a message")
            {
                return seen(message.as_bytes());
            }
        }
    }
}

/// Sends from a buffer, into which the engine writes the frame.
pub(crate) fn sender(wire: Wire, role: Role, payload: &'static [u8]) -> Box<dyn FnMut()> {
    fn of<Ro: wirelet::Role + 'static>(
        mut wire: Wire,
        role: Ro,
        payload: &'static [u8],
    ) -> Box<dyn FnMut()> {
        let mut connection = Connection::new(role);
        let mut out = vec![0; payload.len() + 14];
        Box::new(move || {
            let n = connection.send(payload, &mut out).expect("space");
            wire.send(&out[..n]);
        })
    }
    match role {
        Role::Server => of(wire, Server, payload),
        Role::Client => of(wire, Client(random()), payload),
    }
}

/// Sends the payload of a server from where it lies.
pub(crate) fn starter(mut wire: Wire, payload: &'static [u8]) -> impl FnMut() {
    let mut connection = Connection::new(Server);
    move || {
        let start = connection.start(&Chunk::whole(payload)).expect("open");
        wire.send(start.header());
        wire.send(payload);
    }
}

pub(crate) fn closer(wire: Wire) -> impl FnMut() {
    let Receiver { mut wire, mut connection, mut buffer, .. } = Receiver::new(wire, BUFFER_LEN);
    move || {
        let n = wire.receive(&mut buffer);
        let progress = connection.receive(&mut buffer[..n]).expect("a close frame");
        assert!(progress.event == Some(Event::Close));
        let n = connection.reply(&mut buffer);
        wire.send(&buffer[..n]);
    }
}

pub(crate) fn accept(mut wire: Wire) -> impl Sized {
    let (mut head, mut out) = ([0; 1024], [0; 256]);
    let n = wire.receive(&mut head);
    let head_len = HeadScanner::new().scan(&head[..n]).expect("a head").expect("a whole one");
    let request = Request::parse(&head[..head_len]).expect("a request");
    let upgrade = request.upgrade().expect("a handshake");
    let n = upgrade.accept(&Acceptance::default(), &mut out).expect("space");
    wire.send(&out[..n]);
    (wire, Connection::new(Server))
}

pub(crate) fn connect(mut wire: Wire) -> impl Sized {
    let mut buffer = [0; 1024];
    let mut random = random();
    let mut nonce = [0; 16];
    random.fill(&mut nonce);
    let (key, request) = (Key::from_nonce(nonce), ClientRequest::new(HOST, TARGET));
    let n = request.encode(&key, &mut buffer).expect("space");
    wire.send(&buffer[..n]);
    let n = wire.receive(&mut buffer);
    let head_len = HeadScanner::new().scan(&buffer[..n]).expect("a head").expect("a whole one");
    request.verify(&key, &buffer[..head_len]).expect("a handshake");
    (wire, Connection::new(Client(random)))
}

/// Draws masking keys from the generator of the thread, as the peers do.
pub(crate) fn random() -> impl Random {
    let mut rng = rand::rng();
    move |bytes: &mut [u8]| rng.fill_bytes(bytes)
}
