//! What each library is asked to do, beside functions of these shapes:
//!
//! ```text
//! fn sender(wire, role, payload) -> impl FnMut()    sends a binary message a call
//! fn closer(wire) -> impl FnMut()                   receives a close frame and answers it, once
//! fn accept(wire)                                   does the handshake of a server
//! fn connect(wire)                                  does that of a client, with HOST and TARGET
//! ```

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::wire::Wire;

/// Receives as a server.
pub(crate) trait Receive {
    /// Begins after the handshake. A buffer whose size can be chosen has `buffer_len` bytes, which
    /// is enough for a message.
    fn new(wire: Wire, buffer_len: usize) -> Self;

    /// Receives one message, and shows its payload, in pieces if the library's way is to stream.
    /// Text is valid UTF-8.
    fn receive(&mut self, seen: impl FnMut(&[u8]));
}

/// Tells the two ends of a connection apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
}

/// Bytes of a buffer for what is short.
pub(crate) const BUFFER_LEN: usize = 4096;

/// What a client asks for.
pub(crate) const HOST: &str = "example.com";
pub(crate) const TARGET: &str = "/chat";

/// Runs a future that never has to wait, as no [`Wire`] lets it wait.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a future waits, although its socket is always ready"),
    }
}
