//! What the servers are to do.

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
    /// Messages of one connection go to all.
    Broadcast { connections: usize, size: usize },
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
            Work::Broadcast { connections, size } => {
                let mut args = args(connections, size);
                args.push("--broadcast".into());
                args
            }
            Work::Memory { .. } => Vec::new(),
        }
    }
}

/// All of them, at full length.
pub(crate) const ALL: [Scenario; 13] = [
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
    Scenario { name: "broadcast", work: Work::Broadcast { connections: 1000, size: 1024 } },
    Scenario { name: "memory", work: Work::Memory { connections: 5000 } },
];

/// The fewest that make every server do all that it can, in a short time.
pub(crate) const QUICK: [Scenario; 5] = [
    echo("20B", 20, 1, Content::Binary),
    echo("1Kx32", 1024, 32, Content::Binary),
    echo("chinese", 64 * 1024, 1, Content::Chinese),
    Scenario { name: "broadcast", work: Work::Broadcast { connections: 50, size: 1024 } },
    Scenario { name: "memory", work: Work::Memory { connections: 100 } },
];

const fn echo(name: &'static str, size: usize, depth: usize, content: Content) -> Scenario {
    Scenario { name, work: Work::Echo { connections: 50, size, depth, content } }
}
