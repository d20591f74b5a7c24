//! Runs the program, and speaks WebSocket to it in plain bytes.
#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod connect;
#[cfg(unix)]
pub(crate) mod terminal;
#[path = "../../../tests/harness/mod.rs"]
mod wire;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[allow(unused_imports, reason = "each test takes what it needs")]
pub(crate) use wire::*;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_wirelet");

/// A `wirelet serve` on a free port, killed when it goes.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: Arc<Mutex<Vec<u8>>>,
    logging: Option<JoinHandle<()>>,
    pub(crate) addr: SocketAddr,
}

impl Running {
    pub(crate) fn serve(args: &[&str]) -> Self {
        Self::start(Command::new(PROGRAM), args)
    }

    /// A server that may hold so many files open.
    pub(crate) fn serve_with_files(files: usize, args: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\""), PROGRAM]);
        Self::start(shell, args)
    }

    fn start(mut command: Command, args: &[&str]) -> Self {
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        Self::spawn(command)
    }

    /// Runs a command that becomes `wirelet serve`.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ws").expect("it listens");
        let addr = url.trim_start_matches('s').strip_prefix("://").unwrap().parse().unwrap();
        let (log, mut stderr) = (Arc::<Mutex<Vec<u8>>>::default(), child.stderr.take().unwrap());
        let logging = std::thread::spawn({
            let log = Arc::clone(&log);
            move || {
                let mut bytes = [0; 4096];
                while let Ok(n @ 1..) = stderr.read(&mut bytes) {
                    log.lock().unwrap().extend_from_slice(&bytes[..n]);
                }
            }
        });
        Self { child, stdout, log, logging: Some(logging), addr }
    }

    /// Reads the next line that it prints when it begins.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end; returns the exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.wait_within(LIMIT)
    }

    /// Waits so long for the end; returns the exit code.
    pub(crate) fn wait_within(&mut self, limit: Duration) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// All of the log, once the program has ended.
    pub(crate) fn stderr(&mut self) -> String {
        assert!(self.child.try_wait().unwrap().is_some(), "it has not ended");
        if let Some(logging) = self.logging.take() {
            logging.join().unwrap();
        }
        self.log()
    }

    /// The log until now.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap()).into_owned()
    }

    /// The processor time of the program, in ms, in steps of 10.
    pub(crate) fn cpu_ms(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        // utime and stime, the 14th and 15th field of all
        fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum()
    }

    /// The memory of the program, in KiB.
    pub(crate) fn rss_kib(&self) -> u64 {
        memory_kib(self.child.id(), "VmRSS:")
    }

    /// The most memory that the program ever had, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        memory_kib(self.child.id(), "VmHWM:")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the system says of the memory of a process, in KiB.
pub(crate) fn memory_kib(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).expect("the process lives");
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Runs the program to its end; returns exit code, output and errors.
pub(crate) fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(PROGRAM).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
