//! `wirelet serve` as a service that tells systemd how it is.
#![cfg(target_os = "linux")]

mod harness;

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::{Duration, Instant};

use harness::certificates::Issued;
use harness::{LIMIT, Running};

/// A service manager.
struct Manager {
    socket: UnixDatagram,
    /// What stands in `NOTIFY_SOCKET`.
    place: String,
    _directory: tempfile::TempDir,
}

impl Manager {
    fn new(is_abstract: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify").to_str().unwrap().to_owned();
        let (socket, place) = if is_abstract {
            let addr = SocketAddr::from_abstract_name(path.as_bytes()).unwrap();
            (UnixDatagram::bind_addr(&addr).unwrap(), format!("@{path}"))
        } else {
            (UnixDatagram::bind(&path).unwrap(), path)
        };
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        Self { socket, place, _directory: directory }
    }

    fn start(&self, variables: &[(&str, &str)], args: &[&str]) -> Running {
        let mut command = Command::new(harness::PROGRAM);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        command.env("NOTIFY_SOCKET", &self.place).envs(variables.iter().copied());
        Running::spawn(command)
    }

    /// The next that it is told, line by line.
    fn next(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let n = self.socket.recv(&mut buffer).expect("it is told something in time");
        let message = std::str::from_utf8(&buffer[..n]).unwrap();
        message.lines().map(str::to_owned).collect()
    }

    /// The next but signs of life.
    fn next_but_watchdog(&self) -> Vec<String> {
        loop {
            let message = self.next();
            if message != ["WATCHDOG=1"] {
                break message;
            }
        }
    }
}

#[test]
fn systemd_is_told_when_the_server_listens_and_when_it_stops() {
    for is_abstract in [false, true] {
        let manager = Manager::new(is_abstract);
        let mut server = manager.start(&[], &[]);
        assert_eq!(manager.next(), ["READY=1"], "{}", manager.place);
        drop(harness::handshake(server.addr));
        server.signal("TERM");
        assert_eq!(manager.next(), ["STOPPING=1"]);
        assert_eq!(server.wait(), Some(0));
    }
}

#[test]
fn systemd_is_told_of_a_reload_and_when_in_the_time_of_its_clock() {
    let (issued, manager) = (Issued::new(), Manager::new(false));
    let (chain, key) = (issued.chain(), issued.key());
    let args = ["--cert", chain.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let mut server = manager.start(&[], &args);
    assert_eq!(manager.next(), ["READY=1"]);
    let uptime = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        now.tv_sec * 1_000_000 + now.tv_nsec / 1000
    };
    // That the files are bad changes nothing: the old ones go on.
    for is_bad in [false, true] {
        if is_bad {
            std::fs::write(&key, "nonsense").unwrap();
        }
        let before = uptime();
        server.signal("HUP");
        let reloading = manager.next();
        let time = reloading[1].strip_prefix("MONOTONIC_USEC=").expect("a time");
        assert_eq!(reloading, ["RELOADING=1", &format!("MONOTONIC_USEC={time}")]);
        assert!((before..=uptime()).contains(&time.parse().unwrap()), "{before} {time}");
        assert_eq!(manager.next(), ["READY=1"]);
    }
    server.signal("TERM");
    assert_eq!(manager.next(), ["STOPPING=1"]);
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn the_watchdog_has_a_sign_of_life_at_half_its_time() {
    let manager = Manager::new(false);
    let mut server = manager.start(&[("WATCHDOG_USEC", "600000")], &["--threads", "3"]);
    assert_eq!(manager.next(), ["READY=1"]);
    assert_eq!(manager.next(), ["WATCHDOG=1"]);
    let start = Instant::now();
    for _ in 0..4 {
        assert_eq!(manager.next(), ["WATCHDOG=1"]);
    }
    // The first may have come late.
    assert!(start.elapsed() >= Duration::from_millis(3 * 300), "{:?}", start.elapsed());
    server.signal("TERM");
    assert_eq!(manager.next_but_watchdog(), ["STOPPING=1"]);
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_watchdog_of_another_process_or_none_has_no_sign_of_life() {
    for variables in
        [&[("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1")][..], &[("WATCHDOG_USEC", "0")]]
    {
        let manager = Manager::new(false);
        let mut server = manager.start(variables, &[]);
        assert_eq!(manager.next(), ["READY=1"]);
        std::thread::sleep(Duration::from_millis(100));
        server.signal("TERM");
        assert_eq!(manager.next(), ["STOPPING=1"], "{variables:?}");
        assert_eq!(server.wait(), Some(0));
    }
}

#[test]
fn a_socket_that_is_not_there_is_told_in_the_log_and_the_server_goes_on() {
    let mut command = Command::new(harness::PROGRAM);
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", "/nowhere/at/all");
    let mut server = Running::spawn(command);
    harness::within(LIMIT, || server.log().contains("NOTIFY_SOCKET"));
    drop(harness::handshake(server.addr));
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}
