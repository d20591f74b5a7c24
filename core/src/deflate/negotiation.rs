//! What both ends agree on (RFC 7692 §7.1).

use core::fmt;

use crate::handshake::{Extension, MalformedExtension};

/// Holds the parameters of permessage-deflate: what an end can do, what a client offers, or what is agreed.
///
/// It displays as an element of `Sec-WebSocket-Extensions`.
///
/// ```
/// use wirelet::deflate::Deflate;
/// use wirelet::handshake::Response;
///
/// // A server that joins messages in their buffer, and keeps nothing of them.
/// const WISH: Deflate = Deflate::new().client_no_context_takeover().server_no_context_takeover();
///
/// let offer = b"HTTP/1.1 101 Yes\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n\r\n";
/// let agreed = WISH.accept(Response::parse(offer)?.extensions()).expect("it can be had");
/// assert_eq!(agreed.server().window_bits, 10);
/// assert!(!agreed.client().takes_over);
/// # Ok::<(), wirelet::handshake::ResponseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Deflate {
    server: Direction,
    client: Direction,
    /// `server_max_window_bits` stands there, which an answer to it must have, too.
    has_server_bits: bool,
    /// `client_max_window_bits` stands there: a server may limit the client's window.
    has_client_bits: bool,
}

/// Says how one end deflates.
///
/// ```
/// use wirelet::deflate::Deflate;
///
/// let deflate = Deflate::new().server_max_window_bits(9);
/// assert_eq!(deflate.server().window_bits, 9);
/// assert!(deflate.server().takes_over);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Direction {
    /// It refers to at most `2^window_bits` bytes before, of 8 to 15.
    pub window_bits: u8,
    /// It refers to the messages before, too.
    pub takes_over: bool,
}

impl Direction {
    const FULL: Self = Self { window_bits: 15, takes_over: true };

    /// Returns what both can do.
    const fn and(self, other: Self) -> Self {
        let (bits, other_bits) = (self.window_bits, other.window_bits);
        Self {
            window_bits: if bits < other_bits { bits } else { other_bits },
            takes_over: self.takes_over && other.takes_over,
        }
    }
}

/// A server's answer is none to what was offered: the connection fails (RFC 7692 §5.1, §7.1).
///
/// ```
/// use wirelet::deflate::{Deflate, UnacceptableAnswer};
/// use wirelet::handshake::Response;
///
/// let answer = b"HTTP/1.1 101 Yes\r\nSec-WebSocket-Extensions: permessage-deflate; x\r\n\r\n";
/// let agreed = Deflate::new().agree(Response::parse(answer)?.extensions());
/// assert_eq!(agreed, Err(UnacceptableAnswer));
/// # Ok::<(), wirelet::handshake::ResponseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnacceptableAnswer;

impl fmt::Display for UnacceptableAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the server has chosen an extension, or parameters of it, that were not offered",
        )
    }
}

impl core::error::Error for UnacceptableAnswer {}

impl Default for Deflate {
    fn default() -> Self {
        Self::new()
    }
}

