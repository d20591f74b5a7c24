//! wirelet.

#[cfg(feature = "wirelet-asynch")]
mod asynch;
#[cfg(feature = "wirelet-client")]
mod client;
#[cfg(any(feature = "wirelet-frames", feature = "wirelet-sans-io"))]
mod frames;
#[cfg(feature = "wirelet-sans-io")]
mod sans_io;
#[cfg(feature = "wirelet-server")]
mod server;
#[cfg(feature = "wirelet-streaming")]
mod streaming;
#[cfg(feature = "wirelet-server")]
mod types;

#[cfg(feature = "wirelet-asynch")]
pub use asynch::Asynch;
#[cfg(feature = "wirelet-client")]
pub use client::Client;
#[cfg(any(feature = "wirelet-frames", feature = "wirelet-sans-io"))]
pub use frames::Frames;
#[cfg(feature = "wirelet-sans-io")]
pub use sans_io::SansIo;
#[cfg(feature = "wirelet-server")]
pub use server::Server;
#[cfg(feature = "wirelet-streaming")]
pub use streaming::Streaming;
