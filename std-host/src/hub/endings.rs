//! How connections end, and how many have ended how.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use wirelet::CloseCode;

/// Says how a connection of TCP has ended at a server. [`Endings`] counts them.
///
/// ```
/// use wirelet_host::Ending;
/// use wirelet_host::wirelet::CloseCode;
///
/// assert_eq!(Ending::Closed(Some(CloseCode::GOING_AWAY)).label(), "close_1001");
/// assert_eq!(Ending::PingTimeout.label(), "ping_timeout");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The closing handshake was done, with this code in the peer's close frame. Codes that the registry of
    /// IANA does not name are counted together.
    Closed(Option<CloseCode>),
    /// The peer broke the protocol.
    ProtocolViolation,
    /// The peer's message was longer than [`Limits::message_bytes`](crate::Limits::message_bytes).
    MessageTooBig,
    /// The peer's message had more than 1000 empty fragments.
    EmptyFragments,
    /// The peer did not read what was sent to it, and was closed by [`Policy::Close`](crate::Policy::Close);
    /// whatever came of that close.
    SlowPeer,
    /// No sign of life came after a ping.
    PingTimeout,
    /// The closing handshake was not done in time.
    CloseTimeout,
    /// TCP ended without a closing handshake.
    Eof,
    /// TCP failed.
    IoError,
    /// TLS failed, its handshake or what came later.
    TlsFailure,
    /// The handler has panicked, or the task that served the connection was dropped.
    Abandoned,
    /// No whole request came in time.
    NoRequest,
    /// The client left before its request was whole, or before it was answered.
    LeftBeforeOpen,
    /// The handler did not decide about the request in time: 503.
    AnswerTimeout,
    /// There were too many connections: 503.
    TooManyConnections,
    /// The address had too many connections: 503.
    TooManyFromAddress,
    /// There were too many handshakes under way, of which this was the oldest.
    Dropped,
    /// The address is none of a trusted proxy, and only these may connect.
    UntrustedProxy,
    /// What came in front was no header of the PROXY protocol.
    NoProxyHeader,
    /// The request was answered, by a page or a refusal, and opened no connection.
    Answered,
    /// The server ended before the request was whole.
    Shutdown,
}

impl Ending {
    /// Returns its name in metrics, such as `close_1000`, `close_none`, `close_other` or `ping_timeout`.
    #[must_use]
    pub fn label(self) -> &'static str {
        ALL[self.index()].1
    }

    fn index(self) -> usize {
        // Only a code without a name is not there.
        ALL.iter().position(|(ending, _)| *ending == self).unwrap_or(OTHER)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Counts how the connections of a server have ended until now. Each connection of TCP that has ended, or was
/// answered without being opened, counts once.
///
/// A [`Connection`](crate::Connection) that a program has taken out of a server tells its own end, and is
/// not counted.
///
/// ```
/// # fn show(hub: &wirelet_host::Hub) {
/// use wirelet_host::Ending;
///
/// let endings = hub.totals().endings;
/// println!("{} were silent", endings.of(Ending::PingTimeout));
/// for (ending, n) in endings.iter() {
///     println!("{ending}: {n}");
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endings([u64; ALL.len()]);

impl Default for Endings {
    fn default() -> Self {
        Self([0; ALL.len()])
    }
}

impl Endings {
    /// Returns how many have ended so.
    #[must_use]
    pub fn of(&self, ending: Ending) -> u64 {
        self.0[ending.index()]
    }

    /// Returns all of them by name, also those that have not happened.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ALL.iter().zip(self.0).map(|((_, label), n)| (*label, n))
    }
}

/// The counters of a server.
#[derive(Debug)]
pub(crate) struct EndingCounters([AtomicU64; ALL.len()]);

impl Default for EndingCounters {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; ALL.len()])
    }
}

