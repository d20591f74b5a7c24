//! What the targets share; frames and random numbers come from the tests of the crate.
#![allow(dead_code, unused_imports, reason = "no target needs all of it")]

#[path = "../../../tests/suites/common/frames.rs"]
mod frames;
mod head;
mod ops;
mod place;
mod plan;
#[path = "../../../tests/suites/common/random.rs"]
mod random;
mod transcript;

pub(crate) use frames::{Frame, frame, parse_frames};
pub(crate) use head::Head;
pub(crate) use ops::{Op, Session, text};
pub(crate) use plan::Plan;
pub(crate) use random::TestRng;
pub(crate) use transcript::{Notes, Seen, Transcript, transcript};
