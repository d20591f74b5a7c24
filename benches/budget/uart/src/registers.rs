//! The registers of a CMSDK UART.

use core::ptr::with_exposed_provenance_mut;

use embedded_io::{ErrorKind, ErrorType, Read, Write};

/// A UART that has been set up.
pub(crate) struct Uart;

impl ErrorType for Uart {
    type Error = ErrorKind;
}

impl Read for Uart {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, ErrorKind> {
        let mut n = 0;
        for slot in out {
            if n > 0 && STATE.read() & RX_FULL == 0 {
                break;
            }
            while STATE.read() & RX_FULL == 0 {}
            if STATE.read() & RX_OVERRUN != 0 {
                return Err(ErrorKind::Other);
            }
            *slot = DATA.read().to_le_bytes()[0];
            n += 1;
        }
        Ok(n)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        for byte in bytes {
            while STATE.read() & TX_FULL != 0 {}
            DATA.write((*byte).into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        while STATE.read() & TX_FULL != 0 {}
        Ok(())
    }
}

struct Register(usize);

impl Register {
    fn read(&self) -> u32 {
        // SAFETY: the address is that of a register of 32 bits.
        unsafe { with_exposed_provenance_mut::<u32>(self.0).read_volatile() }
    }

    fn write(&self, value: u32) {
        // SAFETY: the address is that of a register of 32 bits, and what is written to it sends a byte.
        unsafe { with_exposed_provenance_mut::<u32>(self.0).write_volatile(value) }
    }
}

const DATA: Register = Register(0x4000_4000);
const STATE: Register = Register(0x4000_4004);
const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;
const RX_OVERRUN: u32 = 1 << 3;
