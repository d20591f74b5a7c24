//! Processor time: of a thread of the load, and of the server.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::window::Window;

/// Returns the processor time that this thread has taken, where the system tells.
pub(super) fn of_this_thread() -> Option<Duration> {
    #[cfg(unix)]
    {
        use rustix::time::{ClockId, clock_gettime};
        clock_gettime(ClockId::ThreadCPUTime).try_into().ok()
    }
    #[cfg(not(unix))]
    None
}

/// Measures the processor time of a process during `window`, which lies ahead.
pub(super) fn of_process(pid: u32, window: Window) -> thread::JoinHandle<io::Result<Duration>> {
    thread::spawn(move || {
        let wait_for = |at: Instant| thread::sleep(at.saturating_duration_since(Instant::now()));
        wait_for(window.begin);
        let before = process_time(pid)?;
        wait_for(window.end);
        Ok(process_time(pid)?.saturating_sub(before))
    })
}

/// Reads the processor time that the threads of a process have taken.
#[cfg(target_os = "linux")]
fn process_time(pid: u32) -> io::Result<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // Finer than /proc/PID/stat, which counts in steps of 10 ms.
        let times = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let on_cpu = times.split_whitespace().next().and_then(|nanos| nanos.parse::<u64>().ok());
        nanos += on_cpu.ok_or(io::ErrorKind::InvalidData)?;
    }
    Ok(Duration::from_nanos(nanos))
}

#[cfg(not(target_os = "linux"))]
fn process_time(_pid: u32) -> io::Result<Duration> {
    Err(io::ErrorKind::Unsupported.into())
}
