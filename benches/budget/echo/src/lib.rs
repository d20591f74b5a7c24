//! One program over and over: an echo over a socket, through wirelet and through each of its peers,
//! written as the documentation of each proposes.
//!
//! A firmware enables the feature of one program, which then is [`Chosen`]. All have buffers for
//! messages of 1 KB, none allocates, and each answers a ping and ends after the peer's close.
#![no_std]

use embedded_io::{Read, Write};

#[cfg(any(
    feature = "raw-asynch",
    feature = "wirelet-asynch",
    feature = "websocketz-frames",
    feature = "edge-frames"
))]
mod asynch;
#[cfg(any(
    feature = "wirelet-both",
    feature = "embedded-websocket-both",
    feature = "websocketz-both",
    feature = "ws-framer-both"
))]
mod both;
#[cfg(feature = "edge-frames")]
pub mod edge;
#[cfg(feature = "embedded-websocket-frames")]
pub mod embedded_websocket;
#[cfg(any(
    feature = "wirelet-client",
    feature = "embedded-websocket-client",
    feature = "websocketz-frames"
))]
mod random;
#[cfg(any(feature = "raw", feature = "raw-asynch"))]
pub mod raw;
#[cfg(feature = "websocketz-frames")]
pub mod websocketz;
#[cfg(any(
    feature = "wirelet-frames",
    feature = "wirelet-server",
    feature = "wirelet-client",
    feature = "wirelet-streaming",
    feature = "wirelet-asynch"
))]
pub mod wirelet;
#[cfg(feature = "ws-framer-frames")]
pub mod ws_framer;

/// Echoes what the peer on a socket sends, until the peer closes.
pub trait Echo {
    /// All buffers of the program, for a `static` of the firmware.
    type Memory;

    /// The buffers before their first use, all zeros.
    const MEMORY: Self::Memory;

    /// What the buffers are for, and how long each is; nothing for a program whose memory is not shown.
    const BUFFERS: &'static [(&'static str, usize)] = &[];

    /// The program begins with the server's side of the opening handshake.
    const HANDSHAKE: bool;

    /// How many bytes the library has besides the buffers while a connection is open.
    const STATE: usize = 0;

    /// The size of each of its public types, in bytes.
    const TYPES: &'static [(&'static str, usize)] = &[];

    /// Unmasks a payload, if the library has a function for that alone.
    const UNMASK: Option<Unmask> = None;

    /// Runs until the peer has closed.
    ///
    /// # Errors
    ///
    /// Anything that ends it sooner.
    fn run<S: Read + Write>(socket: S, memory: &mut Self::Memory) -> Result<(), Failed>;
}

/// Unmasks a payload from its first byte on.
pub type Unmask = fn(&mut [u8], [u8; 4]);

/// Says whether the buffers that a program names are all that it has.
#[must_use]
pub const fn names_all_buffers<E: Echo>() -> bool {
    let (mut sum, mut rest) = (0, E::BUFFERS);
    while let [(_, len), others @ ..] = rest {
        sum += *len;
        rest = others;
    }
    E::BUFFERS.is_empty() || sum == size_of::<E::Memory>()
}

/// What a buffer is for.
pub(crate) mod buffer {
    pub(crate) const HEAD: &str = "for the head of a request";
    pub(crate) const RECEIVE: &str = "to receive";
    pub(crate) const MESSAGE: &str = "for a message";
    pub(crate) const TRANSMIT: &str = "to transmit";
}

/// Says that a program ended before the peer closed. A firmware without a log does not ask why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// The longest message that a program must be able to echo, in bytes.
pub const MAX_MESSAGE: usize = 1024;

/// The length of a buffer for a frame with such a message, or for the head of a request.
pub const BUFFER: usize = MAX_MESSAGE + 128;

/// The program whose feature is enabled; where several are, as for the lints, any of them.
pub type Chosen = Program;

cfg_select! {
    feature = "wirelet-both" => { type Program = both::Both<wirelet::Server, wirelet::Client>; }
    feature = "wirelet-asynch" => { type Program = wirelet::Asynch; }
    feature = "wirelet-sans-io" => { type Program = wirelet::SansIo; }
    feature = "wirelet-streaming" => { type Program = wirelet::Streaming; }
    feature = "wirelet-client" => { type Program = wirelet::Client; }
    feature = "wirelet-server" => { type Program = wirelet::Server; }
    feature = "wirelet-frames" => { type Program = wirelet::Frames; }
    feature = "embedded-websocket-both" => {
        type Program = both::Both<embedded_websocket::Server, embedded_websocket::Client>;
    }
    feature = "embedded-websocket-client" => { type Program = embedded_websocket::Client; }
    feature = "embedded-websocket-server" => { type Program = embedded_websocket::Server; }
    feature = "embedded-websocket-frames" => { type Program = embedded_websocket::Frames; }
    feature = "websocketz-both" => {
        type Program = both::Both<websocketz::Server, websocketz::Client>;
    }
    feature = "websocketz-client" => { type Program = websocketz::Client; }
    feature = "websocketz-server" => { type Program = websocketz::Server; }
    feature = "websocketz-frames" => { type Program = websocketz::Frames; }
    feature = "edge-server" => { type Program = edge::Server; }
    feature = "edge-frames" => { type Program = edge::Frames; }
    feature = "ws-framer-both" => {
        type Program = both::Both<ws_framer::Server, ws_framer::Client>;
    }
    feature = "ws-framer-client" => { type Program = ws_framer::Client; }
    feature = "ws-framer-server" => { type Program = ws_framer::Server; }
    feature = "ws-framer-frames" => { type Program = ws_framer::Frames; }
    feature = "raw-asynch" => { type Program = raw::Asynch; }
    feature = "raw" => { type Program = raw::Blocking; }
    _ => { compile_error!("enable the feature of one program"); }
}
