//! The counters of the server.

use heapless::String;
use smoltcp::time::Duration;

use super::{CLIENTS, Unsent};

/// Tells how the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Time since the start.
    pub uptime: Duration,
    /// How many clients have a WebSocket open.
    pub clients: usize,
    /// How many TCP sockets wait for a connection.
    pub listening: usize,
    /// What has been counted since the start.
    pub counters: Counters,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Clients whose handshake was accepted.
    pub accepted: u32,
    /// Requests that were refused, with 503 or another status.
    pub refused: u32,
    /// Messages that were received whole.
    pub messages: u32,
    /// Bytes of payload that were received in messages, whole or not.
    pub bytes: u64,
    /// Messages of the board's own that were sent.
    pub sent: u32,
    /// Those that a client has missed for want of room.
    pub missed: u32,
}

impl Status {
    /// Tells how many more clients can be accepted.
    #[must_use]
    pub const fn free(&self) -> usize {
        CLIENTS.saturating_sub(self.clients)
    }

    /// Writes a JSON object.
    #[must_use]
    pub fn to_json(&self) -> String<JSON_LEN> {
        let Counters { accepted, refused, messages, bytes, sent, missed } = self.counters;
        heapless::format!(
            r#"{{"uptime":{},"clients":{},"free":{},"listening":{},"accepted":{accepted},"refused":{refused},"messages":{messages},"bytes":{bytes},"sent":{sent},"missed":{missed}}}"#,
            self.uptime.secs(),
            self.clients,
            self.free(),
            self.listening,
        )
        .expect("there is room for the longest numbers")
    }
}

impl Counters {
    pub(crate) const fn count_sent(&mut self, result: Result<(), Unsent>) {
        match result {
            Ok(()) => self.sent += 1,
            Err(_) => self.missed += 1,
        }
    }
}

/// Enough for the longest numbers.
pub(super) const JSON_LEN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_numbers_have_room() {
        let (most, bytes) = (u32::MAX, u64::MAX);
        let counters = Counters {
            accepted: most,
            refused: most,
            messages: most,
            bytes,
            sent: most,
            missed: most,
        };
        let uptime = Duration::from_micros(u64::MAX);
        let json = Status { uptime, clients: CLIENTS, listening: 99, counters }.to_json();
        assert!(json.starts_with(r#"{"uptime":18446744073709,"clients":4,"free":0,"#), "{json}");
        assert!(json.ends_with(r#","missed":4294967295}"#), "{json}");
    }
}
