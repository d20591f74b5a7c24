//! `wirelet serve --mode exec`: a process for each connection.
#![cfg(target_os = "linux")]

mod ends;
mod environment;
#[path = "../harness/mod.rs"]
mod harness;
mod lines;
mod program;
