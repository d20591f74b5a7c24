//! The servers that are compared.

use std::path::PathBuf;
use std::process::Command;

use crate::scenario::Work;

/// A server, and how it is started.
#[derive(Clone, Debug)]
pub(crate) struct Contestant {
    /// In front of its row.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    source: Source,
    args: Vec<String>,
    /// The processors that it has.
    pub(crate) cores: &'static str,
    /// What its load asks for, behind the authority of the URL.
    pub(crate) path: &'static str,
    /// What its load does otherwise than that of the others.
    pub(crate) load_args: Vec<String>,
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
    /// A program of the package `echo-servers` on the library of the program `wirelet`.
    Ours {
        program: &'static str,
    },
    /// C++, whose sources are in a crate that is not built.
    UWebSockets {
        program: &'static str,
    },
    Node,
}

/// All that do some work.
pub(crate) fn all(work: Work) -> Vec<Contestant> {
    match work {
        Work::Echo { .. } | Work::Reconnect { .. } | Work::Memory { .. } => echoing(),
        // What flushes otherwise waits in the same way.
        Work::Idle { .. } => echoing().into_iter().filter(|c| !c.name.contains(',')).collect(),
        Work::TlsEcho { .. } => encrypting(),
        Work::Broadcast { size, .. } => broadcasting(size),
        Work::Publish { connections, .. } => publishing(connections),
    }
}

/// All that echo. "batch" is one flush for all messages that are there, by the library's own means or by a
/// write buffer in front of it. wirelet and uWebSockets do so by themselves.
pub(crate) fn echoing() -> Vec<Contestant> {
    let on = |name, program, library, args: &[&str]| {
        let source = Source::Crate { program, library: Some(library) };
        Contestant::new(name, Kind::Peer, source, args)
    };
    let batch = &["--batch"];
    vec![
        raw(&[]),
        wirelet("echo", &[]),
        uwebsockets("echo", &[]),
        on("fastwebsockets", "fastwebsockets", "fastwebsockets", &[]),
        on("fastwebsockets, batch", "fastwebsockets", "fastwebsockets", batch),
        on("wtx", "wtx", "wtx", &[]),
        on("wtx, batch", "wtx", "wtx", batch),
        on("sockudo-ws", "sockudo_ws", "sockudo-ws", &[]),
        on("sockudo-ws, batch", "sockudo_ws", "sockudo-ws", batch),
        on("tokio-websockets", "tokio_websockets", "tokio-websockets", &[]),
        on("tokio-websockets, batch", "tokio_websockets", "tokio-websockets", batch),
        on("yawc", "yawc", "yawc", &[]),
        on("yawc, batch", "yawc", "yawc", batch),
        on("yawc, default buffers", "yawc", "yawc", &["--default-buffers"]),
        on("web-socket", "web_socket", "web-socket", &[]),
        on("web-socket, batch", "web_socket", "web-socket", batch),
        on("tokio-tungstenite", "tungstenite", "tokio-tungstenite", &[]),
        on("tokio-tungstenite, batch", "tungstenite", "tokio-tungstenite", batch),
        Contestant::new("Node ws", Kind::Peer, Source::Node, &[]),
    ]
}

/// All that send messages of `size` bytes to everyone: those that have it as one call.
fn broadcasting(size: usize) -> Vec<Contestant> {
    vec![
        raw(&["--broadcast", &size.to_string()]),
        wirelet("chat", &[]),
        uwebsockets("echo", &["--broadcast"]),
    ]
}

/// All that echo over TLS, by the same certificate and cipher suite; and one without, to compare with.
fn encrypting() -> Vec<Contestant> {
    let [cert, key] = [certificate(), here().join("target/tls/key.pem")];
    let [cert, key] = [cert.to_string_lossy(), key.to_string_lossy()];
    vec![
        raw(&[]),
        wirelet("echo", &["--cert", &cert, "--key", &key]),
        uwebsockets("echo-tls", &["--tls", &cert, &key]),
    ]
}

