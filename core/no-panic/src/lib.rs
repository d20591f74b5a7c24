//! Exports each API of `wirelet` as a function of its own, for `../check` to link.
//!
//! The panic handler calls a function that does not exist, so whatever can panic cannot be linked.
//! The names are the list of what is proved: `module_role_method`.
//!
//! All that an API works on comes in by argument, in any state that its type allows: the optimizer
//! cannot leave out a panic because it sees how a value was made, as it could in one program but
//! not in another. What comes out is returned, so that nothing is left out as unused.
#![no_std]
#![allow(
    clippy::result_large_err,
    clippy::type_complexity,
    reason = "an export names all that it takes and returns"
)]

mod asynch;
mod blocking;
mod connection;
mod deflate;
mod frame;
mod handshake;
mod socket;

use core::panic::PanicInfo;

unsafe extern "C" {
    /// Does not exist.
    safe fn wirelet_can_panic(info: *const ()) -> !;
}

/// Takes its argument seriously: otherwise all functions of `core` that panic would do the same,
/// and be merged to one with the name of any.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    wirelet_can_panic((&raw const *info).cast())
}

/// Panics, so that it is seen that `check` finds panics.
#[unsafe(no_mangle)]
pub fn control_that_panics(bytes: &[u8], at: usize) -> u8 {
    bytes[at]
}
