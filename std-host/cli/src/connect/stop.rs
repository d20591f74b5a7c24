//! Signals that ask the program to end.

use std::future::pending;
use std::process::exit;
use std::time::Duration;

use tokio::sync::watch;

use super::editor;

/// Knows whether a signal has come.
pub(super) struct Stop {
    /// Its number.
    asked: watch::Receiver<Option<u8>>,
}

impl Stop {
    /// From now on, a signal is kept for [`asked`](Self::asked). If the program does not end by itself then, or at a
    /// second signal, it ends at once.
    pub(super) fn listen() -> Self {
        let (sender, asked) = watch::channel(None);
        let mut signals = Signals::listen();
        tokio::spawn(async move {
            let number = signals.next().await;
            let _ = sender.send(Some(number));
            let number = tokio::select! {
                number = signals.next() => number,
                () = tokio::time::sleep(PATIENCE) => number,
            };
            // Whatever else waits, such as for somebody who does not read the output.
            editor::restore();
            exit(i32::from(exit_code(number)));
        });
        Self { asked }
    }

    /// Waits for a signal; returns its number. Cancel-safe.
    pub(super) async fn asked(&mut self) -> u8 {
        loop {
            if let Some(number) = *self.asked.borrow_and_update() {
                return number;
            }
            if self.asked.changed().await.is_err() {
                return pending().await;
            }
        }
    }
}

/// As shells have it.
pub(super) const fn exit_code(signal: u8) -> u8 {
    128 + signal
}

#[cfg(unix)]
struct Signals([(u8, Option<tokio::signal::unix::Signal>); 3]);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let ignored = ignored();
        Self([1, 2, 15].map(|number| {
            // What nohup, or a shell for its background, has turned off stays so.
            let is_ignored = ignored >> (number - 1) & 1 == 1;
            let kind = SignalKind::from_raw(i32::from(number));
            (number, if is_ignored { None } else { signal(kind).ok() })
        }))
    }

    async fn next(&mut self) -> u8 {
        let [hang_up, interrupt, terminate] = &mut self.0;
        tokio::select! {
            () = wait(&mut hang_up.1) => hang_up.0,
            () = wait(&mut interrupt.1) => interrupt.0,
            () = wait(&mut terminate.1) => terminate.0,
        }
    }
}

#[cfg(unix)]
async fn wait(signal: &mut Option<tokio::signal::unix::Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    pending::<()>().await;
}

/// Returns which signals are ignored, as bits from the first, where the system tells it.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(windows)]
struct Signals;

#[cfg(windows)]
impl Signals {
    const fn listen() -> Self {
        Self
    }

    async fn next(&mut self) -> u8 {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
        2
    }
}

/// Longer than a closing handshake, and the end of TCP behind it, may take.
const PATIENCE: Duration = Duration::from_secs(12);
