//! The response that accepts (RFC 6455 §4.2.2).

use super::fields::Added;
use super::writer::{Head, Writer, write_head, write_whole};
use super::{AllowList, BuildError, Piece, key};
#[cfg(feature = "deflate")]
use crate::deflate::Deflate;

/// Says with what the server accepts, and which pages; the default is nothing special, and pages
/// of the server's own host.
///
/// ```
/// use wirelet::handshake::{Acceptance, AllowList};
///
/// const ACCEPTANCE: Acceptance = Acceptance::new()
///     .headers(&[("Server", "board/1.0")])
///     .origins(AllowList::Only(&["https://example.com"]));
/// let with_subprotocol = ACCEPTANCE.subprotocol(Some("mqtt"));
/// assert_ne!(with_subprotocol, ACCEPTANCE);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Acceptance<'a> {
    subprotocol: Option<&'a str>,
    headers: Added<'a>,
    origins: Option<AllowList<'a>>,
    #[cfg(feature = "deflate")]
    deflate: Option<Deflate>,
}

impl<'a> Acceptance<'a> {
    /// Accepts without a subprotocol, from pages of the host that is asked for.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            subprotocol: None,
            headers: Added(&[]),
            origins: None,
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }

    /// Takes what is agreed of permessage-deflate (RFC 7692), which is what [`Deflate::accept`] returns.
    ///
    /// ```
    /// use wirelet::deflate::Deflate;
    /// use wirelet::handshake::{Acceptance, Request};
    ///
    /// let request = Request::parse(
    ///     b"GET / HTTP/1.1\r\nHost: board.local\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
    ///       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    ///       Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
    /// )?;
    /// let upgrade = request.upgrade()?;
    /// let agreed = Deflate::new().client_no_context_takeover().accept(upgrade.extensions());
    /// let mut out = [0; 256];
    /// let n = upgrade.accept(&Acceptance::new().deflate(agreed), &mut out)?;
    /// let answer = b"\r\nSec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n";
    /// assert!(out[..n].windows(answer.len()).any(|part| part == answer));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn deflate(mut self, agreed: Option<Deflate>) -> Self {
        self.deflate = agreed;
        self
    }

    /// Takes the chosen subprotocol, one of those that the client offered; it is what
    /// [`choose_subprotocol`](super::Upgrade::choose_subprotocol) returns.
    #[must_use]
    pub const fn subprotocol(mut self, subprotocol: Option<&'a str>) -> Self {
        self.subprotocol = subprotocol;
        self
    }

    /// Adds header fields, each a name and a value, in place of those given before.
    #[must_use]
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = Added(headers);
        self
    }

    /// Lets in the pages of these origins, in place of those of the host itself.
    ///
    /// [`AllowList::Any`] lets any page that a user opens use this server in their name (§10.2).
    #[must_use]
    pub const fn origins(mut self, origins: AllowList<'a>) -> Self {
        self.origins = Some(origins);
        self
    }

    pub(super) const fn chosen(&self) -> Option<&'a str> {
        self.subprotocol
    }

    pub(super) const fn let_in(&self) -> Option<AllowList<'a>> {
        self.origins
    }
}

/// Holds the response 101 that opens a connection; made by [`Upgrade::respond`], and independent
/// of the request, whose buffer is free.
///
/// [`Upgrade::respond`]: super::Upgrade::respond
///
/// ```
/// use wirelet::handshake::{Acceptance, Request};
///
/// let request = Request::parse(
///     b"GET / HTTP/1.1\r\nHost: board.local\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
///       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
/// )?;
/// let response = request.upgrade()?.respond(&Acceptance::new())?;
/// let (mut sent, mut out) = (Vec::new(), [0; 64]);
/// loop {
///     let piece = response.encode_piece(sent.len(), &mut out)?;
///     sent.extend_from_slice(&out[..piece.len]); // or to the socket
///     if piece.is_last {
///         break;
///     }
/// }
/// assert!(sent.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SwitchingProtocols<'a> {
    /// Digested once, whatever the number of pieces.
    accept: [u8; 28],
    subprotocol: Option<&'a str>,
    headers: Added<'a>,
    #[cfg(feature = "deflate")]
    deflate: Option<Deflate>,
}

impl<'a> SwitchingProtocols<'a> {
    /// `acceptance` has been held against the request.
    pub(crate) const fn new(acceptance: &Acceptance<'a>) -> Self {
        let Acceptance { subprotocol, headers, .. } = *acceptance;
        Self {
            accept: [0; 28],
            subprotocol,
            headers,
            #[cfg(feature = "deflate")]
            deflate: acceptance.deflate,
        }
    }

    /// Proves that `key` has been read.
    pub(super) fn answer(&mut self, key: &[u8; 24]) {
        key::accept(key, &mut self.accept);
    }

    /// Writes the response; returns its length, about 130 bytes without headers of your own.
    ///
    /// # Errors
    ///
    /// [`BuildError::HeaderName`], [`BuildError::HeaderValue`] and [`BuildError::OutOfSpace`]; the
    /// response has not been written whole.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        write_whole(self, out)
    }

    /// Writes what fits of the response, from its byte number `at` on.
    ///
    /// # Errors
    ///
    /// [`BuildError::HeaderName`] and [`BuildError::HeaderValue`], for the first piece or for none.
    pub fn encode_piece(&self, at: usize, out: &mut [u8]) -> Result<Piece, BuildError> {
        write_head(self, at, out)
    }
}

impl Head for SwitchingProtocols<'_> {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), BuildError> {
        writer.put(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        );
        writer.field("Sec-WebSocket-Accept", &self.accept);
        if let Some(subprotocol) = self.subprotocol {
            writer.field("Sec-WebSocket-Protocol", subprotocol.as_bytes());
        }
        #[cfg(feature = "deflate")]
        if let Some(agreed) = &self.deflate {
            writer.extension(agreed);
        }
        self.headers.write(writer)?;
        writer.put(b"\r\n");
        Ok(())
    }
}
