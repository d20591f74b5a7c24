//! What an extension changes in the receiving direction (§9.1).

use std::cell::Cell;

use crate::common::{TestRole, on_both_roles};
use wirelet::{Chunk, Connection, Event, Extension, Opcode, ProtocolError};

/// An extension that gives these reserved bits a meaning.
struct Bits(u8);

impl Extension for Bits {
    fn rsv(&self, _opcode: Opcode) -> u8 {
        self.0
    }
}

/// An extension that has more, or has not, as it is told.
struct More<'a>(&'a Cell<bool>);

impl Extension for More<'_> {
    fn has_more(&self) -> bool {
        self.0.get()
    }
}

fn a_reserved_bit_is_let_in_if_the_extension_gives_it_a_meaning<Ro: TestRole>() {
    for allowed in 0..8 {
        for rsv in 0..8 {
            let mut frame = Ro::received(0x82 | rsv << 4, b"Hi");
            let mut connection = Connection::with_extension(Ro::role(), Bits(allowed));
            let event = connection.receive(&mut frame).map(|progress| progress.event);
            let expected = match rsv & !allowed {
                0 => Ok(Some(Event::Chunk(Chunk::whole(b"Hi")))),
                _ => Err(ProtocolError::ReservedBits),
            };
            assert_eq!(event, expected, "{rsv:03b} where {allowed:03b} are let in");
        }
    }
}

fn no_extension_gives_the_reserved_bits_of_a_control_frame_a_meaning<Ro: TestRole>() {
    for first in [0x88, 0x89, 0x8a] {
        for rsv in 1..8 {
            let mut frame = Ro::received(first | rsv << 4, b"");
            let mut connection = Connection::with_extension(Ro::role(), Bits(0b111));
            let error = connection.receive(&mut frame).err();
            assert_eq!(error, Some(ProtocolError::ReservedBits), "{rsv:03b}");
        }
    }
}

fn whether_the_extension_has_more_is_told<Ro: TestRole>() {
    let has_more = Cell::new(false);
    let connection = Connection::with_extension(Ro::role(), More(&has_more));
    assert!(!connection.has_more());
    has_more.set(true);
    assert!(connection.has_more());
    let (incoming, _) = connection.split();
    assert!(incoming.has_more());
    has_more.set(false);
    assert!(!incoming.has_more());
    assert!(!Ro::connection().has_more(), "without an extension there is never more");
}

on_both_roles!(
    a_reserved_bit_is_let_in_if_the_extension_gives_it_a_meaning,
    no_extension_gives_the_reserved_bits_of_a_control_frame_a_meaning,
    whether_the_extension_has_more_is_told,
);
