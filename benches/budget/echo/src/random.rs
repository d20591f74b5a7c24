//! Stands for the random number generator of a chip, in as little code.

/// A sequence of numbers that nobody should use for anything.
pub(crate) struct Sequence(u32);

impl Sequence {
    pub(crate) const fn new() -> Self {
        Self(1)
    }

    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0
    }

    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            *byte = self.next().to_le_bytes()[3];
        }
    }
}

#[cfg(feature = "wirelet-client")]
impl wirelet::Random for Sequence {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.fill(bytes);
    }
}

#[cfg(feature = "websocketz-frames")]
impl rand_core::TryRng for Sequence {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.next())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from(self.next()) << 32 | u64::from(self.next()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.fill(out);
        Ok(())
    }
}

/// The trait of an earlier release, which embedded-websocket asks for.
#[cfg(feature = "embedded-websocket-client")]
impl rand_core_0_6::RngCore for Sequence {
    fn next_u32(&mut self) -> u32 {
        self.next()
    }

    fn next_u64(&mut self) -> u64 {
        u64::from(self.next()) << 32 | u64::from(self.next())
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        self.fill(out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core_0_6::Error> {
        self.fill(out);
        Ok(())
    }
}
