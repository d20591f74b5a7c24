//! What the servers are to do.

use crate::contestant::certificate;

/// A kind of work, by name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// As on the command line and above its column.
    pub(crate) name: &'static str,
    pub(crate) work: Work,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Messages come back on the connection that sent them.
    Echo {
        connections: usize,
        size: usize,
        /// How many of a connection are under way at a time.
        depth: usize,
        content: Content,
    },
    /// Binary messages come back over TLS, of 50 connections.
    TlsEcho { size: usize, depth: usize },
    /// Each connection is closed when so many messages of 20 B have come back, and another opened.
    Reconnect { connections: usize, messages: usize },
    /// Messages of one connection go to all.
    Broadcast { connections: usize, size: usize },
    /// Threads publish messages at once, each to so many connections.
    Publish { connections: usize, size: usize },
    /// Connections that do nothing for so many seconds.
    Idle { connections: usize, seconds: u32 },
    /// Connections that do nothing, before and after messages.
    Memory { connections: usize },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    Binary,
    Ascii,
    Chinese,
}

impl Scenario {
    /// Returns the arguments that make `wirelet bench` do this.
    pub(crate) fn load_args(&self) -> Vec<String> {
        let args = |connections: usize, size: usize| {
            vec![format!("--connections={connections}"), format!("--size={size}")]
        };
        match self.work {
            Work::Echo { connections, size, depth, content } => {
                let mut args = args(connections, size);
                args.push(format!("--depth={depth}"));
                args.extend(match content {
                    Content::Binary => None,
                    Content::Ascii => Some("--text=ascii".into()),
                    Content::Chinese => Some("--text=chinese".into()),
                });
                args
            }
            Work::TlsEcho { size, depth } => {
                let mut args = args(50, size);
                args.push(format!("--depth={depth}"));
                args.push(format!("--ca={}", certificate().display()));
                args
            }
            Work::Reconnect { connections, messages } => {
                let mut args = args(connections, 20);
                args.push(format!("--reconnect-after={messages}"));
                args
            }
            Work::Broadcast { connections, size } => {
                let mut args = args(connections, size);
                args.push("--broadcast".into());
                args
            }
            // The contestants say how many rooms and connections.
            Work::Publish { size, .. } => vec![format!("--size={size}"), "--broadcast".into()],
            Work::Idle { connections, .. } => {
                vec![format!("--connections={connections}"), "--idle".into()]
            }
            Work::Memory { .. } => Vec::new(),
        }
    }
}

impl Work {
    /// Returns for how long a server is measured at a time, if `usual` is for most.
    pub(crate) fn seconds(self, usual: f64) -> f64 {
        match self {
            Self::Idle { seconds, .. } => seconds.into(),
            // For some connections to end.
            Self::Reconnect { .. } => usual.max(0.5),
            // For some twenty messages to be received by everyone.
            Self::Broadcast { connections, .. } | Self::Publish { connections, .. } => {
                let connections = u32::try_from(connections).unwrap_or(u32::MAX);
                usual.max(f64::from(connections) / 5000.0)
            }
            _ => usual,
        }
    }
}

/// All of them, at full length.
pub(crate) const ALL: [Scenario; 23] = [
    echo("20B", 20, 1, Content::Binary),
    echo("125B", 125, 1, Content::Binary),
    echo("1K", 1024, 1, Content::Binary),
    echo("16K", 16 * 1024, 1, Content::Binary),
    echo("64K", 64 * 1024, 1, Content::Binary),
    echo("1M", 1024 * 1024, 1, Content::Binary),
    echo("20Bx32", 20, 32, Content::Binary),
    echo("125Bx32", 125, 32, Content::Binary),
    echo("1Kx32", 1024, 32, Content::Binary),
    echo("ascii", 64 * 1024, 1, Content::Ascii),
    echo("chinese", 64 * 1024, 1, Content::Chinese),
    small("512x5B", 512, 1),
    small("512x5Bx16", 512, 16),
    tls("tls-20B", 20, 1),
    tls("tls-1K", 1024, 1),
    tls("tls-64K", 64 * 1024, 1),
    tls("tls-1Kx32", 1024, 32),
    Scenario { name: "reconnect", work: Work::Reconnect { connections: 50, messages: 10 } },
    Scenario { name: "broadcast", work: Work::Broadcast { connections: 1000, size: 1024 } },
    Scenario { name: "broadcast9K", work: Work::Broadcast { connections: 9000, size: 1024 } },
    Scenario { name: "publish", work: Work::Publish { connections: 1000, size: 1024 } },
    Scenario { name: "idle", work: Work::Idle { connections: 15_000, seconds: 12 } },
    Scenario { name: "memory", work: Work::Memory { connections: 5000 } },
];

/// The fewest that make every server do all that it can, in a short time.
pub(crate) const QUICK: [Scenario; 10] = [
    echo("20B", 20, 1, Content::Binary),
    echo("1Kx32", 1024, 32, Content::Binary),
    echo("chinese", 64 * 1024, 1, Content::Chinese),
    small("512x5Bx16", 512, 16),
    tls("tls-1Kx32", 1024, 32),
    Scenario { name: "reconnect", work: Work::Reconnect { connections: 4, messages: 10 } },
    Scenario { name: "broadcast", work: Work::Broadcast { connections: 50, size: 1024 } },
    Scenario { name: "publish", work: Work::Publish { connections: 50, size: 1024 } },
    Scenario { name: "idle", work: Work::Idle { connections: 500, seconds: 1 } },
    Scenario { name: "memory", work: Work::Memory { connections: 100 } },
];

const fn echo(name: &'static str, size: usize, depth: usize, content: Content) -> Scenario {
    Scenario { name, work: Work::Echo { connections: 50, size, depth, content } }
}

/// The smallest messages that are of use, on many connections.
const fn small(name: &'static str, connections: usize, depth: usize) -> Scenario {
    Scenario { name, work: Work::Echo { connections, size: 5, depth, content: Content::Binary } }
}

const fn tls(name: &'static str, size: usize, depth: usize) -> Scenario {
    Scenario { name, work: Work::TlsEcho { size, depth } }
}
