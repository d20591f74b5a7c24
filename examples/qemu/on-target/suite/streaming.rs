//! Messages longer than any buffer.

use wirelet::{Chunk, Client, Connection, Event, Incoming, Kind, Role, Server};

use super::frames::FixedKey;

pub(crate) fn a_message_of_70000_bytes_goes_there_and_back_through_1_kib() {
    let (mut client_incoming, mut client_outgoing) = Connection::new(Client(FixedKey)).split();
    let (mut server_incoming, mut server_outgoing) = Connection::new(Server).split();
    let mut returned = Message::default();

    let mut start = client_outgoing.start(&Chunk::whole(&LONG)).expect("the connection is open");
    let mut header = [0; 14];
    let header = &mut header[..start.header().len()];
    header.copy_from_slice(start.header());

    let mut buffer = [0; 1024];
    let pieces = LONG.chunks(buffer.len());
    let mut echo = |input: &mut [u8]| {
        for_each_chunk(&mut server_incoming, input, |chunk| {
            let mut out = [0; 1024 + 14];
            let n = server_outgoing.send(chunk, &mut out).expect("there is room");
            for_each_chunk(&mut client_incoming, &mut out[..n], |chunk| returned.take(chunk));
        });
    };
    echo(header);
    for piece in pieces {
        let buffer = &mut buffer[..piece.len()];
        buffer.copy_from_slice(piece);
        start.mask(buffer);
        echo(buffer);
    }
    assert_eq!(returned, Message { len: LONG.len(), is_whole: true });
}

fn for_each_chunk<Ro: Role>(
    incoming: &mut Incoming<Ro>,
    mut input: &mut [u8],
    mut handle: impl FnMut(Chunk<'_>),
) {
    while !input.is_empty() {
        let progress = incoming.receive(input).expect("the frames are valid");
        let consumed = progress.consumed;
        assert!(consumed > 0, "it always makes progress");
        match progress.event {
            Some(Event::Chunk(chunk)) => handle(chunk),
            None => {}
            Some(event) => panic!("{event:?}"),
        }
        input = &mut input[consumed..];
    }
}

/// How much of [`LONG`] has come back.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    len: usize,
    is_whole: bool,
}

impl Message {
    fn take(&mut self, chunk: Chunk<'_>) {
        assert_eq!(chunk.kind(), Kind::Binary);
        assert!(!self.is_whole);
        assert_eq!(chunk.is_first(), self.len == 0);
        let bytes = chunk.as_bytes();
        assert!(LONG[self.len..].starts_with(bytes), "after {} bytes", self.len);
        self.len += bytes.len();
        self.is_whole = chunk.is_last();
    }
}

/// In flash; the byte depends on the place, so that nothing can be left out.
static LONG: [u8; 70_000] = {
    let mut bytes = [0; 70_000];
    let mut at = 0;
    while at < bytes.len() {
        [bytes[at], ..] = (at % 251 + at / 251).to_le_bytes();
        at += 1;
    }
    bytes
};
