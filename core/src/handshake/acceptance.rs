//! The response that accepts (RFC 6455 §4.2.2).

use super::refusal::put_headers;
use super::writer::Writer;
use super::{BuildError, key};

/// Says with what the server accepts; the default is nothing special.
///
/// ```
/// use wirelet::handshake::Acceptance;
///
/// let acceptance = Acceptance {
///     subprotocol: Some("mqtt"),
///     headers: &[("Server", "board/1.0")],
/// };
/// # let _ = acceptance;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acceptance<'a> {
    /// The chosen subprotocol, one of those that the client offered.
    pub subprotocol: Option<&'a str>,
    /// Header fields to add.
    pub headers: &'a [(&'a str, &'a str)],
}

pub(super) fn encode_acceptance(
    acceptance: &Acceptance<'_>,
    key: &[u8; 24],
    out: &mut [u8],
) -> Result<usize, BuildError> {
    let mut writer = Writer::new(out);
    writer
        .put(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    let mut accept = [0; 28];
    key::accept(key, &mut accept);
    writer.field("Sec-WebSocket-Accept", &accept);
    if let Some(subprotocol) = acceptance.subprotocol {
        writer.field("Sec-WebSocket-Protocol", subprotocol.as_bytes());
    }
    put_headers(&mut writer, acceptance.headers)?;
    writer.put(b"\r\n");
    writer.finish()
}
