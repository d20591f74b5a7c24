//! The client: what it sends step by step, and what it wants to get.

use core::convert::Infallible;

use embedded_io::{ErrorType, Read, Write};

use crate::counter;
use crate::frames::{ACCEPT, CLOSE, CLOSE_OF_CLIENT, KEY, REQUEST, frame};

/// A socket that plays the client, and counts the instructions that are executed outside of it.
///
/// One read gives no more than one step has, and only after all that the step before it wanted.
pub(crate) struct Script {
    steps: [Step; 7],
    /// The step whose input is being read, and how much of it has been.
    at: usize,
    read: usize,
    /// What was written since the step began.
    output: [u8; MAX_OUTPUT],
    written: usize,
    failure: Option<&'static str>,
    /// When the program got control.
    since: u32,
    /// What a look at the counter takes.
    overhead: u32,
}

/// A step of the session.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// What the program executed from the first byte of this step to its wish for the next one.
    pub(crate) instructions: u32,
    input: &'static [u8],
    wanted: Wanted,
}

enum Wanted {
    Acceptance,
    Bytes(&'static [u8]),
    /// These, or nothing: not every program answers a close.
    BytesOrNothing(&'static [u8]),
}

impl Script {
    pub(crate) const fn new() -> Self {
        Self {
            steps: [
                Step::new("handshake", REQUEST, Wanted::Acceptance),
                Step::new(
                    "echo of 20 B",
                    &const { frame::<26>(0x82, 20, KEY) },
                    Wanted::Bytes(&const { frame::<22>(0x82, 20, None) }),
                ),
                Step::new(
                    "echo of 125 B",
                    &const { frame::<131>(0x82, 125, KEY) },
                    Wanted::Bytes(&const { frame::<127>(0x82, 125, None) }),
                ),
                Step::new(
                    "echo of 125 B of text",
                    &const { frame::<131>(0x81, 125, KEY) },
                    Wanted::Bytes(&const { frame::<127>(0x81, 125, None) }),
                ),
                Step::new(
                    "echo of 1 KB",
                    &const { frame::<1032>(0x82, 1024, KEY) },
                    Wanted::Bytes(&const { frame::<1028>(0x82, 1024, None) }),
                ),
                Step::new(
                    "pong",
                    &const { frame::<11>(0x89, 5, KEY) },
                    Wanted::Bytes(&const { frame::<7>(0x8a, 5, None) }),
                ),
                Step::new("close", CLOSE_OF_CLIENT, Wanted::BytesOrNothing(CLOSE)),
            ],
            at: 0,
            read: 0,
            output: [0; MAX_OUTPUT],
            written: 0,
            failure: None,
            since: 0,
            overhead: 0,
        }
    }

    /// Begins the session, if the program does no handshake then after it.
    pub(crate) fn begin(&mut self, handshake: bool) {
        self.at = usize::from(!handshake);
        self.resume();
        self.overhead = counter::between(self.since, counter::now());
        self.resume();
    }

    /// Ends the session, after the program has returned.
    pub(crate) fn end(&mut self) {
        self.pause();
        self.end_step();
        if self.at < self.steps.len() {
            self.failure.get_or_insert("the program has not come to the end");
        }
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.instructions > 0)
    }

    /// Returns the name of the first step that did not bring what it should.
    pub(crate) const fn failure(&self) -> Option<&'static str> {
        self.failure
    }

    fn pause(&mut self) {
        let now = counter::now();
        if let Some(step) = self.steps.get_mut(self.at) {
            step.instructions += counter::between(self.since, now).saturating_sub(self.overhead);
        }
    }

    fn resume(&mut self) {
        self.since = counter::now();
    }

    fn end_step(&mut self) {
        let Some(step) = self.steps.get(self.at) else { return };
        if self.read < step.input.len() || !step.wanted.is(&self.output[..self.written]) {
            self.failure.get_or_insert(step.name);
        }
        self.at += 1;
        self.read = 0;
        self.written = 0;
    }
}

impl Step {
    const fn new(name: &'static str, input: &'static [u8], wanted: Wanted) -> Self {
        Self { name, instructions: 0, input, wanted }
    }
}

impl Wanted {
    fn is(&self, output: &[u8]) -> bool {
        match self {
            Self::Acceptance => {
                output.starts_with(b"HTTP/1.1 101 ")
                    && output.windows(ACCEPT.len()).any(|window| window == ACCEPT)
                    && output.ends_with(b"\r\n\r\n")
            }
            Self::Bytes(bytes) => output == *bytes,
            Self::BytesOrNothing(bytes) => output == *bytes || output.is_empty(),
        }
    }
}

impl ErrorType for Script {
    type Error = Infallible;
}

impl Read for Script {
    #[inline(never)]
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Infallible> {
        self.pause();
        if self.steps.get(self.at).is_some_and(|step| self.read == step.input.len()) {
            self.end_step();
        }
        let rest = self.steps.get(self.at).map_or(&[][..], |step| &step.input[self.read..]);
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.read += n;
        self.resume();
        Ok(n)
    }
}

impl Write for Script {
    #[inline(never)]
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.pause();
        // What does not fit is more than any step wants.
        let n = bytes.len().min(MAX_OUTPUT - self.written);
        self.output[self.written..][..n].copy_from_slice(&bytes[..n]);
        self.written += n;
        self.resume();
        Ok(bytes.len())
    }

    #[inline(never)]
    fn flush(&mut self) -> Result<(), Infallible> {
        self.pause();
        self.resume();
        Ok(())
    }
}

/// More than any step wants.
const MAX_OUTPUT: usize = 1100;
