//! Messages and lines, and who waits for whom.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::harness::{self, BINARY, CLOSE, LIMIT, TEXT, frame, handshake, read_frame, within};
use crate::program::{Place, children, close, content, read_close, read_text, serve, written};

#[test]
fn messages_become_lines_and_lines_become_messages() {
    let server = serve(&[], "while read -r line; do echo \"<$line>\"; done");
    let mut socket = handshake(server.addr);
    let mut other = handshake(server.addr);
    for text in ["one", "häl漢", "", "  two  words"] {
        socket.write_all(&frame(TEXT, text.as_bytes())).unwrap();
        assert_eq!(read_text(&mut socket), format!("<{}>", text.trim()));
    }
    other.write_all(&frame(TEXT, b"mine")).unwrap();
    assert_eq!(read_text(&mut other), "<mine>", "each connection has a process of its own");
}

#[test]
fn a_message_with_line_breaks_is_one_line_unless_it_may_be_split() {
    for (flags, lines) in [
        (&[][..], &["<one two  three>", "<{ \"a\": 1 }>"][..]),
        (&["--newline", "replace"], &["<one two  three>", "<{ \"a\": 1 }>"]),
        (&["--newline", "escape"], &[r"<one\ntwo\r\n\rthree>", r#"<{\n"a": 1\r\n}\n>"#]),
        (&["--newline", "split"], &["<one>", "<two>", "<\rthree>", "<{>", "<\"a\": 1>", "<}>"]),
    ] {
        let server =
            serve(flags, "while IFS= read -r line; do printf '<%s>\n' \"${line%\r}\"; done");
        let mut socket = handshake(server.addr);
        for message in ["one\ntwo\r\n\rthree", "{\n\"a\": 1\r\n}\n"] {
            socket.write_all(&frame(TEXT, message.as_bytes())).unwrap();
        }
        let said: Vec<_> = lines.iter().map(|_| read_text(&mut socket)).collect();
        assert_eq!(said, lines, "{flags:?}");
        close(socket);
    }
}

#[test]
fn a_message_with_line_breaks_is_refused_with_1008_if_asked_to() {
    let mut server = serve(&["--newline", "refuse"], "cat");
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(TEXT, b"one\r\n")).unwrap();
    assert_eq!(read_text(&mut socket), "one", "a line may have its end");
    socket.write_all(&frame(TEXT, b"two\nthree")).unwrap();
    assert_eq!(read_close(&mut socket), 1008);
    drop(socket);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(server.stderr().contains("--newline"), "{}", server.log());
}

#[test]
fn bytes_go_both_ways_as_they_are_if_asked_to() {
    let server = serve(&["--binary"], "head -c 6; echo; printf '\\377'");
    let mut socket = handshake(server.addr);
    socket.write_all(&[frame(BINARY, b"\x00\xff\n"), frame(TEXT, b"abc")].concat()).unwrap();
    let mut bytes = Vec::new();
    loop {
        match read_frame(&mut socket) {
            (BINARY, chunk) => bytes.extend(chunk),
            end => break assert_eq!(end, (CLOSE, b"\x03\xe8".to_vec())),
        }
    }
    assert_eq!(bytes, b"\x00\xff\nabc\n\xff");
}

#[test]
fn bytes_are_sent_in_pieces_as_they_come_and_not_in_little_ones() {
    const LEN: usize = 3_000_000;
    let server = serve(&["--binary"], &format!("head -c {LEN} /dev/zero"));
    let mut socket = handshake(server.addr);
    let (mut len, mut n) = (0, 0);
    while len < LEN {
        len += read_frame(&mut socket).1.len();
        n += 1;
    }
    assert_eq!(len, LEN);
    // A pipe has room for 4 KiB at least.
    assert!(n <= LEN / 1024, "{n} messages");
}

#[test]
fn a_binary_message_for_lines_is_refused_with_1003() {
    let server = serve(&[], "cat");
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(BINARY, b"x")).unwrap();
    assert_eq!(read_close(&mut socket), 1003);
}

#[test]
fn a_process_that_reads_late_makes_the_client_wait_and_gets_all() {
    const LEN: usize = 20 << 20;
    let place = Place::new();
    let server = serve(&["--binary"], &format!("sleep 1; wc -c > {}", place.file().display()));
    let before = server.rss_kib();
    let start = Instant::now();
    let mut socket = handshake(server.addr);
    let message = frame(BINARY, &vec![b'x'; 64 * 1024]);
    for _ in 0..LEN / (64 * 1024) {
        socket.write_all(&message).unwrap();
    }
    assert!(start.elapsed() >= Duration::from_secs(1), "the client did not have to wait");
    let grown = server.peak_kib().saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB");
    close(socket);
    within(LIMIT, || content(&place.file()).trim() == LEN.to_string());
}

