//! What is tried out.

/// What a client sends, and what must come of it.
pub(super) enum Case {
    /// A request that must not be accepted.
    RefusedRequest(String),
    /// A request that must be refused with a status.
    Status(String),
    /// After a good request, frames after which nothing may be echoed.
    Violation(Vec<Vec<u8>>),
    /// A close frame that must be answered by one that tells of a violation.
    CloseViolation(Vec<u8>),
    /// Pieces of a request and of frames, and the last bytes of the answer.
    Answered(Vec<Vec<u8>>, &'static [u8]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    Panic,
}

impl Case {
    /// Returns what the client sends, one piece a read.
    pub(super) fn input(&self) -> Vec<Vec<u8>> {
        let request = || [REQUEST.into()].into_iter();
        match self {
            Self::RefusedRequest(request) | Self::Status(request) => vec![request.clone().into()],
            Self::Violation(frames) => {
                request().chain(frames.clone()).chain([masked(0x81, b"more")]).collect()
            }
            Self::CloseViolation(frame) => request().chain([frame.clone()]).collect(),
            Self::Answered(pieces, _) => pieces.clone(),
        }
    }

    pub(super) fn judge(&self, output: &[u8]) -> Verdict {
        let right = match self {
            Self::RefusedRequest(_) => !output.starts_with(b"HTTP/1.1 101 "),
            Self::Status(_) => output.starts_with(b"HTTP/1.1 4"),
            Self::Violation(_) => !output.ends_with(b"\x81\x04more"),
            Self::CloseViolation(_) => {
                // 1002 or 1007, without a reason.
                output.ends_with(b"\x88\x02\x03\xea") || output.ends_with(b"\x88\x02\x03\xef")
            }
            Self::Answered(_, answer) => output.ends_with(answer),
        };
        if right { Verdict::Right } else { Verdict::Wrong }
    }
}

pub(super) fn all() -> Vec<(&'static str, Case)> {
    let without = |line: &str| Case::RefusedRequest(REQUEST.replace(line, ""));
    let with = |old: &str, new: &str| Case::RefusedRequest(REQUEST.replace(old, new));
    let violation = |frames: &[Vec<u8>]| Case::Violation(frames.to_vec());
    let answered = |pieces: &[&[u8]], answer| {
        Case::Answered(pieces.iter().map(|piece| piece.to_vec()).collect(), answer)
    };
    let (first, last) = (masked(0x01, b"he"), masked(0x80, b"llo"));
    let fragments = [REQUEST.as_bytes(), &first, &last];
    let (head, tail) = REQUEST.as_bytes().split_at(REQUEST.len() / 2);
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    vec![
        (
            "takes a request in two reads",
            answered(&[head, tail, &masked(0x81, b"hi")], b"\x81\x02hi"),
        ),
        ("refuses a method other than GET", with("GET", "POST")),
        ("refuses HTTP/1.0", with("HTTP/1.1", "HTTP/1.0")),
        ("refuses a request without `Host`", without("Host: board\r\n")),
        ("refuses one without `Connection: Upgrade`", without("Connection: Upgrade\r\n")),
        ("refuses one without a version", without("Sec-WebSocket-Version: 13\r\n")),
        ("refuses another version", with("Version: 13", "Version: 8")),
        ("refuses a key that is not of 16 bytes", with("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=")),
        ("refuses two keys", with(key, &key.repeat(2))),
        (
            "tells the client by a status",
            Case::Status(REQUEST.replace("Version: 13", "Version: 8")),
        ),
        (
            "takes a frame's header in two reads",
            answered(&[REQUEST.as_bytes(), b"\x81", b"\x82\0\0\0\0hi"], b"\x81\x02hi"),
        ),
        (JOINS, answered(&fragments, b"\x81\x05hello")),
        (HANDS_ON, answered(&fragments, b"\x01\x02he\x80\x03llo")),
        (
            "answers a ping between fragments",
            answered(
                &[REQUEST.as_bytes(), &masked(0x01, b"he"), &masked(0x89, b"?")],
                b"\x8a\x01?",
            ),
        ),
        (
            "answers a close",
            answered(&[REQUEST.as_bytes(), &masked(0x88, &[0x03, 0xe8])], b"\x88\x02\x03\xe8"),
        ),
        ("fails on a frame that is not masked", violation(&[b"\x81\x02hi".to_vec()])),
        ("fails on a reserved bit", violation(&[masked(0xc1, b"hi")])),
        ("fails on a reserved opcode", violation(&[masked(0x83, b"hi")])),
        ("fails on a length in too many bytes", violation(&[b"\x81\xfe\0\x02\0\0\0\0hi".to_vec()])),
        ("fails on a ping in fragments", violation(&[masked(0x09, b"?")])),
        ("fails on a ping of 126 bytes", violation(&[long(0x89, 126)])),
        ("fails on a continuation of nothing", violation(&[masked(0x80, b"hi")])),
        ("fails on a message within another", violation(&[masked(0x01, b"a"), masked(0x81, b"b")])),
        ("fails on text that is not UTF-8", violation(&[masked(0x81, b"\xff")])),
        ("fails on a close of one byte", Case::CloseViolation(masked(0x88, &[0x03]))),
        (
            "fails on a close code that is reserved",
            Case::CloseViolation(masked(0x88, &[0x03, 0xed])),
        ),
    ]
}

pub(super) const JOINS: &str = "joins fragments";
pub(super) const HANDS_ON: &str = "hands on fragments as they come";

/// Makes a client's frame with at most 125 bytes, masked with zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).expect("it is short");
    [&[first, 0x80 | len, 0, 0, 0, 0], payload].concat()
}

/// Makes a client's frame whose length takes two bytes.
fn long(first: u8, payload_len: u16) -> Vec<u8> {
    let [high, low] = payload_len.to_be_bytes();
    [&[first, 0xfe, high, low, 0, 0, 0, 0], &*vec![b'x'; payload_len.into()]].concat()
}

const REQUEST: &str = "GET /echo HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