/// Threads that publish, each to so many subscribers of its own: one alone, and two at once. The peers either
/// have one thread, or nothing to publish with.
fn publishing(connections: usize) -> Vec<Contestant> {
    let publishing = |name, n: usize| Contestant {
        cores: "0,1",
        path: "/{room}",
        load_args: vec![format!("--rooms={n}"), format!("--connections={}", n * connections)],
        ..Contestant::new(name, Kind::Ours, Source::Ours { program: "wirelet_rooms" }, &[])
    };
    vec![publishing(ONE_PUBLISHER, 1), publishing("wirelet, two publishers", 2)]
}

fn raw(args: &[&str]) -> Contestant {
    Contestant::new(RAW, Kind::Floor, Source::Crate { program: "raw", library: None }, args)
}

fn wirelet(mode: &str, args: &[&str]) -> Contestant {
    let common =
        ["serve", "--listen=127.0.0.1:0", "--threads=1", "--max-connections=20000", "--mode"];
    let args = [&common[..], &[mode], args].concat();
    Contestant::new(OURS, Kind::Ours, Source::Wirelet, &args)
}

fn uwebsockets(program: &'static str, args: &[&str]) -> Contestant {
    Contestant::new("uWebSockets", Kind::Peer, Source::UWebSockets { program }, args)
}

impl Contestant {
    /// One that has a processor to itself.
    fn new(name: &'static str, kind: Kind, source: Source, args: &[&str]) -> Self {
        let args = args.iter().map(ToString::to_string).collect();
        Self { name, kind, source, args, cores: "0", path: "", load_args: Vec::new() }
    }

    /// Returns the words that start the server.
    pub(crate) fn command(&self) -> Vec<String> {
        let program = match self.source {
            Source::Wirelet => wirelet_program(),
            Source::Crate { program, .. } | Source::Ours { program } => {
                here().join("target/release").join(program)
            }
            Source::UWebSockets { program } => here().join("target/uwebsockets").join(program),
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
            Source::Wirelet | Source::Ours { .. } => locked("wirelet"),
            Source::Crate { library, .. } => library.map(locked).unwrap_or_default(),
            Source::UWebSockets { .. } => format!("uWebSockets {UWEBSOCKETS_DATE}"),
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

    /// Returns what a reader of a table has to know of the server.
    pub(crate) fn note(&self) -> Option<String> {
        match self.source {
            Source::UWebSockets { .. } => Some(format!(
                "uWebSockets is of {UWEBSOCKETS_DATE} ({}), the newest whose sources a package registry has. It checks \
                 text without vectors, ASCII 4 bytes at a time; later ones take 16, or simdutf if they are built \
                 with it, and need less for `ascii` and `chinese` than is shown.",
                locked("libuwebsockets-sys")
            )),
            Source::Crate { library: Some("wtx"), .. } => {
                Some("wtx 0.47 and later need Rust 1.96.".into())
            }
            Source::Crate { library: Some("yawc"), .. } => Some(
                "yawc has the buffers of its own benchmarks, 128 KiB to read and 64 KiB to write, and for comparison \
                 those that it has by itself."
                    .into(),
            ),
            Source::Node => Some(format!("Node is {}.", node_version())),
            Source::Wirelet | Source::Crate { .. } | Source::Ours { .. } => None,
        }
    }
}

/// Returns the program that is a server, and the load.
pub(crate) fn wirelet_program() -> PathBuf {
    here().join("../../target/release/wirelet")
}

/// Returns the certificate of all servers.
pub(crate) fn certificate() -> PathBuf {
    here().join("target/tls/cert.pem")
}

/// Returns the folder of the harness, in whose `target` all is built.
pub(crate) fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns what `node` calls itself, or that there is none.
fn node_version() -> String {
    let output = Command::new("node").arg("--version").output();
    output.map_or_else(
        |_| "missing".into(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// Returns a package with its version in the lock file.
fn locked(package: &str) -> String {
    let mut lines = include_str!("../Cargo.lock").lines();
    let name = format!("name = \"{package}\"");
    let version = lines.find(|line| *line == name).and_then(|_| lines.next()).unwrap_or_default();
    format!("{package} {}", version.trim_start_matches("version = ").trim_matches('"'))
}

/// The month of the sources that are built.
const UWEBSOCKETS_DATE: &str = "2024-07";

pub(crate) const RAW: &str = "raw TCP";
pub(crate) const OURS: &str = "wirelet";
pub(crate) const ONE_PUBLISHER: &str = "wirelet, one publisher";

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
