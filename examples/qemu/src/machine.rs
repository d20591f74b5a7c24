//! What all boards have in common.

use app::Board;
use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use emulated_nic::Nic;
use semihosting::experimental::random;
use smoltcp::time::{Duration, Instant};

use crate::Phy;

/// A board: a network interface, a clock and random numbers.
#[derive(Debug)]
pub struct Machine<N, C> {
    nic: Phy<N>,
    clock: C,
    random: ChaCha8Rng,
}

/// A clock that can put the processor to sleep.
pub trait Clock {
    /// Returns the time since the board was started. It never goes back.
    fn now(&self) -> Instant;

    /// Sleeps until the network interface interrupts, `at_most` is over, or, since more is allowed
    /// than asked for, something else happens.
    fn sleep(&mut self, at_most: Option<Duration>);
}

impl<N: Nic, C: Clock> Machine<N, C> {
    /// # Panics
    ///
    /// The host has no random numbers.
    pub(crate) fn new(mut nic: N, clock: C) -> Self {
        nic.enable_interrupt();
        Self { nic: Phy::new(nic), clock, random: ChaCha8Rng::from_seed(seed_from_host()) }
    }
}

impl<N: Nic, C: Clock> Board for Machine<N, C> {
    type Nic = Phy<N>;

    fn nic(&mut self) -> &mut Phy<N> {
        &mut self.nic
    }

    fn mac(&self) -> [u8; 6] {
        self.nic.mac()
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn wait(&mut self, at_most: Option<Duration>) {
        self.clock.sleep(at_most);
        self.nic.acknowledge_interrupt();
    }

    fn random(&mut self) -> u32 {
        self.random.next_u32()
    }
}

/// Returns how many ticks of a timer that counts `per_ms` in a millisecond `at_most` takes; `max`
/// if it is more.
pub(crate) fn in_ticks(at_most: Option<Duration>, per_ms: u32, max: u32) -> u32 {
    let Some(at_most) = at_most else { return max };
    let ticks = at_most.total_micros().saturating_mul(per_ms.into()) / 1000;
    u32::try_from(ticks).unwrap_or(max).min(max)
}

/// No emulated board has a source of entropy, so it is asked from the host through semihosting. On
/// silicon this would be the chip's generator.
fn seed_from_host() -> [u8; 32] {
    let mut seed = [0; 32];
    let filled = random::fill_bytes(&mut seed);
    assert!(filled.is_ok(), "semihosting cannot read /dev/urandom of the host");
    seed
}
