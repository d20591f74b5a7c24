//! `wirelet serve --mode exec`: a process for each connection.
#![cfg(target_os = "linux")]

mod harness;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use harness::certificates::Issued;
use harness::tls::begin_tls;
use harness::{
    BINARY, CLOSE, LIMIT, Running, TEXT, frame, handshake, read_frame, read_head, upgrade_request,
    within,
};

/// Serves a script of the shell.
fn serve(flags: &[&str], script: &str) -> Running {
    Running::serve(&[flags, &["--mode", "exec", "--", "sh", "-c", script]].concat())
}

/// The processes that the server has started and not yet reaped.
fn children(server: &Running) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let lists = tasks
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()
        })
        .collect()
}

fn n_files(server: &Running) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

/// How many bytes a process has written.
fn written(pid: u32) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap();
    line.parse().unwrap()
}

/// Reads the next frame, a text.
fn read_text(socket: &mut TcpStream) -> String {
    let (first, payload) = read_frame(socket);
    assert_eq!(first, TEXT, "{payload:?}");
    String::from_utf8(payload).unwrap()
}

/// Reads to the close frame; returns its code.
fn read_close(socket: &mut TcpStream) -> u16 {
    loop {
        let (first, payload) = read_frame(socket);
        if first == CLOSE {
            return u16::from_be_bytes([payload[0], payload[1]]);
        }
    }
}

fn close(mut socket: TcpStream) {
    socket.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    while read_frame(&mut socket).0 != CLOSE {}
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    // A zombie of somebody else's is not alive.
    stat.is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.trim_start().starts_with('Z'))
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("file")
    }
}