#[test]
fn nothing_is_lost_or_mixed_up_when_both_are_fast() {
    let server = serve(&[], "cat");
    let mut socket = handshake(server.addr);
    let mut sending = socket.try_clone().unwrap();
    let lines: Vec<String> = (0..20_000).map(|i| format!("{i}{}", "x".repeat(i % 300))).collect();
    let frames: Vec<u8> = lines.iter().flat_map(|line| frame(TEXT, line.as_bytes())).collect();
    let sender = std::thread::spawn(move || sending.write_all(&frames).unwrap());
    for line in &lines {
        assert_eq!(&read_text(&mut socket), line);
    }
    sender.join().unwrap();
}

#[test]
fn a_process_that_never_reads_loses_its_client() {
    let server = serve(&["--ping-timeout", "1"], "sleep 1000");
    let start = Instant::now();
    let mut socket = handshake(server.addr);
    let mut sending = socket.try_clone().unwrap();
    std::thread::spawn(move || {
        let message = frame(TEXT, &vec![b'x'; 60_000]);
        while sending.write_all(&message).is_ok() {}
    });
    assert_eq!(read_close(&mut socket), 1008);
    let elapsed = start.elapsed();
    assert!(elapsed >= Duration::from_secs(1) && elapsed < Duration::from_secs(40), "{elapsed:?}");
    drop(socket);
    within(LIMIT, || children(&server).is_empty());
}

#[test]
fn a_client_that_does_not_read_stops_the_process() {
    let script = "exec yes 0123456789012345678901234567890123456789";
    let server = serve(&["--max-queue", "65536"], script);
    let mut socket = handshake(server.addr);
    let mut process = None;
    within(LIMIT, || {
        process = children(&server).first().copied().filter(|pid| written(*pid) > 0);
        process.is_some()
    });
    let process = process.unwrap();
    // Until it has written nothing for a second.
    let (mut before, mut cpu) = (0, 0);
    within(LIMIT, || {
        (before, cpu) = (written(process), server.cpu_ms());
        std::thread::sleep(Duration::from_secs(1));
        written(process) == before
    });
    assert!(server.cpu_ms() - cpu < 100, "the server is busy");
    assert!(before < 32 << 20, "{before} bytes for one who reads nothing");
    // It goes on when the client does.
    for _ in 0..before / 41 + 1000 {
        assert_eq!(read_text(&mut socket), "0123456789012345678901234567890123456789");
    }
    assert!(written(process) > before);
    harness::reset(socket);
    within(LIMIT, || children(&server).is_empty());
}

#[test]
fn a_line_that_cannot_be_a_message_closes_and_is_logged() {
    for (script, code, why) in [
        ("head -c 1001 /dev/zero | tr '\\0' x; echo; sleep 1000", 1011, "longer than 1000 bytes"),
        ("head -c 100000 /dev/zero | tr '\\0' x; sleep 1000", 1011, "longer than 1000 bytes"),
        ("printf 'a\\377b\\n'; sleep 1000", 1007, "not UTF-8"),
    ] {
        let mut server = serve(&["--max-message", "1000"], script);
        let mut socket = handshake(server.addr);
        assert_eq!(read_close(&mut socket), code, "{script}");
        drop(socket);
        within(LIMIT, || children(&server).is_empty());
        server.signal("TERM");
        assert_eq!(server.wait(), Some(0));
        assert!(server.stderr().contains(why), "{script}");
    }
    let server = serve(&["--max-message", "1000"], "head -c 1000 /dev/zero | tr '\\0' x; echo");
    assert_eq!(read_text(&mut handshake(server.addr)).len(), 1000, "the longest line");
}

#[test]
fn the_standard_error_goes_to_the_log() {
    let mut server =
        serve(&[], "echo 'something odd' >&2; echo said; read -r line; echo 'last words' >&2");
    let mut socket = handshake(server.addr);
    assert_eq!(read_text(&mut socket), "said");
    close(socket);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let log = server.stderr();
    for part in ["something odd", "last words", "id=1"] {
        assert!(log.contains(part), "{part:?} is not in: {log}");
    }
}
