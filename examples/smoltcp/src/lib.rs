//! WebSocket on smoltcp, both ways to do it, over a network that is simulated or a Linux TAP.
//!
//! ```text
//!   application                      application
//!        │                                │
//! wirelet::blocking               zero_buffer::WebSocket    no buffer: works in the rings
//!        │                                │
//! socket::Socket (embedded-io)            │
//!        │                                │
//!        └──────────▶ stack::Stack ◀──────┘                 one smoltcp interface, one TCP socket
//!                          │
//!                    stack::Machine                         packets and time
//!                     │          │
//!              link::LinkEnd   tap::Tap
//! ```
//!
//! Begin with [`echo`], which is a small server, both ways. To take to a board: [`stack`],
//! [`socket`] and [`zero_buffer`]; what is left to write there is a
//! [`Machine`](stack::Machine) for its network card and its timer.
//!
//! The rest is the trial: [`exchange`] lets two ends exchange the random messages of [`script`]
//! over the bad network of [`link`], and looks at every byte.
#![forbid(unsafe_code)]

pub mod echo;
mod error;
pub mod exchange;
mod fragments;
pub mod link;
pub mod script;
pub mod socket;
pub mod stack;
#[cfg(target_os = "linux")]
pub mod tap;
pub mod zero_buffer;

pub use error::TcpError;
pub use fragments::Fragments;
