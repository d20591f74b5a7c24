//! permessage-deflate (RFC 7692): what `serve` and `connect` are told of it.

use clap::Args;
use wirelet_host::Compression;

use super::units::{Size, parse_size};

/// How messages are compressed.
#[derive(Args, Debug)]
pub(crate) struct DeflateArgs {
    /// Compress messages for peers that can do it too (permessage-deflate): each by itself (alone), or with those
    /// before it, as far as 2^BITS bytes back, 9 to 15, which each connection then keeps in either direction [default: off]
    #[arg(long, value_name = "alone|BITS|off", num_args = 0..=1, require_equals = true,
          default_missing_value = ALONE, value_parser = parse_takeover)]
    deflate: Option<Takeover>,
    /// How hard to compress: from 1, which is fast, to 9, which is small
    #[arg(long, value_name = "LEVEL", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=9))]
    deflate_level: u8,
    /// Messages of less bytes are not compressed
    #[arg(long, value_name = "SIZE", default_value_t = Size(128), value_parser = parse_size)]
    deflate_threshold: Size,
}

/// What messages refer to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takeover {
    Off,
    Alone,
    Bits(u8),
}

pub(crate) const OFF: &str = "off";
pub(crate) const ALONE: &str = "alone";

fn parse_takeover(text: &str) -> Result<Takeover, &'static str> {
    match text {
        OFF => Ok(Takeover::Off),
        ALONE => Ok(Takeover::Alone),
        bits => match bits.parse() {
            Ok(bits @ 9..=15) => Ok(Takeover::Bits(bits)),
            _ => Err("expected alone, off, or from 9 to 15"),
        },
    }
}

impl DeflateArgs {
    /// Returns how messages are compressed, if so.
    pub(crate) fn compression(&self) -> Option<Compression> {
        let compression =
            Compression::new().level(self.deflate_level).threshold(self.deflate_threshold.0);
        match self.deflate? {
            Takeover::Off => None,
            Takeover::Alone => Some(compression),
            Takeover::Bits(bits) => Some(compression.takeover(bits)),
        }
    }
}
