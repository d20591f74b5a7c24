//! Which programs there are, and what they are called.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// A library, in most tables a column.
pub(crate) struct Library {
    /// Its name in the features of `echo`, in `budget.toml` and in the tables.
    pub(crate) name: &'static str,
    /// The crates that its programs take from the registry.
    pub(crate) crates: &'static [&'static str],
    /// It waits for its socket by `await`.
    pub(crate) is_asynch: bool,
    /// It has a client that takes a socket.
    pub(crate) has_client: bool,
}

const WIRELET: &str = "wirelet";

/// wirelet and its peers, in the order of the columns.
pub(crate) const LIBRARIES: [Library; 5] = [
    Library { name: WIRELET, crates: &[], is_asynch: false, has_client: true },
    Library {
        name: "embedded-websocket",
        crates: &["embedded-websocket", "httparse"],
        is_asynch: false,
        has_client: true,
    },
    Library { name: "websocketz", crates: &["websocketz"], is_asynch: true, has_client: true },
    // Its client takes a whole TCP stack.
    Library { name: "edge", crates: &["edge-ws", "edge-http"], is_asynch: true, has_client: false },
    Library {
        name: "ws-framer",
        crates: &["ws-framer", "httparse"],
        is_asynch: false,
        has_client: true,
    },
];

/// What a firmware can be: the name in the tables, and in the features.
pub(crate) const ROLES: [(&str, &str); 4] = [
    ("frames only", "frames"),
    ("complete server", "server"),
    ("client", "client"),
    ("server and client", "both"),
];

/// The servers whose speed and memory are compared: the column and the feature of each.
pub(crate) const SERVERS: [(&str, &str); 8] = [
    (WIRELET, "wirelet-server"),
    ("wirelet streaming", "wirelet-streaming"),
    ("wirelet sans-I/O", "wirelet-sans-io"),
    ("wirelet async", "wirelet-asynch"),
    ("embedded-websocket", "embedded-websocket-server"),
    ("websocketz", "websocketz-server"),
    ("edge", "edge-server"),
    ("ws-framer", "ws-framer-server"),
];

/// Further ways to use wirelet: what they are, their features, and those of the firmware without a
/// WebSocket that each is compared with.
pub(crate) const WAYS: [(&str, &str, &str); 5] = [
    ("streaming server", "echo/wirelet-streaming", "echo/raw"),
    ("sans-I/O server", "echo/wirelet-sans-io", "echo/raw"),
    ("async server", "echo/wirelet-asynch", "echo/raw-asynch"),
    ("server with `log`", "echo/wirelet-server,log", "echo/raw,log"),
    ("server with `defmt`", "echo/wirelet-server,defmt", "echo/raw,defmt"),
];

impl Library {
    pub(crate) fn has(&self, role: &str) -> bool {
        self.has_client || !matches!(role, "client" | "both")
    }
}

/// Tells the columns that are held from those that are shown.
pub(crate) fn is_wirelet(column: &str) -> bool {
    column.split(' ').next() == Some(WIRELET)
}

/// Returns the versions of the peers that were measured.
pub(crate) fn versions(root: &Path) -> Result<Vec<String>> {
    let file = root.join("Cargo.lock");
    let lock: toml::Table = toml::from_str(&fs::read_to_string(&file)?)?;
    let packages = lock.get("package").and_then(toml::Value::as_array).context("no packages")?;
    let version = |name: &str| {
        let found = packages.iter().find(|package| string(package, "name") == Some(name));
        let version = found.and_then(|package| string(package, "version"));
        version.with_context(|| format!("{name} is not in {}", file.display()))
    };
    let mut versions = Vec::new();
    for name in LIBRARIES.iter().flat_map(|library| library.crates) {
        let version = format!("{name} {}", version(name)?);
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    Ok(versions)
}

fn string<'v>(package: &'v toml::Value, key: &str) -> Option<&'v str> {
    package.get(key)?.as_str()
}
