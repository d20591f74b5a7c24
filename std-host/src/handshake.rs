//! The opening handshake: gathering a head within its limits, and answering it.

use std::io;

use wirelet::handshake::{Acceptance, HeadScanner, Refusal, Request, RequestError, Status};

/// A head that arrives in pieces, with what comes behind it.
#[derive(Debug, Default)]
pub(crate) struct Head {
    received: Vec<u8>,
    scanner: HeadScanner,
}

impl Head {
    /// Adds what was received; returns the length of the head, which is at most `limit`, once it
    /// is whole.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        limit: usize,
    ) -> Result<Option<usize>, RequestError> {
        self.received.extend_from_slice(bytes);
        match self.scanner.scan(&self.received)? {
            Some(len) if len <= limit => Ok(Some(len)),
            None if self.received.len() <= limit => Ok(None),
            _ => Err(RequestError::HeadTooLong),
        }
    }

    /// Returns all that was received.
    pub(crate) fn into_received(self) -> Vec<u8> {
        self.received
    }
}

/// Checks a request; appends the response that accepts it to `out` and returns its path.
pub(crate) fn accept(head: &[u8], out: &mut Vec<u8>) -> Result<String, RequestError> {
    let request = Request::parse(head)?;
    let upgrade = request.upgrade()?;
    append(out, |space| upgrade.accept(&Acceptance::default(), space));
    Ok(request.path().to_owned())
}

/// Appends the response that tells the client why not to `out`.
pub(crate) fn refuse(status: Status, why: &str, out: &mut Vec<u8>) {
    let body = format!("{why}\n");
    let refusal = Refusal { body: body.as_bytes(), ..Refusal::new(status) };
    append(out, |space| refusal.encode(space));
}

/// Appends a response without fields of ours, which has at most some 250 bytes.
fn append<E>(out: &mut Vec<u8>, encode: impl FnOnce(&mut [u8]) -> Result<usize, E>) {
    let at = out.len();
    out.resize(at + 512, 0);
    let n = encode(&mut out[at..]).unwrap_or_default();
    out.truncate(at + n);
}

/// The socket has nothing for us now, and may have later.
pub(crate) fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
