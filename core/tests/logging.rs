//! What is logged of a connection: headers and violations, and neither payload nor keys.

#[path = "suites/common/mod.rs"]
mod common;

use std::cell::RefCell;

use common::{FixedKey, KEY, TestRole, on_both_roles};
use log::{Level, LevelFilter, Log, Metadata, Record};
use wirelet::{Chunk, Client, Connection, Role, Server};

thread_local! {
    static LINES: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

struct Lines;

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        LINES.with_borrow_mut(|lines| lines.push((record.level(), record.args().to_string())));
    }

    fn flush(&self) {}
}

/// Returns what `run` logs.
fn lines(run: impl FnOnce()) -> Vec<(Level, String)> {
    // Another test may have been first.
    let _ = log::set_logger(&Lines);
    log::set_max_level(LevelFilter::Trace);
    run();
    LINES.take()
}

fn trace(line: &str) -> (Level, String) {
    (Level::Trace, line.to_owned())
}

/// Receives a text, a ping and a violation, and answers them; then sends.
fn a_session<Ro: Role>(mut connection: Connection<Ro>, frames: [Vec<u8>; 3]) {
    let mut out = [0; 64];
    connection.send(Chunk::first("secret"), &mut out).unwrap();
    for mut frame in frames {
        let _ = connection.receive(&mut frame);
        connection.reply(&mut out);
    }
}

#[test]
fn a_server_logs_headers_and_violations() {
    let frames = [(0x81, &b"secret"[..]), (0x89, b"secret"), (0x83, b"")];
    let frames = frames.map(|(first, payload)| Server::received(first, payload));
    let lines = lines(|| a_session(Connection::new(Server), frames));
    let key = "Some(MaskingKey(..))";
    assert_eq!(
        lines,
        [
            trace(
                "sending Header { fin: false, rsv: 0, opcode: Text, masking_key: None, payload_len: 6 }"
            ),
            trace(&format!(
                "received Header {{ fin: true, rsv: 0, opcode: Text, masking_key: {key}, payload_len: 6 }}"
            )),
            trace(&format!(
                "received Header {{ fin: true, rsv: 0, opcode: Ping, masking_key: {key}, payload_len: 6 }}"
            )),
            trace("replying Pong, 6 bytes of payload"),
            trace(&format!(
                "received Header {{ fin: true, rsv: 0, opcode: Reserved3, masking_key: {key}, payload_len: 0 }}"
            )),
            (Level::Debug, "violation: the opcode is reserved".to_owned()),
            trace("replying Close, 2 bytes of payload"),
        ]
    );
}

#[test]
fn a_client_logs_headers_and_not_their_keys() {
    let frames = [(0x81, &b"secret"[..]), (0x89, b"secret"), (0x83, b"")];
    let frames = frames.map(|(first, payload)| Client::<FixedKey>::received(first, payload));
    let lines = lines(|| a_session(Connection::new(Client(FixedKey(KEY))), frames));
    let first = "sending Header { fin: false, rsv: 0, opcode: Text, masking_key: Some(MaskingKey(..)), payload_len: 6 }";
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[0], trace(first));
}

fn nothing_that_is_shown_has_the_key<Ro: TestRole + std::fmt::Debug>() {
    let mut connection = Ro::connection();
    // In the middle of a payload.
    connection.receive(&mut Ro::received(0x82, &[0; 9])[..11]).unwrap();
    let start = connection.start(&Chunk::whole("Hello")).unwrap();
    let shown = format!("{connection:?} {start:?}");
    for byte in KEY {
        assert!(!shown.contains(&byte.to_string()), "{byte} in {shown}");
    }
}
on_both_roles!(nothing_that_is_shown_has_the_key);
