//! SMSC's LAN9118; its data sheet, chapter 5 for the registers.

use core::num::NonZero;
use core::ptr::NonNull;

use safe_mmio::fields::{ReadOnly, ReadPure, ReadPureWrite, WriteOnly};
use safe_mmio::{UniqueMmioPointer, field};

use crate::{MAX_FRAME_LEN, Nic, words};

/// Drives a LAN9118 on a 32-bit bus.
#[derive(Debug)]
pub struct Lan9118 {
    registers: UniqueMmioPointer<'static, Registers>,
    mac: [u8; 6],
}

impl Lan9118 {
    /// Resets the chip and switches it on.
    ///
    /// # Safety
    ///
    /// The registers of a chip lie at `address`, and nothing else uses them.
    #[must_use]
    pub unsafe fn new(address: NonZero<usize>) -> Self {
        // SAFETY: the caller promises it.
        let registers = unsafe {
            UniqueMmioPointer::new(NonNull::<Registers>::with_exposed_provenance(address))
        };
        let mut chip = Self { registers, mac: [0; 6] };
        chip.reset();
        chip.mac = chip.read_mac();
        chip.write_csr(
            mac_csr::CONTROL,
            mac_csr::FULL_DUPLEX | mac_csr::TRANSMIT | mac_csr::RECEIVE,
        );
        field!(chip.registers, transmit_config).write(TRANSMIT_ON);
        chip
    }

    fn reset(&mut self) {
        field!(self.registers, hardware_config).write(SOFT_RESET);
        while field!(self.registers, hardware_config).read() & SOFT_RESET != 0 {}
    }

    fn read_mac(&mut self) -> [u8; 6] {
        let low = self.read_csr(mac_csr::ADDRESS_LOW);
        words::mac(low, self.read_csr(mac_csr::ADDRESS_HIGH))
    }

    fn read_csr(&mut self, index: u32) -> u32 {
        self.command_csr(mac_csr::READ | index);
        field!(self.registers, csr_data).read()
    }

    fn write_csr(&mut self, index: u32, value: u32) {
        field!(self.registers, csr_data).write(value);
        self.command_csr(index);
    }

    /// The MAC has registers of its own, behind two of the chip's.
    fn command_csr(&mut self, command: u32) {
        let mut csr = field!(self.registers, csr_command);
        csr.write(mac_csr::BUSY | command);
        while csr.read() & mac_csr::BUSY != 0 {}
    }

    /// Takes away what the chip tells of frames that it has sent; full of that, it sends no more.
    fn forget_transmitted(&mut self) {
        while field!(self.registers, transmit_fifo).read() & TRANSMIT_STATUSES != 0 {
            field!(self.registers, transmit_status).read();
        }
    }
}

impl Nic for Lan9118 {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn receive(&mut self, frame: &mut [u8]) -> Option<usize> {
        if field!(self.registers, receive_fifo).read() & RECEIVE_STATUSES == 0 {
            return None;
        }
        let status = field!(self.registers, receive_status).read();
        let total_len = usize::from((status >> 16) as u16 & 0x3fff);
        let len = total_len.saturating_sub(CHECK_LEN);
        let frame = frame.get_mut(..len).filter(|_| status & RECEIVE_ERROR == 0);

        let mut data = field!(self.registers, receive_data);
        let fits = frame.is_some();
        let n_read = frame.map_or(0, |frame| words::fill(frame, || data.read()));
        for _ in n_read..total_len.div_ceil(4) {
            data.read();
        }
        fits.then_some(len)
    }

    fn can_transmit(&mut self) -> bool {
        self.forget_transmitted();
        let free = field!(self.registers, transmit_fifo).read() & TRANSMIT_FREE;
        free as usize >= COMMANDS_LEN + MAX_FRAME_LEN.next_multiple_of(4)
    }

