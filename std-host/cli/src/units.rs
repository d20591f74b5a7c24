//! Times and sizes as arguments: with a unit, or as a plain number.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;

/// A time, such as `30s`, `1m 30s` or `500ms`; a plain number is seconds, with decimals if need be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Duration);

/// So many bytes, such as `64KiB`, `1MiB` or `1MB`; a plain number is bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) usize);

pub(crate) fn parse_time(text: &str) -> Result<Time, String> {
    let whole = text.parse().ok().map(Duration::from_secs);
    let seconds = || text.parse().ok().and_then(|n| Duration::try_from_secs_f64(n).ok());
    match whole.or_else(seconds).or_else(|| humantime::parse_duration(text).ok()) {
        Some(time) => Ok(Time(time)),
        None => Err(format!("{text:?} is no time; one is such as 30, 0.5, 30s, 500ms or 1h")),
    }
}

/// As [`parse_time`], for what somebody waits for.
pub(crate) fn parse_wait(text: &str) -> Result<Time, String> {
    match parse_time(text)? {
        Time(time) if time > A_WEEK => Err("it must be a week at most".into()),
        time => Ok(time),
    }
}

/// As [`parse_wait`], for what has no meaning as zero.
pub(crate) fn parse_positive_wait(text: &str) -> Result<Time, String> {
    parse_positive_time(text)?;
    parse_wait(text)
}

/// As [`parse_time`], for what has no meaning as zero.
pub(crate) fn parse_positive_time(text: &str) -> Result<Time, String> {
    match parse_time(text)? {
        Time(Duration::ZERO) => Err("it must be more than 0".into()),
        time => Ok(time),
    }
}

pub(crate) fn parse_size(text: &str) -> Result<Size, String> {
    let bytes = text.parse::<ByteSize>().ok().filter(|_| !text.starts_with('-'));
    match bytes.and_then(|bytes| usize::try_from(bytes.as_u64()).ok()) {
        Some(bytes) => Ok(Size(bytes)),
        None => Err(format!("{text:?} is no size; one is such as 1048576, 64KiB, 1MiB or 1MB")),
    }
}

/// As [`parse_size`], for what has no meaning as zero.
pub(crate) fn parse_positive_size(text: &str) -> Result<Size, String> {
    match parse_size(text)? {
        Size(0) => Err("it must be more than 0".into()),
        size => Ok(size),
    }
}

/// What a record of TLS may carry, as rustls takes it: with the 5 bytes of its header.
pub(crate) fn parse_fragment(text: &str) -> Result<Size, String> {
    match parse_size(text)? {
        Size(n @ 27..=16_384) => Ok(Size(n + 5)),
        _ => Err("a record of TLS carries from 27 to 16384 bytes".into()),
    }
}

const A_WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_nanos() {
            0 => write!(f, "{}s", self.0.as_secs()),
            _ => humantime::format_duration(self.0).fmt(f),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KIB: usize = 1024;
        const MIB: usize = 1024 * KIB;
        match self.0 {
            n @ MIB.. if n.is_multiple_of(MIB) => write!(f, "{}MiB", n / MIB),
            n @ KIB.. if n.is_multiple_of(KIB) => write!(f, "{}KiB", n / KIB),
            n => n.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_or_are_seconds() {
        for (text, ms) in [
            ("0", 0),
            ("30", 30_000),
            ("30s", 30_000),
            ("500ms", 500),
            ("1m 30s", 90_000),
            ("1m30s", 90_000),
            ("2min", 120_000),
            ("1h", 3_600_000),
            ("0s", 0),
            ("0.5", 500),
            ("1.25", 1250),
        ] {
            assert_eq!(parse_time(text), Ok(Time(Duration::from_millis(ms))), "{text}");
            let is_positive = parse_positive_time(text).is_ok();
            assert_eq!(is_positive, ms > 0, "{text}");
        }
        for text in
            ["", "s", "-1", "-1s", "-0.5", "inf", "NaN", "30 lightyears", "30sec onds", "9e99"]
        {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nobody_waits_for_longer_than_a_week() {
        for (text, may_be_zero, may_not) in [
            ("7days", true, true),
            ("0", true, false),
            ("8days", false, false),
            ("1e18", false, false),
        ] {
            let is_ok = (parse_wait(text).is_ok(), parse_positive_wait(text).is_ok());
            assert_eq!(is_ok, (may_be_zero, may_not), "{text}");
        }
    }

    #[test]
    fn sizes_have_units_or_are_bytes() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("1MiB", 1 << 20),
            ("1 MiB", 1 << 20),
            ("64kib", 64 << 10),
            ("1MB", 1_000_000),
            ("1k", 1000),
            ("1.5KiB", 1536),
        ] {
            assert_eq!(parse_size(text), Ok(Size(bytes)), "{text}");
            assert_eq!(parse_positive_size(text).is_ok(), bytes > 0, "{text}");
        }
        for text in ["", "MiB", "-1", "-1KiB", "1 parsec"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_can_be_given_again() {
        for (ms, text) in [(0, "0s"), (100_000, "100s"), (1500, "1s 500ms")] {
            let time = Time(Duration::from_millis(ms));
            assert_eq!(time.to_string(), text);
            assert_eq!(parse_time(text), Ok(time));
        }
        for (bytes, text) in [(0, "0"), (1000, "1000"), (16 << 10, "16KiB"), (16 << 20, "16MiB")] {
            assert_eq!(Size(bytes).to_string(), text);
            assert_eq!(parse_size(text), Ok(Size(bytes)));
        }
    }
}