fn content(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

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
fn the_end_of_the_process_closes_with_1000_behind_all_that_it_said() {
    let server = serve(&[], "echo one; printf 'two\\r\\nthree'");
    let mut socket = handshake(server.addr);
    for text in ["one", "two", "three"] {
        assert_eq!(read_text(&mut socket), text);
    }
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe8".to_vec()));
}

#[test]
fn a_process_that_fails_closes_with_1011_and_is_logged() {
    for script in ["echo before; exit 3", "echo before; kill -9 $$"] {
        let mut server = serve(&[], script);
        let mut socket = handshake(server.addr);
        assert_eq!(read_text(&mut socket), "before");
        assert_eq!(read_close(&mut socket), 1011);
        drop(socket);
        server.signal("TERM");
        assert_eq!(server.wait(), Some(0));
        assert!(server.stderr().contains("the program failed"), "{script}");
    }
}

/// Asks for a connection, and reads all lines to its end.
fn lines_of(socket: &mut (impl Read + Write), request: &str) -> Vec<String> {
    socket.write_all(request.as_bytes()).unwrap();
    let head = read_head(socket);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut lines = Vec::new();
    loop {
        match read_frame(socket) {
            (TEXT, line) => lines.push(String::from_utf8(line).unwrap()),
            (first, _) => break assert_eq!(first, CLOSE),
        }
    }
    lines
}

fn asking(path: &str, fields: &[&str]) -> String {
    let fields = fields.join("\r\n");
    upgrade_request().replace("/chat", path).replace("Host: localhost", &fields)
}

#[test]
fn the_environment_tells_of_the_connection() {
    let server = serve(&["--subprotocol", "chat", "--any-host"], "env");
    let fields = [
        "Host: example.com:8080",
        "X-One: 1",
        "x-one: 2",
        "X_One: 3",
        "Proxy: evil:80",
        "Cookie: a=1; b=2",
        "Cookie: c=3",
        "Sec-WebSocket-Protocol: other, chat",
    ];
    let mut socket = harness::tcp(server.addr);
    let lines = lines_of(&mut socket, &asking("/a%20b/%C3%A4?x=%31&y=2", &fields));
    let port = socket.local_addr().unwrap().port();
    for line in [
        "REMOTE_ADDR=127.0.0.1",
        &format!("REMOTE_PORT={port}"),
        "PATH_INFO=/a b/ä",
        "SCRIPT_NAME=",
        "QUERY_STRING=x=%31&y=2",
        "REQUEST_METHOD=GET",
        "REMOTE_HOST=127.0.0.1",
        "SERVER_NAME=127.0.0.1", // the client may not choose it
        &format!("SERVER_PORT={}", server.addr.port()),
        "GATEWAY_INTERFACE=CGI/1.1",
        "SEC_WEBSOCKET_PROTOCOL=chat",
        "CONNECTION_ID=1",
        "HTTP_HOST=example.com:8080",
        "HTTP_X_ONE=1, 2",
        "HTTP_COOKIE=a=1; b=2; c=3",
        "HTTP_UPGRADE=websocket",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line} is not in {lines:#?}");
    }
    for other in ["evil", "HTTPS="] {
        assert!(!lines.iter().any(|line| line.contains(other)), "{lines:#?}");
    }
}

#[test]
fn the_name_of_the_server_is_one_that_it_serves() {
    let server = serve(&["--host", "example.com:8080", "--host", "*.example.org"], "env");
    for (host, name) in [("example.com:8080", "example.com"), ("a.example.org", "a.example.org")] {
        let request = asking("/", &[&format!("Host: {host}")]);
        let lines = lines_of(&mut harness::tcp(server.addr), &request);
        assert!(lines.contains(&format!("SERVER_NAME={name}")), "{lines:#?}");
        assert!(lines.contains(&format!("SERVER_PORT={}", server.addr.port())), "{lines:#?}");
    }
}

#[test]
fn a_path_with_a_zero_byte_is_answered_400() {
    let server = serve(&[], "env");
    let mut socket = harness::tcp(server.addr);
    socket.write_all(asking("/a%00b", &["Host: localhost"]).as_bytes()).unwrap();
    let head = read_head(&mut socket);
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    // What is no number is no byte either.
    let lines = lines_of(&mut harness::tcp(server.addr), &asking("/a%0", &["Host: localhost"]));
    assert!(lines.iter().any(|line| line == "PATH_INFO=/a%0"), "{lines:#?}");
}

#[test]
fn https_is_on_over_tls() {
    let issued = Issued::new();
    let (chain, key) = (issued.chain(), issued.key());
    let server = serve(&["--cert", chain.to_str().unwrap(), "--key", key.to_str().unwrap()], "env");
    let mut socket = begin_tls(harness::tcp(server.addr), &issued.ca(), "localhost");
    let lines = lines_of(&mut socket, &asking("/", &["Host: localhost"]));
    assert!(lines.iter().any(|line| line == "HTTPS=on"), "{lines:#?}");
}

#[test]
fn the_environment_of_the_server_is_not_passed_on_but_for_a_short_list_and_what_is_named() {
    let mut command = Command::new(harness::PROGRAM);
    command.args(["serve", "--listen", "127.0.0.1:0", "--mode", "exec"]);
    command.args(["--pass-env", "TOKEN_FILE", "--pass-env", "NOT_SET", "--", "env"]);
    command.env("SECRET", "s3cr3t").env("TOKEN_FILE", "/run/token").env("LC_TIME", "C");
    command.env("HTTP_X_ROLE", "admin").env("HTTPS", "on").env("NOTIFY_SOCKET", "/nowhere");
    let server = Running::spawn(command);
    let lines = lines_of(&mut harness::tcp(server.addr), &asking("/", &["Host: localhost"]));
    for there in ["TOKEN_FILE=/run/token", "LC_TIME=C", "PATH="] {
        assert!(lines.iter().any(|line| line.starts_with(there)), "{there} is not in {lines:#?}");
    }
    for other in ["SECRET", "s3cr3t", "HTTP_X_ROLE", "HTTPS", "NOTIFY_SOCKET", "NOT_SET"] {
        assert!(!lines.iter().any(|line| line.contains(other)), "{other} is in {lines:#?}");
    }
    for name in ["", "A=b"] {
        let args = ["serve", "--mode", "exec", "--pass-env", name, "--", "env"];
        assert_eq!(harness::run(&args).0, Some(2), "{name:?}");
    }
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
fn what_the_program_still_says_when_the_client_closes_is_sent_before_the_answer() {
    let script = "while read -r line; do sleep 0.2; echo \"<$line>\"; done; sleep 0.2; echo end";
    let server = serve(&["--exit-time", "60"], script);
    let mut socket = handshake(server.addr);
    let frames: Vec<u8> =
        ["a", "b", "c"].iter().flat_map(|text| frame(TEXT, text.as_bytes())).collect();
    // All at once, as a pipe does.
    socket.write_all(&[frames, frame(CLOSE, b"\x0f\xa1bye")].concat()).unwrap();
    for text in ["<a>", "<b>", "<c>", "end"] {
        assert_eq!(read_text(&mut socket), text);
    }
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x0f\xa1bye".to_vec()));
    harness::ended(&mut socket);
    within(LIMIT, || children(&server).is_empty());
}

#[test]
fn a_program_that_fails_at_the_end_of_its_input_closes_with_1011() {
    let server = serve(&["--exit-time", "60"], "cat; exit 3");
    let mut socket = handshake(server.addr);
    socket.write_all(&[frame(TEXT, b"one"), frame(CLOSE, b"\x03\xe8")].concat()).unwrap();
    assert_eq!(read_text(&mut socket), "one");
    assert_eq!(read_close(&mut socket), 1011);
}

#[test]
fn a_program_that_says_more_and_more_does_not_keep_a_client_that_closes() {
    // One that a signal ends, and one that only SIGKILL does.
    for script in ["while :; do echo tick; sleep 0.05; done", "trap '' TERM; yes"] {
        let server = serve(&["--exit-time", "300ms"], script);
        let mut socket = handshake(server.addr);
        socket.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
        let start = Instant::now();
        assert_eq!(read_close(&mut socket), 1000, "{script}");
        assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
        harness::ended(&mut socket);
        within(LIMIT, || children(&server).is_empty());
    }
}

#[test]
fn a_daemon_that_holds_the_output_does_not_hold_the_connection() {
    // One that is silent, and one that never is.
    for daemon in ["sleep 1000", "yes"] {
        let script = format!("setsid sh -c 'echo $$ >&3; exec {daemon}' & echo started");
        let place = Place::new();
        let script = format!("exec 3> {}; {script}", place.file().display());
        let server = serve(&["--exit-time", "300ms"], &script);
        let before = n_files(&server);
        let mut socket = handshake(server.addr);
        loop {
            match read_frame(&mut socket) {
                (TEXT, _) => {}
                end => break assert_eq!(end, (CLOSE, b"\x03\xe8".to_vec()), "{daemon}"),
            }
        }
        socket.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
        harness::ended(&mut socket);
        within(LIMIT, || children(&server).is_empty());
        within(LIMIT, || n_files(&server) <= before);
        let pid: u32 = content(&place.file()).trim().parse().unwrap();
        let _ = Command::new("kill").args(["-9", &pid.to_string()]).output();
    }
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
fn a_binary_message_for_lines_is_refused_with_1003() {
    let server = serve(&[], "cat");
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(BINARY, b"x")).unwrap();
    assert_eq!(read_close(&mut socket), 1003);
}

#[test]
fn the_end_of_the_connection_ends_the_input_behind_what_was_sent() {
    let place = Place::new();
    let server = serve(&[], &format!("cat > {0}.part; mv {0}.part {0}", place.file().display()));
    let mut socket = handshake(server.addr);
    socket.write_all(&[frame(TEXT, b"one"), frame(TEXT, b"two")].concat()).unwrap();
    close(socket);
    within(LIMIT, || content(&place.file()) == "one\ntwo\n");
    within(LIMIT, || children(&server).is_empty());
}

#[test]
fn a_process_that_goes_on_is_asked_by_sigterm_and_then_killed() {
    let place = Place::new();
    let path = place.file();
    let server = serve(
        &[],
        &format!(
            "trap 'echo term >> {}' TERM; echo $$; while :; do sleep 0.1; done",
            path.display()
        ),
    );
    let mut socket = handshake(server.addr);
    let pid: u32 = read_text(&mut socket).parse().unwrap();
    let start = Instant::now();
    close(socket);
    within(LIMIT, || !is_alive(pid));
    assert_eq!(content(&path), "term\n");
    // Two seconds for each.
    assert!(start.elapsed() >= Duration::from_secs(4), "{:?}", start.elapsed());
    within(LIMIT, || children(&server).is_empty());
}

#[test]
fn what_the_process_has_started_ends_with_it() {
    // Once left behind by a process that has ended, once by one that is killed.
    for script in ["sleep 1000 >&- 2>&- & echo $!", "sleep 1000 & echo $!; wait"] {
        let server = serve(&[], script);
        let mut socket = handshake(server.addr);
        let pid: u32 = read_text(&mut socket).parse().unwrap();
        drop(socket);
        within(LIMIT, || !is_alive(pid));
        within(LIMIT, || children(&server).is_empty());
    }
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
fn a_process_may_close_its_streams_and_go_on() {
    let place = Place::new();
    let path = place.file();
    let server = serve(
        &[],
        &format!("exec >&- 2>&-; read -r line; echo \"$line\" > {}; sleep 1", path.display()),
    );
    let mut socket = handshake(server.addr);
    std::thread::sleep(Duration::from_millis(200));
    socket.write_all(&frame(TEXT, b"heard")).unwrap();
    within(LIMIT, || content(&path) == "heard\n");
    assert_eq!(read_close(&mut socket), 1000);

    let server = serve(&[], "exec <&-; sleep 0.3; echo still here");
    let mut socket = handshake(server.addr);
    socket.write_all(&frame(TEXT, b"for nobody")).unwrap();
    assert_eq!(read_text(&mut socket), "still here");
    assert_eq!(read_close(&mut socket), 1000);
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

#[test]
fn one_process_more_than_the_limit_is_answered_503() {
    let server = serve(&["--max-connections", "2"], "trap '' TERM; cat; sleep 1000");
    let (first, _second) = (handshake(server.addr), handshake(server.addr));
    assert!(harness::try_handshake(server.addr).is_none());
    let start = Instant::now();
    close(first);
    // Its process goes on until it is killed, and counts.
    within(LIMIT, || harness::try_handshake(server.addr).is_some());
    assert!(start.elapsed() >= Duration::from_secs(4), "{:?}", start.elapsed());
    assert!(children(&server).len() <= 2);
}

#[test]
fn nothing_is_left_of_many_connections_however_they_end() {
    let server = serve(&[], "read -r line; case $line in fail) exit 1;; flood) yes;; esac; cat");
    close(handshake(server.addr));
    within(LIMIT, || children(&server).is_empty());
    let before = n_files(&server);
    for i in 0..120 {
        let mut socket = handshake(server.addr);
        match i % 6 {
            0 => drop(socket),
            1 => harness::reset(socket),
            2 => close(socket),
            3 => {
                socket.write_all(&frame(TEXT, b"fail")).unwrap();
                assert_eq!(read_close(&mut socket), 1011);
            }
            4 => {
                socket.write_all(&frame(TEXT, b"flood")).unwrap();
                assert_eq!(read_text(&mut socket), "y");
                harness::reset(socket);
            }
            _ => socket.write_all(&frame(BINARY, b"")).unwrap(),
        }
    }
    within(LIMIT, || children(&server).is_empty());
    within(LIMIT, || n_files(&server) <= before);
}

#[test]
fn no_file_of_the_server_is_open_in_a_process() {
    const SCRIPT: &str = "cd /proc/$$/fd && echo *";
    // Whoever runs the tests may have left some open in all processes.
    let alone = std::process::Command::new("sh").args(["-c", SCRIPT]).output().unwrap();
    let server = serve(&["--metrics", "127.0.0.1:0"], SCRIPT);
    let _others: Vec<_> = (0..5).map(|_| handshake(server.addr)).collect();
    let files = read_text(&mut handshake(server.addr));
    assert_eq!(files.trim(), String::from_utf8(alone.stdout).unwrap().trim());
}

#[test]
fn a_signal_ends_all_processes_and_then_the_server() {
    let mut server = serve(&[], "echo $$; cat");
    let mut sockets: Vec<_> = (0..5).map(|_| handshake(server.addr)).collect();
    let pids: Vec<u32> =
        sockets.iter_mut().map(|socket| read_text(socket).parse().unwrap()).collect();
    server.signal("TERM");
    for socket in &mut sockets {
        assert_eq!(read_close(socket), 1001);
        socket.write_all(&frame(CLOSE, b"\x03\xe9")).unwrap();
        harness::ended(socket);
    }
    drop(sockets);
    assert_eq!(server.wait(), Some(0));
    assert!(!pids.into_iter().any(is_alive));
}

#[test]
fn a_second_signal_kills_all_processes_at_once() {
    let place = Place::new();
    let file = place.file();
    let script = "echo $$; while :; do sleep 0.1; done";
    let script = format!("trap 'echo asked >> {}' TERM; {script}", file.display());
    let mut server = serve(&["--close-time", "3600"], &script);
    let mut socket = handshake(server.addr); // never answers the close
    let pid: u32 = read_text(&mut socket).parse().unwrap();
    server.signal("TERM");
    assert_eq!(read_close(&mut socket), 1001);
    assert_eq!(server.wait_within(Duration::from_millis(300)), None);
    assert!(is_alive(pid));
    server.signal("TERM");
    assert_eq!(server.wait(), Some(143));
    assert!(!is_alive(pid));
    assert_eq!(content(&file), "", "it was asked before it was killed");
}

#[test]
fn a_program_that_is_not_there_is_told_at_the_start() {
    let (status, _, err) = harness::run(&["serve", "--mode", "exec", "--", "no-such-program"]);
    assert_eq!(status, Some(1));
    assert!(err.contains("no-such-program"), "{err}");
    for args in [
        &["--mode", "exec"][..],
        &["--mode", "exec", "--binary", "--newline", "escape", "--", "cat"],
        &["--", "cat"],
        &["--binary"],
        &["--newline", "split"],
        &["--pass-env", "A"],
        &["--exit-time", "1s"],
    ] {
        let (status, _, err) = harness::run(&[&["serve"], args].concat());
        assert_eq!(status, Some(2), "{err}");
    }
}