impl Deflate {
    /// Both ends may use all: 32 KiB of what was before, and of the messages before.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            server: Direction::FULL,
            client: Direction::FULL,
            has_server_bits: false,
            has_client_bits: false,
        }
    }

    /// The server refers to nothing of the messages before.
    #[must_use]
    pub const fn server_no_context_takeover(mut self) -> Self {
        self.server.takes_over = false;
        self
    }

    /// The client refers to nothing of the messages before.
    #[must_use]
    pub const fn client_no_context_takeover(mut self) -> Self {
        self.client.takes_over = false;
        self
    }

    /// The server refers to at most `2^bits` bytes before, of 8 to 15; others are taken as the nearest.
    #[must_use]
    pub const fn server_max_window_bits(mut self, bits: u8) -> Self {
        self.server.window_bits = clamped(bits);
        self.has_server_bits = true;
        self
    }

    /// The client refers to at most `2^bits` bytes before, of 8 to 15; others are taken as the nearest. A server
    /// that wants less than 15 declines the clients that do not offer to be limited. A client that offers it
    /// lets the server choose.
    #[must_use]
    pub const fn client_max_window_bits(mut self, bits: u8) -> Self {
        self.client.window_bits = clamped(bits);
        self.has_client_bits = true;
        self
    }

    /// Returns how the server deflates.
    #[must_use]
    pub const fn server(&self) -> Direction {
        self.server
    }

    /// Returns how the client deflates.
    #[must_use]
    pub const fn client(&self) -> Direction {
        self.client
    }

    /// Chooses, as a server that can do this, the first of a client's offers that it can accept; `None` if
    /// there is none, and no harm. The answer is what is agreed.
    pub fn accept<'h>(
        &self,
        offers: impl IntoIterator<Item = Result<Extension<'h>, MalformedExtension>>,
    ) -> Option<Self> {
        let mut offers = offers.into_iter().flatten().filter(is_deflate);
        offers.find_map(|offer| self.answer(Self::parse(&offer, true)?))
    }

    /// Answers one offer.
    fn answer(self, offer: Self) -> Option<Self> {
        let is_limited = self.client.window_bits < 15;
        if is_limited && !offer.has_client_bits {
            return None;
        }
        Some(Self {
            server: self.server.and(offer.server),
            client: self.client.and(offer.client),
            // §7.1.2.1: it is accepted by one with "the same or smaller value".
            has_server_bits: self.has_server_bits || offer.has_server_bits,
            has_client_bits: is_limited,
        })
    }

    /// Reads, as a client that has offered this, what the server chose; `None` if nothing.
    ///
    /// # Errors
    ///
    /// [`UnacceptableAnswer`]: something else, or more than once, or with parameters that the offer does
    /// not allow.
    pub fn agree<'h>(
        &self,
        answer: impl IntoIterator<Item = Result<Extension<'h>, MalformedExtension>>,
    ) -> Result<Option<Self>, UnacceptableAnswer> {
        let mut answer = answer.into_iter();
        let Some(first) = answer.next() else { return Ok(None) };
        let chosen = first.ok().filter(|_| answer.next().is_none()).filter(is_deflate);
        let chosen =
            chosen.and_then(|chosen| Self::parse(&chosen, false)).ok_or(UnacceptableAnswer)?;
        // §7.1.1.1, §7.1.2.1, §7.1.2.2: what was asked of the server is to be there, and a limit for the client
        // only where it was offered.
        let is_within = (self.server.takes_over || !chosen.server.takes_over)
            && chosen.server.window_bits <= self.server.window_bits
            && chosen.client.window_bits
                <= self.client.window_bits.max(15 * u8::from(!chosen.has_client_bits))
            && (self.has_client_bits || !chosen.has_client_bits);
        if !is_within {
            return Err(UnacceptableAnswer);
        }
        Ok(Some(Self { client: chosen.client.and(self.client), ..chosen }))
    }

    /// Reads the parameters, each of which may come once; only in an offer may `client_max_window_bits` have no
    /// value.
    fn parse(extension: &Extension<'_>, is_offer: bool) -> Option<Self> {
        let mut parsed = Self::new();
        let mut seen = [false; 4];
        for (name, value) in extension.raw_parameters() {
            let i = NAMES.iter().position(|known| name.eq_ignore_ascii_case(known.as_bytes()))?;
            if core::mem::replace(seen.get_mut(i)?, true) {
                return None;
            }
            let bits = || {
                let mut bytes = value?.bytes();
                let number = match (bytes.next()?, bytes.next()) {
                    (digit @ b'8'..=b'9', None) => digit - b'0',
                    (b'1', Some(digit @ b'0'..=b'5')) => 10 + digit - b'0',
                    _ => return None,
                };
                bytes.next().is_none().then_some(number)
            };
            parsed = match i {
                0 if value.is_none() => parsed.server_no_context_takeover(),
                1 if value.is_none() => parsed.client_no_context_takeover(),
                2 => parsed.server_max_window_bits(bits()?),
                3 if value.is_none() && is_offer => parsed.client_max_window_bits(15),
                3 => parsed.client_max_window_bits(bits()?),
                _ => return None,
            };
        }
        Some(parsed)
    }
}

impl fmt::Display for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [server_takeover, client_takeover, server_bits, client_bits] = NAMES;
        f.write_str(NAME)?;
        if !self.server.takes_over {
            write!(f, "; {server_takeover}")?;
        }
        if !self.client.takes_over {
            write!(f, "; {client_takeover}")?;
        }
        if self.has_server_bits {
            write!(f, "; {server_bits}={}", self.server.window_bits)?;
        }
        match self.client.window_bits {
            15 if self.has_client_bits => write!(f, "; {client_bits}"),
            bits if self.has_client_bits => write!(f, "; {client_bits}={bits}"),
            _ => Ok(()),
        }
    }
}

fn is_deflate(extension: &Extension<'_>) -> bool {
    extension.raw_name().eq_ignore_ascii_case(NAME.as_bytes())
}

const fn clamped(bits: u8) -> u8 {
    match bits {
        ..8 => 8,
        15.. => 15,
        bits => bits,
    }
}

const NAME: &str = "permessage-deflate";

const NAMES: [&str; 4] = [
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits",
    "client_max_window_bits",
];
