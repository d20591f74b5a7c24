//! A socket and what it has not taken yet.

use std::io::{self, IoSlice, Write as _};

use crate::io::buffer::{self, Buffer};
use crate::io::is_temporary;
use crate::io::stream::Stream;

/// Sends in order, and keeps what the system does not take.
pub(crate) struct Socket {
    pub(crate) stream: Stream,
    unsent: Option<Box<Buffer>>,
}

impl Socket {
    pub(crate) const fn new(stream: Stream) -> Self {
        Self { stream, unsent: None }
    }

    /// Tells whether something waits until the system takes more.
    pub(crate) fn has_unsent(&self) -> bool {
        self.unsent.is_some() || self.stream.holds_back()
    }

    /// How much waits, in bytes; of what a stream such as TLS holds back, only that it is something.
    pub(crate) fn unsent_len(&self) -> usize {
        let unsent = self.unsent.as_ref().map_or(0, |unsent| unsent.as_bytes().len());
        unsent + usize::from(self.stream.holds_back())
    }

    /// Sends pieces that stand one behind the other, as far as the system takes them, and keeps the
    /// rest.
    pub(crate) fn send<const N: usize>(&mut self, pieces: [&[u8]; N]) -> io::Result<()> {
        let mut slices = pieces.map(IoSlice::new);
        let mut slices = &mut slices[..];
        IoSlice::advance_slices(&mut slices, 0); // over empty ones
        while !slices.is_empty() && self.unsent.is_none() {
            match write(&mut self.stream, slices)? {
                0 => break,
                n => IoSlice::advance_slices(&mut slices, n),
            }
        }
        for rest in slices {
            self.unsent.get_or_insert_with(buffer::take).append(rest);
        }
        self.stream.send_held_back()
    }

    /// Sends what waits, as far as the system takes it. Tells whether it has taken something.
    pub(crate) fn send_unsent(&mut self) -> io::Result<bool> {
        let before = self.unsent_len();
        while let Some(unsent) = &mut self.unsent {
            match write(&mut self.stream, &[IoSlice::new(unsent.as_bytes())])? {
                0 => break,
                n => unsent.consume(n),
            }
            if unsent.as_bytes().is_empty() {
                self.drop_unsent();
            }
        }
        self.stream.send_held_back()?;
        Ok(self.unsent_len() < before)
    }

    /// Forgets what waits.
    pub(crate) fn drop_unsent(&mut self) {
        if let Some(unsent) = self.unsent.take() {
            buffer::give(unsent);
        }
    }
}

/// Writes some of what is not empty; returns 0 if the system takes nothing now.
fn write(stream: &mut Stream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    loop {
        let result = match slices {
            [slice] => stream.write(slice),
            _ => stream.write_vectored(slices),
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_temporary(&error) => return Ok(0),
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;

    use mio::net::TcpStream;
    use socket2::SockRef;

    use super::*;
    use crate::io::stream::Plain;

    #[test]
    fn what_the_system_does_not_take_waits_in_its_order() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        SockRef::from(&stream).set_send_buffer_size(16 * 1024).unwrap();
        let mut socket = Socket::new(Stream::Plain(Plain::Tcp(stream)));
        let (mut peer, _) = listener.accept().unwrap();
        peer.set_nonblocking(true).unwrap();
        let parts = [1, 2, 3, 4]
            .map(|seed| (0..=250).cycle().skip(seed).take(2_000_001).collect::<Vec<u8>>());
        let [first, second, third, fourth] = parts.each_ref().map(Vec::as_slice);
        let all = [first, b"", second, third, b"", fourth, b"end"].concat();

        socket.send([first, b"", second]).unwrap();
        socket.send([third]).unwrap();
        socket.send([b"", fourth, b"end"]).unwrap();
        assert!(socket.has_unsent(), "the system took 8 MB at once");

        let mut received = vec![0; all.len()];
        let mut len = 0;
        while len < received.len() {
            // Some of it, so that what waits leaves piece by piece.
            let end = received.len().min(len + 100_000);
            match peer.read(&mut received[len..end]) {
                Ok(n) => len += n,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
            socket.send_unsent().unwrap();
        }
        assert!(received == all);
        assert!(!socket.has_unsent());
    }
}