    fn transmit(&mut self, frame: &[u8]) {
        let Ok(len) = u32::try_from(frame.len()) else { return };
        let mut data = field!(self.registers, transmit_data);
        data.write(FIRST_SEGMENT | LAST_SEGMENT | len);
        data.write(len << 16 | len);
        words::of(frame).for_each(|word| data.write(word));
    }

    fn enable_interrupt(&mut self) {
        // An interrupt for every frame.
        field!(self.registers, fifo_level).write(0);
        field!(self.registers, interrupt_config).write(INTERRUPT_HIGH_PUSH_PULL);
        field!(self.registers, interrupt_enable).write(RECEIVED);
    }

    fn acknowledge_interrupt(&mut self) {
        field!(self.registers, interrupt_status).write(RECEIVED);
    }
}

#[repr(C)]
struct Registers {
    receive_data: ReadOnly<u32>, // 0x00
    _receive_aliases: [u32; 7],
    transmit_data: WriteOnly<u32>, // 0x20
    _transmit_aliases: [u32; 7],
    receive_status: ReadOnly<u32>, // 0x40
    _receive_peek: u32,
    transmit_status: ReadOnly<u32>, // 0x48
    _transmit_peek: u32,
    _id: u32,
    interrupt_config: ReadPureWrite<u32>, // 0x54
    interrupt_status: ReadPureWrite<u32>, // 0x58
    interrupt_enable: ReadPureWrite<u32>, // 0x5c
    _byte_order: [u32; 2],
    fifo_level: ReadPureWrite<u32>, // 0x68
    _receive_config: u32,
    transmit_config: ReadPureWrite<u32>, // 0x70
    hardware_config: ReadPureWrite<u32>, // 0x74
    _receive_control: u32,
    receive_fifo: ReadPure<u32>,  // 0x7c
    transmit_fifo: ReadPure<u32>, // 0x80
    _power_gpio_timer: [u32; 8],
    csr_command: ReadPureWrite<u32>, // 0xa4
    csr_data: ReadPureWrite<u32>,    // 0xa8
}

/// The registers of the MAC: their indices, and their bits.
mod mac_csr {
    pub(super) const BUSY: u32 = 1 << 31;
    pub(super) const READ: u32 = 1 << 30;

    pub(super) const CONTROL: u32 = 1;
    pub(super) const RECEIVE: u32 = 1 << 2;
    pub(super) const TRANSMIT: u32 = 1 << 3;
    pub(super) const FULL_DUPLEX: u32 = 1 << 20;

    pub(super) const ADDRESS_HIGH: u32 = 2;
    pub(super) const ADDRESS_LOW: u32 = 3;
}

/// In `hardware_config`; the chip clears it.
const SOFT_RESET: u32 = 1 << 0;
/// In `transmit_config`.
const TRANSMIT_ON: u32 = 1 << 1;
/// In `interrupt_config`: enabled, active high, push-pull.
const INTERRUPT_HIGH_PUSH_PULL: u32 = 1 << 8 | 1 << 4 | 1 << 0;
/// In `interrupt_enable` and `interrupt_status`: more received frames wait than `fifo_level`.
const RECEIVED: u32 = 1 << 3;
/// In `receive_fifo`: how many statuses wait.
const RECEIVE_STATUSES: u32 = 0x00ff_0000;
/// In `receive_status`.
const RECEIVE_ERROR: u32 = 1 << 15;
/// In `transmit_fifo`: how many statuses wait.
const TRANSMIT_STATUSES: u32 = 0x00ff_0000;
/// In `transmit_fifo`: how many bytes are free.
const TRANSMIT_FREE: u32 = 0x0000_ffff;
/// In the first of the two command words in front of a frame.
const FIRST_SEGMENT: u32 = 1 << 13;
const LAST_SEGMENT: u32 = 1 << 12;
/// Bytes of the two.
const COMMANDS_LEN: usize = 8;
/// Bytes of the frame check sequence.
const CHECK_LEN: usize = 4;
