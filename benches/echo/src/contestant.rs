//! The servers that are compared.

use std::path::PathBuf;

/// A server, and how it is started.
#[derive(Clone, Debug)]
pub(crate) struct Contestant {
    /// In front of its row.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    source: Source,
    args: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What reading and writing cost alone.
    Floor,
    Ours,
    Peer,
}

/// Where a server comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// The program `wirelet`.
    Wirelet,
    /// A program of the package `echo-servers`, on a library if it has one.
    Crate {
        program: &'static str,
        library: Option<&'static str>,
    },
    /// C++, whose sources are in a crate that is not built.
    UWebSockets,
    Node,
}

/// All that echo. "batch" is one flush for all messages that are there, where a library lets its user
/// choose. wirelet and uWebSockets do so by themselves; the others have no such choice.
pub(crate) fn echoing() -> Vec<Contestant> {
    let on = |name, program, library, args: &[&str]| Contestant {
        name,
        kind: Kind::Peer,
        source: Source::Crate { program, library: Some(library) },
        args: args.iter().map(ToString::to_string).collect(),
    };
    let batch = &["--batch"];
    vec![
        raw(Vec::new()),
        wirelet("echo"),
        uwebsockets(Vec::new()),
        on("fastwebsockets", "fastwebsockets", "fastwebsockets", &[]),
        on("wtx", "wtx", "wtx", &[]),
        on("sockudo-ws", "sockudo_ws", "sockudo-ws", &[]),
        on("sockudo-ws, batch", "sockudo_ws", "sockudo-ws", batch),
        on("tokio-websockets", "tokio_websockets", "tokio-websockets", &[]),
        on("yawc", "yawc", "yawc", &[]),
        on("yawc, batch", "yawc", "yawc", batch),
        on("web-socket", "web_socket", "web-socket", &[]),
        on("web-socket, batch", "web_socket", "web-socket", batch),
        on("tokio-tungstenite", "tungstenite", "tokio-tungstenite", &[]),
        on("tokio-tungstenite, batch", "tungstenite", "tokio-tungstenite", batch),
        Contestant { name: "Node ws", kind: Kind::Peer, source: Source::Node, args: Vec::new() },
    ]
}

/// All that send messages of `size` bytes to everyone: those that have it as one call.
pub(crate) fn broadcasting(size: usize) -> Vec<Contestant> {
    vec![
        raw(vec!["--broadcast".into(), size.to_string()]),
        wirelet("chat"),
        uwebsockets(vec!["--broadcast".into()]),
    ]
}

fn raw(args: Vec<String>) -> Contestant {
    let source = Source::Crate { program: "raw", library: None };
    Contestant { name: "raw TCP", kind: Kind::Floor, source, args }
}

fn wirelet(mode: &str) -> Contestant {
    let args = ["serve", "--listen=127.0.0.1:0", "--threads=1", "--mode", mode];
    let args = args.iter().map(ToString::to_string).collect();
    Contestant { name: "wirelet", kind: Kind::Ours, source: Source::Wirelet, args }
}

const fn uwebsockets(args: Vec<String>) -> Contestant {
    Contestant { name: "uWebSockets", kind: Kind::Peer, source: Source::UWebSockets, args }
}

impl Contestant {
    /// Returns the words that start the server.
    pub(crate) fn command(&self) -> Vec<String> {
        let program = match self.source {
            Source::Wirelet => wirelet_program(),
            Source::Crate { program, .. } => here().join("target/release").join(program),
            Source::UWebSockets => here().join("target/uwebsockets/echo"),
            Source::Node => here().join("target/node/echo.mjs"),
        };
        let mut words = Vec::new();
        if matches!(self.source, Source::Node) {
            words.push("node".into());
        }
        words.push(program.to_string_lossy().into_owned());
        words.extend_from_slice(&self.args);
        words
    }

    /// Returns the library and its version.
    pub(crate) fn library(&self) -> String {
        match self.source {
            Source::Wirelet => locked("wirelet"),
            Source::Crate { library, .. } => library.map(locked).unwrap_or_default(),
            Source::UWebSockets => format!("uWebSockets of {}", locked("libuwebsockets-sys")),
            Source::Node => {
                let pinned = include_str!("../node/package.json").lines();
                let ws = pinned.filter_map(|line| line.trim().strip_prefix("\"ws\": "));
                format!(
                    "Node ws {}",
                    ws.map(|version| version.trim_matches(['"', ','])).collect::<String>()
                )
            }
        }
    }
}

/// Returns the program that is a server, and the load.
pub(crate) fn wirelet_program() -> PathBuf {
    here().join("../../target/release/wirelet")
}

/// Returns the folder of the harness, in whose `target` all is built.
pub(crate) fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns a package with its version in the lock file.
fn locked(package: &str) -> String {
    let mut lines = include_str!("../Cargo.lock").lines();
    let name = format!("name = \"{package}\"");
    let version = lines.find(|line| *line == name).and_then(|_| lines.next()).unwrap_or_default();
    format!("{package} {}", version.trim_start_matches("version = ").trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_has_a_version() {
        for contestant in echoing().iter().filter(|contestant| contestant.kind != Kind::Floor) {
            let library = contestant.library();
            assert!(library.ends_with(|last: char| last.is_ascii_digit()), "{library}");
        }
    }
}
