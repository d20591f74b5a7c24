//! The Ethernet controller of TI's Stellaris chips; chapter 15 of the LM3S6965 data sheet.

use core::num::NonZero;
use core::ptr::NonNull;

use safe_mmio::fields::{ReadPure, ReadPureWrite, ReadWrite};
use safe_mmio::{UniqueMmioPointer, field, field_shared};

use crate::{HEADER_LEN, Nic, words};

/// Drives the Ethernet controller of a Stellaris chip.
#[derive(Debug)]
pub struct Stellaris {
    registers: UniqueMmioPointer<'static, Registers>,
}

impl Stellaris {
    /// Switches the controller on.
    ///
    /// On silicon its clocks come first; QEMU needs none.
    ///
    /// # Safety
    ///
    /// The registers of a controller lie at `address`, and nothing else uses them.
    #[must_use]
    pub unsafe fn new(address: NonZero<usize>) -> Self {
        // SAFETY: the caller promises it.
        let mut registers = unsafe {
            UniqueMmioPointer::new(NonNull::<Registers>::with_exposed_provenance(address))
        };
        field!(registers, interrupt_mask).write(0);
        field!(registers, receive_control).write(receive_control::RESET_FIFO);
        field!(registers, receive_control).write(receive_control::ENABLE);
        field!(registers, transmit_control)
            .write(transmit_control::ENABLE | transmit_control::PAD | transmit_control::CHECKSUM);
        Self { registers }
    }
}

impl Nic for Stellaris {
    fn mac(&self) -> [u8; 6] {
        let low = field_shared!(self.registers, address_low).read();
        words::mac(low, field_shared!(self.registers, address_high).read())
    }

    // A frame in the FIFO, in words:
    //
    // ┌───────────┬──────────┬─ ─ ─┬──────────────────────┬────────────────┐
    // │ length: 2 │ frame: 2 │ …   │ check sequence: 4    │ to a word: 0…3 │
    // └───────────┴──────────┴─ ─ ─┴──────────────────────┴────────────────┘
    //
    // Its length counts itself and the check sequence. It stays until all its words are read.
    fn receive(&mut self, frame: &mut [u8]) -> Option<usize> {
        if field!(self.registers, received).read() == 0 {
            return None;
        }
        let mut data = field!(self.registers, data);
        let [length_low, length_high, start @ ..] = data.read().to_le_bytes();
        let total_len = usize::from(u16::from_le_bytes([length_low, length_high]));
        let mut words_left = total_len.div_ceil(4).saturating_sub(1);

        let len = total_len.saturating_sub(LENGTH_LEN + CHECK_LEN);
        let room = frame.get_mut(..len).and_then(|frame| frame.split_first_chunk_mut());
        let fits = room.is_some();
        if let Some((head, rest)) = room {
            *head = start;
            words_left -= words::fill(rest, || data.read());
        }
        for _ in 0..words_left {
            data.read();
        }
        fits.then_some(len)
    }

    fn can_transmit(&mut self) -> bool {
        field!(self.registers, transmit).read() & transmit::BUSY == 0
    }

    // The length that stands before the frame counts what follows the Ethernet header.
    fn transmit(&mut self, frame: &[u8]) {
        let Some((start, rest)) = frame.split_first_chunk::<2>() else { return };
        let Some(payload_len) = frame.len().checked_sub(HEADER_LEN) else { return };
        let Ok(payload_len) = u16::try_from(payload_len) else { return };

        let mut data = field!(self.registers, data);
        let [length_low, length_high] = payload_len.to_le_bytes();
        data.write(u32::from_le_bytes([length_low, length_high, start[0], start[1]]));
        words::of(rest).for_each(|word| data.write(word));
        field!(self.registers, transmit).write(transmit::BUSY);
    }

    fn enable_interrupt(&mut self) {
        field!(self.registers, interrupt_mask).write(interrupt::RECEIVED);
    }

    fn acknowledge_interrupt(&mut self) {
        field!(self.registers, interrupt).write(interrupt::RECEIVED);
    }
}

#[repr(C)]
struct Registers {
    /// Read: what has happened. Write: what of it to forget.
    interrupt: ReadPureWrite<u32>,
    interrupt_mask: ReadPureWrite<u32>,
    receive_control: ReadPureWrite<u32>,
    transmit_control: ReadPureWrite<u32>,
    /// The FIFOs: read from the one, write to the other.
    data: ReadWrite<u32>,
    address_low: ReadPure<u32>,
    address_high: ReadPure<u32>,
    _threshold_and_phy: [u32; 6],
    /// How many frames have been received.
    received: ReadPure<u32>,
    transmit: ReadPureWrite<u32>,
}

mod interrupt {
    pub(super) const RECEIVED: u32 = 1 << 0;
}

mod receive_control {
    pub(super) const ENABLE: u32 = 1 << 0;
    pub(super) const RESET_FIFO: u32 = 1 << 4;
}

mod transmit_control {
    pub(super) const ENABLE: u32 = 1 << 0;
    /// Lengthens frames to the 60 bytes that Ethernet asks for.
    pub(super) const PAD: u32 = 1 << 1;
    pub(super) const CHECKSUM: u32 = 1 << 2;
}

mod transmit {
    pub(super) const BUSY: u32 = 1 << 0;
}

/// Bytes of the length in front of a frame.
const LENGTH_LEN: usize = 2;
/// Bytes of the frame check sequence.
const CHECK_LEN: usize = 4;
