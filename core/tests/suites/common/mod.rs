//! What the tests share: random numbers, frames made without the crate's encoder, transcripts.
#![allow(dead_code, unused_imports, unused_macros, reason = "no test needs all of it")]

mod frames;
mod random;
mod transcript;

pub(crate) use frames::{Frame, frame, parse_frames};
pub(crate) use random::{FixedKey, TestRng};
pub(crate) use transcript::{Peer, Seen, Transcript, at_every_split, cut_at, in_reads_of, whole};
use wirelet::{Client, Connection, Role, Server};

/// A client whose frames are literal bytes.
pub(crate) type TestClient = Client<FixedKey>;

/// The masking key of §5.7, with which every masked frame of these tests is masked.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One end under test, with the keys that go over the wire.
pub(crate) trait TestRole: Role + Sized {
    /// The key of the frames that this end receives.
    const PEER_KEY: Option<[u8; 4]>;
    /// The key of the frames that this end sends.
    const OWN_KEY: Option<[u8; 4]>;

    fn role() -> Self;

    fn connection() -> Connection<Self> {
        Connection::new(Self::role())
    }

    /// Makes a frame as the peer of this end sends it.
    fn received(first: u8, payload: &[u8]) -> Vec<u8> {
        frame(first, Self::PEER_KEY, payload)
    }

    /// Makes the frame that this end is expected to send.
    fn sent(first: u8, payload: &[u8]) -> Vec<u8> {
        frame(first, Self::OWN_KEY, payload)
    }
}

impl TestRole for Server {
    const PEER_KEY: Option<[u8; 4]> = Some(KEY);
    const OWN_KEY: Option<[u8; 4]> = None;

    fn role() -> Self {
        Self
    }
}

impl TestRole for Client<FixedKey> {
    const PEER_KEY: Option<[u8; 4]> = None;
    const OWN_KEY: Option<[u8; 4]> = Some(KEY);

    fn role() -> Self {
        Self(FixedKey(KEY))
    }
}

/// Makes two tests of each function that is generic over the role.
macro_rules! on_both_roles {
    ($($name:ident),+ $(,)?) => {
        mod as_server {
            $(#[test] fn $name() { super::$name::<wirelet::Server>(); })+
        }
        mod as_client {
            $(#[test] fn $name() { super::$name::<crate::common::TestClient>(); })+
        }
    };
}
pub(crate) use on_both_roles;
