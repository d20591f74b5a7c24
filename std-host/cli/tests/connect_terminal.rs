//! `wirelet connect`, run as a user runs it, in a terminal.
#![cfg(unix)]

mod harness;

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use harness::connect::serve;
use harness::terminal::{COLUMNS, Terminal};
use harness::{LIMIT, PROGRAM, Running, TEXT, frame, handshake, read_frame};
use tempfile::TempDir;

const LEFT: &str = "\x1b[D";
const UP: &str = "\x1b[A";
const BACKSPACE: &str = "\x7f";
const CTRL_A: &str = "\x01";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// Runs the program, with its state in this directory.
fn run(state: &Path, addr: SocketAddr, args: &[&str]) -> Terminal {
    // Whoever runs the tests in the background may ignore signals, and then the program would.
    let mut command = Command::new("env");
    command.args(["--default-signal", PROGRAM, "connect", &format!("ws://{addr}/")]).args(args);
    Terminal::run(command.env("XDG_STATE_HOME", state).env("NO_COLOR", "1"))
}

#[test]
fn a_line_is_edited_before_it_is_sent() {
    let (server, state) = (Running::serve(&[]), TempDir::new().unwrap());
    let mut terminal = run(state.path(), server.addr, &[]);
    terminal.expect(&[">"]);
    terminal.type_in(&format!("helo{LEFT}l{CTRL_A}x{BACKSPACE}oh "));
    terminal.type_in("\r");
    terminal.expect(&["> oh hello", "oh hello", ">"]);
    terminal.type_in("Grüße, 世界\r");
    terminal.expect(&["> Grüße, 世界", "Grüße, 世界", ">"]);
    terminal.type_in(CTRL_D);
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn a_paste_costs_what_it_is_long() {
    const LEN: usize = 20_000;
    let long: String = ('a'..='z').cycle().take(LEN).collect();
    // As terminals send it that mark what is pasted, and as others do.
    for (begin, end) in [("\x1b[200~", "\x1b[201~"), ("", "")] {
        let (sender, received) = mpsc::channel();
        let addr = serve(move |mut socket| {
            let mut frame = vec![0; 4 + 4 + LEN];
            socket.read_exact(&mut frame).unwrap();
            let (key, payload) = (frame[4..8].to_vec(), &mut frame[8..]);
            for (byte, key) in payload.iter_mut().zip(key.iter().cycle()) {
                *byte ^= key;
            }
            sender.send(String::from_utf8(payload.to_vec()).unwrap()).unwrap();
            let _ = socket.read(&mut [0; 100]);
            socket.write_all(b"\x88\x02\x03\xe8").unwrap();
        });
        let state = TempDir::new().unwrap();
        let mut terminal = run(state.path(), addr, &[]);
        terminal.expect(&[">"]);
        terminal.paste(&format!("{begin}{long}{end}"));
        terminal.expect_that("the end of it", |screen| {
            screen.contents().trim_end().ends_with(&long[LEN - 22..])
        });
        terminal.type_in("\r");
        assert_eq!(received.recv_timeout(LIMIT).unwrap(), long);
        terminal.expect(&[">"]);
        // Each letter, the ends of rows, and a screen or two; it was 118 MB.
        let n = terminal.n_shown;
        assert!((LEN..2 * LEN).contains(&n), "{n} bytes were written");
        terminal.type_in(CTRL_D);
        assert_eq!(terminal.end().0, Some(0));
    }
}

#[test]
fn a_paste_before_other_letters_is_painted_little_more_often() {
    const LEN: usize = 20_000;
    let (server, state) = (Running::serve(&[]), TempDir::new().unwrap());
    let mut terminal = run(state.path(), server.addr, &[]);
    terminal.expect(&[">"]);
    terminal.type_in(&format!("end{CTRL_A}"));
    terminal.paste(&"x".repeat(LEN));
    terminal.type_in("\r");
    // The answer comes with all of it.
    let end = "x".repeat(14) + "end";
    terminal.expect_that("the answer", |screen| {
        let shown = screen.contents();
        shown.trim_end().ends_with(&format!("{end}\n>"))
    });
    // It was 28 MB, a screen for each letter.
    assert!(terminal.n_shown < 3_000_000, "{} bytes were written", terminal.n_shown);
    terminal.type_in(CTRL_D);
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn lines_that_are_pasted_are_a_message_each_and_the_last_can_be_edited() {
    let (server, state) = (Running::serve(&[]), TempDir::new().unwrap());
    let mut terminal = run(state.path(), server.addr, &[]);
    terminal.expect(&[">"]);
    terminal.type_in("\x1b[200~one\r\ntwo\nthr\x1b[201~");
    terminal.expect_that("the messages", |screen| {
        let shown = screen.contents();
        shown.contains("> one\n") && shown.contains("\none\n") && shown.contains("\ntwo\n")
    });
    terminal.expect(&["> thr"]);
    terminal.type_in("ee\r");
    terminal.expect(&["> three", "three", ">"]);
    terminal.type_in(CTRL_D);
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn a_signal_closes_and_leaves_the_terminal_as_it_was() {
    for (name, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let (sender, seen) = mpsc::channel();
        let addr = serve(move |mut socket| {
            let mut close = [0; 8];
            socket.read_exact(&mut close).unwrap();
            sender.send(u16::from_be_bytes([close[6] ^ close[2], close[7] ^ close[3]])).unwrap();
            socket.write_all(b"\x88\x02\x03\xe9").unwrap();
        });
        let state = TempDir::new().unwrap();
        let mut terminal = run(state.path(), addr, &[]);
        terminal.expect(&[">"]);
        terminal.type_in("unfinished");
        terminal.expect(&["> unfinished"]);
        terminal.signal(name);
        let (status, screen) = terminal.end();
        assert_eq!((status, screen.contains("unfinished")), (Some(code), false), "{screen}");
        assert_eq!(seen.recv_timeout(LIMIT).unwrap(), 1001);
    }
}

#[test]
fn messages_come_above_the_line_that_is_edited() {
    let (server, state) = (Running::serve(&["--mode", "chat"]), TempDir::new().unwrap());
    let mut terminal = run(state.path(), server.addr, &[]);
    terminal.expect(&[">"]);
    let mut other = handshake(server.addr);
    terminal.type_in("half a li");
    terminal.expect(&["> half a li"]);
    for text in ["from elsewhere", "and more"] {
        other.write_all(&frame(TEXT, text.as_bytes())).unwrap();
        read_frame(&mut other);
    }
    terminal.expect(&["from elsewhere", "and more", "> half a li"]);
    terminal.type_in("ne\r");
    assert_eq!(read_frame(&mut other), (TEXT, b"half a line".to_vec()));
    terminal.expect(&["> half a line", "half a line", ">"]);
    // Longer than the terminal is wide.
    terminal.type_in("ab");
    let long = "0123456789".repeat(15);
    other.write_all(&frame(TEXT, long.as_bytes())).unwrap();
    let wide = usize::from(COLUMNS);
    terminal.expect(&[&long[..wide], &long[wide..2 * wide], &long[2 * wide..], "> ab"]);
    // Many, so that the screen scrolls.
    for i in 0..60 {
        other.write_all(&frame(TEXT, format!("line {i}").as_bytes())).unwrap();
    }
    terminal.expect(&["line 57", "line 58", "line 59", "> ab"]);
    terminal.type_in(CTRL_C);
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn the_history_is_kept_and_private() {
    let (server, state) = (Running::serve(&[]), TempDir::new().unwrap());
    let mut terminal = run(state.path(), server.addr, &[]);
    terminal.expect(&[">"]);
    terminal.type_in("first\r");
    terminal.expect(&["first", ">"]);
    terminal.type_in(" secret\r");
    terminal.expect(&[" secret", ">"]);
    terminal.type_in(CTRL_D);
    assert_eq!(terminal.end().0, Some(0));

    let path = state.path().join("wirelet/history");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "first\n");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let mut terminal = run(state.path(), server.addr, &[]);
    terminal.expect(&[">"]);
    terminal.type_in(UP);
    terminal.expect(&["> first"]);
    terminal.type_in(" again\r");
    terminal.expect(&["> first again", "first again", ">"]);
    terminal.type_in(CTRL_D);
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn a_history_that_cannot_be_kept_is_told_and_no_more() {
    let (server, state) = (Running::serve(&[]), TempDir::new().unwrap());
    let file = state.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut terminal = run(&file, server.addr, &[]);
    terminal.expect_that("why", |screen| screen.contents().contains("lines are not kept: "));
    terminal.expect(&[">"]);
    terminal.type_in("x\r");
    terminal.expect(&["> x", "x", ">"]);
    terminal.type_in(CTRL_D);
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn a_server_that_closes_ends_the_editing_and_its_last_words_are_shown() {
    let state = TempDir::new().unwrap();
    let (close, closing) = mpsc::channel();
    let addr = serve(move |mut socket| {
        closing.recv().unwrap();
        socket.write_all(b"\x81\x04last\x88\x09\x03\xf0go now!").unwrap();
        let _ = socket.read(&mut [0; 100]);
    });
    let mut terminal = run(state.path(), addr, &[]);
    terminal.expect(&[">"]);
    terminal.type_in("unfinished");
    terminal.expect(&["> unfinished"]);
    close.send(()).unwrap();
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(1), "{screen}");
    let lines: Vec<_> = screen.lines().collect();
    assert!(lines.contains(&"last"), "{screen}");
    assert!(lines.contains(&"wirelet: closed by the server: 1008 go now!"), "{screen}");
}

#[test]
fn a_server_cannot_command_the_terminal() {
    let state = TempDir::new().unwrap();
    let addr = serve(|mut socket| {
        socket.write_all(b"\x81\x07\x1b[2Jred\x88\x02\x03\xe8").unwrap();
        let _ = socket.read(&mut [0; 100]);
    });
    let (code, screen) = run(state.path(), addr, &[]).end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("\\u{1b}[2Jred"), "{screen}");
}

#[test]
fn who_waits_for_a_connection_can_end_it() {
    let state = TempDir::new().unwrap();
    let addr = serve(drop);
    let mut terminal = run(state.path(), addr, &["--reconnect", "--exit-after", "1"]);
    terminal.expect_that("the loss", |screen| screen.contents().contains("connecting again in "));
    terminal.type_in("hello\r");
    terminal.expect_that("the refusal", |screen| {
        screen.contents().contains("> hello\nwirelet: not connected, not sent")
    });
    terminal.type_in(CTRL_C);
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn json_is_indented_and_coloured() {
    let (server, state) = (Running::serve(&[]), TempDir::new().unwrap());
    let mut command = Command::new(PROGRAM);
    command.args(["connect", &format!("ws://{}/", server.addr), "--json"]);
    command.env("XDG_STATE_HOME", state.path()).env_remove("NO_COLOR");
    let mut terminal = Terminal::run(&mut command);
    terminal.expect(&[">"]);
    terminal.type_in("{\"a\":[1]}\r");
    terminal.expect(&["> {\"a\":[1]}", "{", "  \"a\": [", "    1", "  ]", "}", ">"]);
    terminal.expect_that("a coloured name", |screen| {
        (0..24).any(|row| {
            let is_name = screen.cell(row, 3).is_some_and(|cell| cell.contents() == "a");
            is_name && screen.cell(row, 3).unwrap().fgcolor() == vt100::Color::Idx(4)
        })
    });
    terminal.type_in(CTRL_D);
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn a_long_file_shows_how_far_it_is() {
    const LEN: u64 = 20 << 20;
    let state = TempDir::new().unwrap();
    let path = state.path().join("file");
    std::fs::File::create(&path).unwrap().set_len(LEN).unwrap();
    let addr = serve(|mut socket| {
        harness::read_to_close(&mut socket, LEN, Duration::from_millis(10));
    });
    let mut terminal = run(state.path(), addr, &["--send-file", path.to_str().unwrap()]);
    terminal.expect_that("the progress", |screen| screen.contents().contains("MiB of 20.00 MiB"));
    terminal.expect(&[">"]);
    terminal.type_in(CTRL_D);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("MiB"), "{screen}");
}
