//! The calls of a session, chosen by the fuzzer.

use arbitrary::{Arbitrary, Unstructured};
use wirelet::{CloseCode, Message};

use super::place::Place;

/// What happens, in order.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    /// Seeds the masking keys.
    pub(crate) seed: u8,
    /// The server sends back each chunk as it comes, and no messages of its own.
    pub(crate) echo: bool,
    /// Whether [`Op::Flip`] does anything.
    pub(crate) flips: bool,
    /// Each with whether it is the client's.
    pub(crate) ops: Vec<(bool, Op<'a>)>,
}

#[derive(Debug)]
pub(crate) enum Op<'a> {
    Send {
        message: Message<'a>,
        times: usize,
        place: Place,
        space: usize,
        copy: bool,
    },
    Ping {
        payload: &'a [u8],
        space: usize,
    },
    Pong {
        payload: &'a [u8],
        space: usize,
    },
    Close {
        code: u16,
        reason: &'a str,
        space: usize,
    },
    Fail {
        code: CloseCode,
    },
    /// This end receives as many bytes as one read.
    Receive {
        len: usize,
    },
    Reply {
        space: usize,
    },
    /// A bit of what is on its way to this end.
    Flip {
        at: usize,
        bit: u8,
    },
}

/// One byte for each choice, so that a session can be written by hand.
impl<'a> Arbitrary<'a> for Session<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let [seed, kind] = input.arbitrary()?;
        let mut ops = Vec::new();
        while !input.is_empty() && ops.len() < 256 {
            ops.push(op(input)?);
        }
        Ok(Self { seed, echo: kind & 1 != 0, flips: kind >= 0xe0, ops })
    }
}

/// The low four bits say what, the next one who, the upper three how.
fn op<'a>(input: &mut Unstructured<'a>) -> arbitrary::Result<(bool, Op<'a>)> {
    let choice = input.arbitrary::<u8>()?;
    let space = [0x1_2000, 0x1_2000, 0x1_2000, 0x1_2000, 300, 135, 20, 3][usize::from(choice >> 5)];
    let op = match choice & 0xf {
        kind @ (0 | 1) => {
            let how = input.arbitrary::<u8>()?;
            let message = match kind {
                0 => Message::Text(text(input)?),
                _ => Message::Binary(bytes(input)?),
            };
            // Mostly short; now and then of each form of the length field.
            let least = match how >> 2 & 0b1_1111 {
                0b1_1111 => 0x1_0000,
                0b1_1000.. => 130,
                _ => 1,
            };
            let times = if least > 1 { least / message.as_bytes().len().max(1) + 1 } else { 1 };
            let place = Place::of(how);
            Op::Send { message, times, place, space, copy: how & 0x80 == 0 }
        }
        2 | 3 => Op::Ping { payload: bytes(input)?, space },
        4 => Op::Pong { payload: bytes(input)?, space },
        5 => {
            let code = input.arbitrary()?;
            Op::Close { code, reason: text(input)?, space }
        }
        6 => Op::Fail {
            code: CloseCode::new(input.arbitrary()?).unwrap_or(wirelet::CapacityError::CLOSE_CODE),
        },
        7..=10 => Op::Receive { len: usize::from(input.arbitrary::<u8>()?) },
        11 => Op::Receive { len: usize::MAX },
        12 | 13 => Op::Reply { space: usize::from(input.arbitrary::<u8>()?) },
        14 => Op::Reply { space: 256 },
        _ => Op::Flip { at: input.arbitrary::<u8>()?.into(), bit: choice >> 5 },
    };
    Ok((choice & 0x10 != 0, op))
}

/// Takes a length and as many bytes.
fn bytes<'a>(input: &mut Unstructured<'a>) -> arbitrary::Result<&'a [u8]> {
    let len = usize::from(input.arbitrary::<u8>()?).min(input.len());
    input.bytes(len)
}

/// Takes a length and as many bytes, and leaves out all from the first on that is no UTF-8.
pub(crate) fn text<'a>(input: &mut Unstructured<'a>) -> arbitrary::Result<&'a str> {
    let bytes = bytes(input)?;
    Ok(match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    })
}
