//! Messages as they stream: in chunks, where they lie, validated and not joined.

use wirelet::{Connection, Event, Server};

use crate::contender::Receive;
use crate::wire::Wire;

#[derive(Debug)]
pub(crate) struct Receiver {
    wire: Wire,
    connection: Connection<Server>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Receive for Receiver {
    fn new(wire: Wire, buffer_len: usize) -> Self {
        let buffer = vec![0; buffer_len].into_boxed_slice();
        Self { wire, connection: Connection::new(Server), buffer, start: 0, end: 0 }
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
            if let Some(Event::Chunk(chunk)) = progress.event {
                seen(chunk.as_bytes());
                if chunk.is_last() {
                    return;
                }
            }
        }
    }
}
