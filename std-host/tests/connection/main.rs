//! Connections as asynchronous values, in both roles.

#[path = "../harness/mod.rs"]
mod harness;

mod ends;
mod failures;
mod flow;
mod service;
mod time;
