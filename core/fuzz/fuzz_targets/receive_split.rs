//! A stream of frames, fed whole and cut as the fuzzer likes, to both roles: the same events, the
//! same replies and the same error; the contract of `receive` and `reply` is checked on the way.
//!
//! The input is a [`Plan`] and the stream.

#![no_main]

mod support;

use libfuzzer_sys::fuzz_target;
use support::{Plan, TestRng, Transcript, transcript};
use wirelet::{Client, Role, Server};

fuzz_target!(|data: &[u8]| {
    let Some((plan, stream)) = Plan::parse(data) else { return };
    whole_and_cut(|| Server, plan, stream);
    // The keys differ from frame to frame, so that a key too many shows in the replies.
    whole_and_cut(|| Client(TestRng::new(6455)), plan, stream);
});

fn whole_and_cut<Ro: Role>(role: impl Fn() -> Ro, plan: Plan<'_>, stream: &[u8]) {
    let whole = transcript(role(), Plan::WHOLE, stream);
    let cut = transcript(role(), plan, stream);
    assert_eq!(whole.events, cut.events);
    assert_eq!(whole.error, cut.error);
    assert_eq!(whole.replies, cut.replies);
    if whole.error.is_none() {
        assert_eq!(whole.partial, cut.partial);
    } else {
        // Text is lent up to the read that has the bad byte, and not of that read.
        let (one, other) = (partial(&whole), partial(&cut));
        assert!(one.starts_with(other) || other.starts_with(one), "{one:x?} {other:x?}");
    }
}

fn partial(transcript: &Transcript) -> &[u8] {
    transcript.partial.as_ref().map_or(&[], |(_, bytes)| bytes)
}
