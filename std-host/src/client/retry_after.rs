//! When a server wants to be asked again (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};

/// Reads the value of `Retry-After`: seconds, or a date.
pub(super) fn parse(value: &[u8], now: SystemTime) -> Option<Duration> {
    let text = str::from_utf8(value).ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:49:38 GMT", Some(1)),
            ("Sun Nov  6 08:49:37 1994", Some(0)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let wanted = seconds.map(Duration::from_secs);
            assert_eq!(parse(value.as_bytes(), now), wanted, "{value}");
        }
        assert_eq!(parse(b"\xff", now), None);
    }
}
