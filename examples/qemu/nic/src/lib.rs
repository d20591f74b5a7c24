//! Drivers for network interfaces that QEMU emulates, each on its registers alone.
//!
//! | driver | interface | on |
//! |---|---|---|
//! | [`Stellaris`] | the Ethernet controller of TI's Stellaris chips | `lm3s6965evb` |
//! | [`Lan9118`] | SMSC's LAN9118, on a parallel bus | `mps2-an385` and other boards of Arm |
//! | `Virtio` (feature `virtio`) | the network device of virtual machines | `virt` |
//!
//! They know no TCP/IP stack: [`Nic`] moves Ethernet frames, without their checksums.

#![no_std]

mod lan9118;
mod stellaris;
#[cfg(feature = "virtio")]
mod virtio;
mod words;

pub use lan9118::Lan9118;
pub use stellaris::Stellaris;
#[cfg(feature = "virtio")]
pub use virtio::{Virtio, VirtioBuffers};

/// Sends and receives Ethernet frames, without waiting.
///
/// Frames have no frame check sequence; the hardware adds, checks and takes it away.
pub trait Nic {
    /// Returns the address that the interface came with.
    fn mac(&self) -> [u8; 6];

    /// Takes the next received frame and returns its length in bytes.
    ///
    /// `None` means that there is none yet. One that is longer than `frame` is dropped.
    fn receive(&mut self, frame: &mut [u8]) -> Option<usize>;

    /// Tells whether there is room for one more frame of up to [`MAX_FRAME_LEN`] bytes.
    fn can_transmit(&mut self) -> bool;

    /// Sends `frame`, which begins with the 14 bytes of its Ethernet header.
    ///
    /// Call it when [`can_transmit`](Self::can_transmit) says so; else the frame may be lost.
    fn transmit(&mut self, frame: &[u8]);

    /// Lets the interface interrupt when a frame has come.
    fn enable_interrupt(&mut self);

    /// Ends the interrupt that is on, so that the next frame causes a new one.
    ///
    /// Call it before the frames are taken: one that comes in between is then not overlooked.
    fn acknowledge_interrupt(&mut self);
}

/// Bytes of the longest frame: an Ethernet header and 1500 bytes of payload.
pub const MAX_FRAME_LEN: usize = HEADER_LEN + 1500;

/// Bytes of an Ethernet header: two addresses and a type.
pub const HEADER_LEN: usize = 14;
