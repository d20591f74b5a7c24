//! A terminal, as far as programs can tell: a pseudo-terminal and a screen.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::LIMIT;

/// A program that runs in a terminal of 24 lines of 60 characters.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    output: mpsc::Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// How many bytes have come to the screen.
    pub(crate) n_shown: usize,
}

impl Terminal {
    pub(crate) fn run(command: &mut Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(
            &master,
            Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 },
        )
        .unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let stream = || slave.try_clone().unwrap();
        let child = command
            .env("TERM", "xterm-256color")
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .unwrap();
        // The command would keep it open, and there would be no end.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let keyboard = File::from(master);
        let mut screen = keyboard.try_clone().unwrap();
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buf = [0; 4096];
            // It fails when the program has ended.
            while let Ok(n @ 1..) = screen.read(&mut buf) {
                if sender.send(buf[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        let parser = vt100::Parser::new(ROWS.try_into().unwrap(), COLUMNS.try_into().unwrap(), 0);
        Self { child, keyboard, output, parser, n_shown: 0 }
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Types in more than the terminal takes at a time.
    pub(crate) fn paste(&mut self, text: &str) {
        let (mut keyboard, text) = (self.keyboard.try_clone().unwrap(), text.to_owned());
        let pasting = std::thread::spawn(move || keyboard.write_all(text.as_bytes()));
        // Meanwhile the program may be waiting for the screen.
        while !pasting.is_finished() {
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(10)) {
                self.n_shown += bytes.len();
                self.parser.process(&bytes);
            }
        }
        pasting.join().unwrap().unwrap();
    }

    /// Waits until the screen ends in these lines, above a cursor that stands behind the last.
    #[track_caller]
    pub(crate) fn expect(&mut self, lines: &[&str]) {
        self.expect_that(&format!("{lines:?}"), |screen| {
            let shown: Vec<_> =
                screen.rows(0, COLUMNS).map(|row| row.trim_end().to_owned()).collect();
            let (row, column) = screen.cursor_position();
            let shown = &shown[..=usize::from(row)];
            let last = shown.last().unwrap();
            shown.len() >= lines.len()
                && shown[shown.len() - lines.len()..] == *lines
                && usize::from(column) >= last.chars().count()
        });
    }

    /// Waits until it holds for the screen.
    #[track_caller]
    pub(crate) fn expect_that(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let limit = Instant::now() + LIMIT;
        while !holds(self.parser.screen()) {
            let left = limit.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.output.recv_timeout(left) else {
                panic!("{what} is not on the screen:\n{}", self.parser.screen().contents());
            };
            self.n_shown += bytes.len();
            self.parser.process(&bytes);
        }
    }

    /// Sends a signal of this name to the program.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end; returns the exit code, and all that is on the screen.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let limit = Instant::now() + LIMIT;
        // All that was said, to the end of the last who could.
        while let Some(left) = limit.checked_duration_since(Instant::now()) {
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it runs on:\n{}", self.parser.screen().contents())
                }
            }
        }
        let status = self.child.wait().unwrap();
        let modes = tcgetattr(&self.keyboard).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ECHO | LocalModes::ICANON), "the terminal is left raw");
        (status.code(), self.parser.screen().contents())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ROWS: u16 = 24;
pub(crate) const COLUMNS: u16 = 60;
