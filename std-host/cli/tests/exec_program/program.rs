//! What the tests of programs have in common.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use crate::harness::{CLOSE, Running, TEXT, frame, read_frame};

/// Serves a script of the shell.
pub(crate) fn serve(flags: &[&str], script: &str) -> Running {
    Running::serve(&[flags, &["--mode", "exec", "--", "sh", "-c", script]].concat())
}

/// The processes that the server has started and not yet reaped.
pub(crate) fn children(server: &Running) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let lists = tasks
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()
        })
        .collect()
}

pub(crate) fn n_files(server: &Running) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

/// How many bytes a process has written.
pub(crate) fn written(pid: u32) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap();
    line.parse().unwrap()
}

/// Reads the next frame, a text.
pub(crate) fn read_text(socket: &mut TcpStream) -> String {
    let (first, payload) = read_frame(socket);
    assert_eq!(first, TEXT, "{payload:?}");
    String::from_utf8(payload).unwrap()
}

/// Reads to the close frame; returns its code.
pub(crate) fn read_close(socket: &mut TcpStream) -> u16 {
    loop {
        let (first, payload) = read_frame(socket);
        if first == CLOSE {
            return u16::from_be_bytes([payload[0], payload[1]]);
        }
    }
}

pub(crate) fn close(mut socket: TcpStream) {
    socket.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    while read_frame(&mut socket).0 != CLOSE {}
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    // A zombie of somebody else's is not alive.
    stat.is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.trim_start().starts_with('Z'))
}

/// Where a program can leave something.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("file")
    }
}

pub(crate) fn content(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
