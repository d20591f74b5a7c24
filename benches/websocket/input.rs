//! What is received: payloads, and the frames and reads in which they come.

use std::fmt;

use wirelet::{Header, Kind, MaskingKey, Opcode};

use crate::wire::Wire;

/// Describes messages that a client sends over and over, and how they come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) content: Content,
    /// Bytes of payload in a message.
    pub(crate) len: usize,
    /// Into how many frames a message is cut.
    pub(crate) fragments: usize,
    pub(crate) reads: Reads,
}

/// What a payload is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Binary,
    /// Text of one byte a character.
    Ascii,
    /// Text of one to four bytes a character.
    Mixed,
    /// Text of three bytes a character.
    Chinese,
}

/// What one read of the socket brings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reads {
    /// One message.
    Message,
    /// As many bytes, whatever they are.
    Of(usize),
}

impl Case {
    pub(crate) fn kind(&self) -> Kind {
        match self.content {
            Content::Binary => Kind::Binary,
            Content::Ascii | Content::Mixed | Content::Chinese => Kind::Text,
        }
    }

    /// The payload of each message.
    pub(crate) fn payload(&self) -> Vec<u8> {
        self.content.bytes(self.len)
    }

    /// A socket that brings the messages.
    pub(crate) fn wire(&self) -> Wire {
        let message = self.message();
        match self.reads {
            Reads::Message => Wire::repeating(&message, usize::MAX),
            Reads::Of(len) => {
                let messages = (SOME_READS * len).div_ceil(message.len());
                Wire::repeating(&message.repeat(messages), len)
            }
        }
    }

    /// Bytes of a buffer that has space for a message with its headers, and for what else a read
    /// brings.
    pub(crate) fn buffer_len(&self) -> usize {
        (self.message().len() + 4096).next_power_of_two()
    }

    fn message(&self) -> Vec<u8> {
        let payload = self.payload();
        let mut frames = Vec::new();
        let fragments = payload.chunks(self.len.div_ceil(self.fragments));
        let last = fragments.len() - 1;
        for (at, fragment) in fragments.enumerate() {
            let opcode = match self.kind() {
                _ if at > 0 => Opcode::Continuation,
                Kind::Text => Opcode::Text,
                Kind::Binary => Opcode::Binary,
            };
            frames.extend(frame(at == last, opcode, fragment));
        }
        frames
    }
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = match self.content {
            Content::Binary => "binary",
            Content::Ascii => "ASCII",
            Content::Mixed => "mixed text",
            Content::Chinese => "Chinese",
        };
        write!(out, "{}, {content}", Size(self.len))
    }
}

impl Content {
    /// Repeats the content up to exactly `len` bytes.
    pub(crate) fn bytes(self, len: usize) -> Vec<u8> {
        let text = match self {
            Self::Binary => {
                return (0..=u8::MAX).cycle().map(|byte| byte.wrapping_mul(31)).take(len).collect();
            }
            Self::Ascii => "{\"sensor\":\"kitchen\",\"celsius\":21.5,\"at\":1700000000},",
            Self::Mixed => {
                "Übergrößenträger: 21,5 °C – naïve “quotes” and 😀 in plain English prose. "
            }
            Self::Chinese => "所有人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。",
        };
        let mut bytes = Vec::new();
        for character in text.chars().cycle() {
            if bytes.len() + character.len_utf8() > len {
                break;
            }
            bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        bytes.resize(len, b'.');
        bytes
    }
}

/// Encodes a frame as a client does.
pub(crate) fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut key = MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]);
    let payload_len = payload.len() as u64;
    let header = Header { fin, rsv: 0, opcode, masking_key: Some(key), payload_len };
    let mut frame = header.encode(&mut [0; Header::MAX_LEN]).to_vec();
    let header_len = frame.len();
    frame.extend(payload);
    key.apply(&mut frame[header_len..]);
    frame
}

/// Shows a number of bytes.
pub(crate) struct Size(pub(crate) usize);

impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            len if len >= 1 << 20 && len % (1 << 20) == 0 => write!(out, "{} MiB", len >> 20),
            len if len >= 1 << 10 && len % (1 << 10) == 0 => write!(out, "{} KiB", len >> 10),
            len => write!(out, "{len} B"),
        }
    }
}

/// So many that messages are cut at many places.
const SOME_READS: usize = 16;
