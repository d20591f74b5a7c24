//! The options of `wirelet serve`, one by one.
#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;

mod admission;
mod ask;
mod command;
mod limits;
mod log;
mod page;
mod places;
mod settings;
