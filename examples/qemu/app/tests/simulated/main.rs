//! The applications on a network and in a time that are simulated.

#![expect(unreachable_pub, reason = "`pub` says what a module is for, also in a program")]

mod client;
mod ending;
mod faults;
mod host;
mod http;
mod link;
mod serving;
mod websocket;