impl EndingCounters {
    pub(crate) fn count(&self, ending: Ending) {
        self.0[ending.index()].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Endings {
        Endings(std::array::from_fn(|i| self.0[i].load(Ordering::Relaxed)))
    }
}

/// All endings with their names in metrics.
const ALL: [(Ending, &str); 34] = [
    (Ending::Closed(None), "close_none"),
    (Ending::Closed(Some(CloseCode::NORMAL_CLOSURE)), "close_1000"),
    (Ending::Closed(Some(CloseCode::GOING_AWAY)), "close_1001"),
    (Ending::Closed(Some(CloseCode::PROTOCOL_ERROR)), "close_1002"),
    (Ending::Closed(Some(CloseCode::UNSUPPORTED_DATA)), "close_1003"),
    (Ending::Closed(Some(CloseCode::INVALID_FRAME_PAYLOAD_DATA)), "close_1007"),
    (Ending::Closed(Some(CloseCode::POLICY_VIOLATION)), "close_1008"),
    (Ending::Closed(Some(CloseCode::MESSAGE_TOO_BIG)), "close_1009"),
    (Ending::Closed(Some(CloseCode::MANDATORY_EXT)), "close_1010"),
    (Ending::Closed(Some(CloseCode::INTERNAL_ERROR)), "close_1011"),
    (Ending::Closed(Some(CloseCode::SERVICE_RESTART)), "close_1012"),
    (Ending::Closed(Some(CloseCode::TRY_AGAIN_LATER)), "close_1013"),
    (Ending::Closed(Some(CloseCode::BAD_GATEWAY)), "close_1014"),
    (Ending::Closed(CloseCode::new(4999)), "close_other"),
    (Ending::ProtocolViolation, "protocol_violation"),
    (Ending::MessageTooBig, "message_too_big"),
    (Ending::EmptyFragments, "empty_fragments"),
    (Ending::SlowPeer, "slow_peer"),
    (Ending::PingTimeout, "ping_timeout"),
    (Ending::CloseTimeout, "close_timeout"),
    (Ending::Eof, "eof"),
    (Ending::IoError, "io_error"),
    (Ending::TlsFailure, "tls_failure"),
    (Ending::Abandoned, "abandoned"),
    (Ending::NoRequest, "no_request"),
    (Ending::LeftBeforeOpen, "left_before_open"),
    (Ending::AnswerTimeout, "answer_timeout"),
    (Ending::TooManyConnections, "too_many_connections"),
    (Ending::TooManyFromAddress, "too_many_from_address"),
    (Ending::Dropped, "dropped"),
    (Ending::UntrustedProxy, "untrusted_proxy"),
    (Ending::NoProxyHeader, "no_proxy_header"),
    (Ending::Answered, "answered"),
    (Ending::Shutdown, "shutdown"),
];

/// The place of codes without a name.
const OTHER: usize = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_is_counted_by_itself_and_codes_without_a_name_together() {
        for (i, (ending, label)) in ALL.iter().enumerate() {
            assert_eq!((ending.index(), ending.label()), (i, *label));
        }
        let counters = EndingCounters::default();
        for code in [3000, 4000, 4999] {
            counters.count(Ending::Closed(CloseCode::new(code)));
        }
        counters.count(Ending::Closed(Some(CloseCode::NORMAL_CLOSURE)));
        let endings = counters.read();
        assert_eq!(endings.of(Ending::Closed(CloseCode::new(3999))), 3);
        let counted: Vec<_> = endings.iter().filter(|(_, n)| *n > 0).collect();
        assert_eq!(counted, [("close_1000", 1), ("close_other", 3)]);
    }

    #[test]
    fn the_names_are_different_and_those_of_codes_are_their_numbers() {
        for (i, (ending, label)) in ALL.iter().enumerate() {
            assert!(ALL[..i].iter().all(|(_, other)| other != label), "{label}");
            if let Ending::Closed(Some(code)) = ending
                && i != OTHER
            {
                assert_eq!(*label, format!("close_{code}"));
            }
        }
        assert_eq!(ALL[OTHER].1, "close_other");
    }
}
