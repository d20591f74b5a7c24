//! What happens, chosen by the fuzzer; one byte for each choice, so that it can be written by hand.

use arbitrary::{Arbitrary, Unstructured};
use wirelet::Kind;

use crate::pipe::Shape;
use crate::place::Place;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) as_client: bool,
    /// The lengths of the buffers.
    pub(crate) receive: usize,
    pub(crate) message: usize,
    pub(crate) transmit: usize,
    pub(crate) shape: Shape,
    /// The opening handshake is done by the driver.
    pub(crate) opens: bool,
    /// Each call of the socket fails once in the opening handshake.
    pub(crate) opens_hard: bool,
    /// Each with the number of the call of the socket that fails in it.
    pub(crate) ops: Vec<(Option<usize>, Op)>,
}

#[derive(Debug)]
pub(crate) enum Op {
    Receive,
    ReceiveData,
    ReceiveChunk,
    /// This many chunks by the halves, which are put together again.
    Halves(u8),
    Send(Kind, Place, usize),
    Queue(Kind, Place, usize),
    Ping(usize),
    Pong(usize),
    Close(usize),
    Flush,
    Finish,
    CloseAndFinish(usize),
    /// A fragment by the writer of a message of unknown length.
    Piece(Kind, usize),
    End(Kind),
    /// The header of a message of known length.
    Begin(Kind, usize),
    /// At most so much of what the frame in progress lacks.
    Write(usize),
    /// More than it lacks.
    WriteTooMuch,
    /// How many bytes may be on the way to the peer.
    Capacity(usize),
    /// The peer takes what is on the way.
    Take,
    PeerFrame(u8, usize),
    PeerBytes(Vec<u8>),
}

impl<'a> Arbitrary<'a> for Plan {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let [how, buffers, shape] = input.arbitrary::<[u8; 3]>()?;
        let opens = how & 2 != 0;
        let mut plan = Self {
            as_client: how & 1 != 0,
            receive: if opens { 400 } else { pick(&[1, 2, 7, 16, 64, 300], buffers & 7) },
            message: pick(&[0, 5, 64, 300], buffers >> 3 & 3),
            transmit: pick(&[131, 132, 140, 400], buffers >> 5 & 3),
            shape: Shape {
                read: pick(&[1, 2, 7, 4096], shape & 3),
                write: pick(&[1, 3, 60, 4096], shape >> 2 & 3),
                capacity: usize::MAX,
            },
            opens,
            opens_hard: how & 4 != 0,
            ops: Vec::new(),
        };
        while !input.is_empty() && plan.ops.len() < 200 {
            plan.ops.push(op(input)?);
        }
        Ok(plan)
    }
}

/// The lower five bits say what, the upper three which call fails.
fn op(input: &mut Unstructured<'_>) -> arbitrary::Result<(Option<usize>, Op)> {
    let choice = input.arbitrary::<u8>()?;
    let fails_at = [None, Some(0), Some(1), Some(2), Some(3), Some(5), Some(8), Some(20)];
    let mut next = || input.arbitrary::<u8>();
    let op = match choice & 0x1f {
        0 => Op::Receive,
        1 => Op::ReceiveData,
        2..=4 => Op::ReceiveChunk,
        5 => Op::Halves(1 + next()? % 4),
        6 | 7 => {
            let how = next()?;
            Op::Send(kind(how), Place::of(how >> 1), len(how))
        }
        8 => {
            let how = next()?;
            Op::Queue(kind(how), Place::of(how >> 1), len(how))
        }
        9 => Op::Ping(len(next()?)),
        10 => Op::Pong(len(next()?)),
        11 => Op::Close(len(next()?)),
        12 => Op::Flush,
        13 => Op::Finish,
        14 => Op::CloseAndFinish(len(next()?)),
        15 | 16 => {
            let how = next()?;
            Op::Piece(kind(how), len(how))
        }
        17 => Op::End(kind(next()?)),
        18 | 19 => {
            let how = next()?;
            Op::Begin(kind(how), len(how))
        }
        20 => Op::Write(usize::from(next()?)),
        21 => Op::Write(usize::MAX),
        22 => Op::WriteTooMuch,
        23 => Op::Capacity(usize::from(next()?)),
        24 => Op::Capacity(usize::MAX),
        25 => Op::Take,
        26..=30 => {
            let how = next()?;
            let first = [0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x88];
            Op::PeerFrame(first[usize::from(how & 7)], len(how))
        }
        _ => {
            let len = usize::from(next()? % 32).min(input.len());
            Op::PeerBytes(input.bytes(len)?.to_vec())
        }
    };
    Ok((fails_at[usize::from(choice >> 5)], op))
}

fn kind(how: u8) -> Kind {
    if how & 1 == 0 { Kind::Text } else { Kind::Binary }
}

/// Around each limit, of the header and of the buffers.
fn len(how: u8) -> usize {
    const LENS: [usize; 32] = [
        0, 1, 2, 3, 5, 6, 7, 20, 57, 58, 64, 65, 100, 117, 118, 123, 124, 125, 126, 127, 128, 129,
        131, 138, 140, 141, 200, 299, 300, 301, 392, 1000,
    ];
    LENS[usize::from(how >> 3)]
}

fn pick(from: &[usize], choice: u8) -> usize {
    from[usize::from(choice) % from.len()]
}
