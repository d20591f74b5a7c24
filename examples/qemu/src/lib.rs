//! What stands between the applications and the boards that QEMU emulates.
//!
//! ```text
//! application ── app::Board ── Machine ─┬─ Phy ── emulated_nic::Nic ── registers of the network
//!                                       └─ Clock ── registers of timers and interrupts
//! ```
//!
//! A board is a module with a function `take`; there is one module for each, and no other has
//! anything in it that belongs to one board. Cargo builds every program of the package for the
//! architecture that it is asked for, so what belongs to another one is left out of a program: it
//! is then empty, and `run` refuses to start it.

#![no_std]

#[cfg(target_arch = "arm")]
mod arm;
#[cfg(target_arch = "arm")]
mod faults;
#[cfg(target_arch = "arm")]
pub mod lm3s6965evb;
mod machine;
#[cfg(target_arch = "arm")]
pub mod mps2_an385;
mod phy;
#[cfg(target_arch = "riscv32")]
pub mod riscv32_virt;

pub use machine::{Clock, Machine};
pub use phy::Phy;
