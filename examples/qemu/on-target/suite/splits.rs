//! A session means the same however TCP cuts it.

use wirelet::{Chunk, Client, Connection, Event, Kind, Role, Server};

use super::frames::{Bytes, FixedKey, KEY, put, put_frame};

/// What the peer sends: FIN and opcode, and the payload.
const RECEIVED: &[(u8, &[u8])] = &[
    (0x81, b"Hello"),
    (0x82, &[0, 0xff, 0x80, 1]),
    (0x81, b""),
    (0x01, b"\xce\xba\xe1"), // the cut goes through a code point
    (0x89, b"Hi"),
    (0x00, b""),
    (0x80, b"\xbd\xb9\xcf\x83"),
    (0x82, &[0xa5; 126]),
    (0x8a, b"unasked"),
    (0x88, b"\x03\xe9going away"),
];

/// What the application sees: a letter, and the payload.
const SEEN: &[(u8, &[u8])] = &[
    (b'T', b"Hello"),
    (b'B', &[0, 0xff, 0x80, 1]),
    (b'T', b""),
    (b'P', b"Hi"),
    (b'T', b"\xce\xba\xe1\xbd\xb9\xcf\x83"),
    (b'B', &[0xa5; 126]),
    (b'U', b"unasked"),
    (b'C', b"\x03\xe9going away"),
];

/// What is replied.
const REPLIED: &[(u8, &[u8])] = &[(0x8a, b"Hi"), (0x88, b"\x03\xe9going away")];

pub(crate) fn a_server_sees_the_same_session_at_every_split() {
    at_every_split(|| Connection::new(Server), Some(KEY), None);
}

pub(crate) fn a_client_sees_the_same_session_at_every_split() {
    at_every_split(|| Connection::new(Client(FixedKey)), None, Some(KEY));
}

fn at_every_split<Ro: Role>(
    connect: impl Fn() -> Connection<Ro>,
    peer_key: Option<[u8; 4]>,
    own_key: Option<[u8; 4]>,
) {
    let mut expected = Transcript::default();
    for (tag, payload) in SEEN {
        expected.see(*tag, payload);
    }
    for (first, payload) in REPLIED {
        put_frame(&mut expected.replied, *first, own_key, payload);
    }
    let mut stream = Bytes::new();
    for (first, payload) in RECEIVED {
        put_frame(&mut stream, *first, peer_key, payload);
    }

    for at in 0..=stream.len() {
        let mut stream = stream.clone();
        let (front, back) = stream.split_at_mut(at);
        let transcript = listen(connect(), [front, back]);
        assert_eq!(transcript, expected, "split at {at}");
    }
    for len in 1..=16 {
        let transcript = listen(connect(), stream.clone().chunks_mut(len));
        assert_eq!(transcript, expected, "in pieces of {len}");
    }
}

fn listen<'p, Ro: Role>(
    mut connection: Connection<Ro>,
    pieces: impl IntoIterator<Item = &'p mut [u8]>,
) -> Transcript {
    let mut transcript = Transcript::default();
    for mut piece in pieces {
        while !piece.is_empty() {
            let progress = connection.receive(piece).expect("the session is valid");
            let consumed = progress.consumed;
            assert!(consumed > 0, "it always makes progress");
            transcript.note(progress.event, &connection);
            piece = &mut piece[consumed..];
            let mut out = [0; 16];
            loop {
                let n = connection.reply(&mut out);
                if n == 0 {
                    break;
                }
                put(&mut transcript.replied, &out[..n]);
            }
        }
    }
    assert!(connection.is_closed());
    transcript
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Transcript {
    /// Letters, lengths and payloads.
    seen: Bytes,
    /// The message that has begun.
    message: Bytes,
    replied: Bytes,
}

impl Transcript {
    fn note<Ro: Role>(&mut self, event: Option<Event<Chunk<'_>>>, connection: &Connection<Ro>) {
        match event {
            None => {}
            Some(Event::Chunk(chunk)) => {
                put(&mut self.message, chunk.as_bytes());
                if chunk.is_last() {
                    let tag = if chunk.kind() == Kind::Text { b'T' } else { b'B' };
                    let message = core::mem::take(&mut self.message);
                    self.see(tag, &message);
                }
            }
            Some(Event::Ping) => self.see(b'P', connection.control_payload()),
            Some(Event::Pong) => self.see(b'U', connection.control_payload()),
            Some(Event::Close) => self.see(b'C', connection.control_payload()),
        }
    }

    fn see(&mut self, tag: u8, payload: &[u8]) {
        let [.., len] = payload.len().to_be_bytes();
        put(&mut self.seen, &[tag, len]);
        put(&mut self.seen, payload);
    }
}
