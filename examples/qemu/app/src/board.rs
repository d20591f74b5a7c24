//! What the applications ask of a board.

use smoltcp::phy::Device;
use smoltcp::time::{Duration, Instant};

/// A board with a network interface, a clock and a source of random numbers.
///
/// The tests implement it on a host, with a network and a time that are simulated.
pub trait Board {
    /// The network interface; its medium is Ethernet.
    type Nic: Device;

    /// Lends the network interface.
    fn nic(&mut self) -> &mut Self::Nic;

    /// Returns the Ethernet address of the network interface.
    fn mac(&self) -> [u8; 6];

    /// Returns the time since any fixed moment, from a clock that never goes back.
    fn now(&self) -> Instant;

    /// Sleeps until a frame has come, for `at_most` that long; `None` is without a limit.
    ///
    /// To return early is allowed. A frame that came since [`nic`](Self::nic) was asked last must
    /// not be slept over.
    fn wait(&mut self, at_most: Option<Duration>);

    /// Returns a random number, for sequence numbers of TCP and masking keys of WebSocket.
    fn random(&mut self) -> u32;
}
