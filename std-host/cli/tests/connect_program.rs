//! `wirelet connect`, run as a user runs it, in pipes.

mod harness;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use harness::certificates::Issued;
use harness::connect::{connect, connect_bytes, serve, url};
use harness::{CLOSE, LIMIT, PING, PROGRAM, Running, front};

#[test]
fn lines_are_sent_answers_are_printed_and_the_end_closes_cleanly() {
    let server = Running::serve(&[]);
    let (status, out, err) = connect(&[&url(server.addr)], b"one\nzwei \xc3\xa4\n\nlast");
    assert_eq!((status, &*out, &*err), (Some(0), "one\nzwei ä\n\nlast\n", ""));
}

#[test]
fn it_speaks_tls_and_through_a_unix_socket() {
    let (server, issued) = (Running::serve(&["--any-host"]), Issued::new());
    let tls = format!("wss://localhost:{}/", front::tls(&issued, server.addr).port());
    let path = issued.path("socket");
    front::unix(&path, server.addr);
    let (ca, path) = (issued.ca(), path.to_str().unwrap().to_owned());
    for args in
        [&[&*tls, "--ca", ca.to_str().unwrap()][..], &["ws://example.org/", "--unix-socket", &path]]
    {
        let (status, out, err) = connect(args, b"hello\n");
        assert_eq!((status, &*out, &*err), (Some(0), "hello\n", ""), "{args:?}");
    }
}

#[test]
fn each_kind_of_failure_has_its_words_and_its_exit_code() {
    let (server, issued) = (Running::serve(&[]), Issued::new());
    let plain = server.addr;
    let tls = front::tls(&issued, plain);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\n\r\nnot you\nmore");
    let wrong = answer("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    let silent = silent.local_addr().unwrap();
    for (args, code, part) in [
        (&[&*format!("http://{plain}")][..], 2, "must begin with ws:// or wss://"),
        (&[&format!("wss://{tls}"), "--ca", "none.pem"], 2, "cannot read none.pem"),
        (&[&url(plain), "--send-file", "none.txt"], 2, "cannot read none.txt"),
        (&[&url(nobody)], 3, "refused"),
        (&["ws://a/", "--unix-socket", "/none/such"], 3, "/none/such"),
        (&[&format!("wss://{plain}")], 4, "does not speak TLS"),
        (&[&format!("wss://{tls}")], 4, "not trusted"),
        (&[&url(refusing)], 5, "403 Forbidden: not you"),
        (&[&url(wrong)], 5, "Upgrade"),
        (&[&url(silent), "--timeout", "0.2"], 6, "in time"),
        (&[&format!("wss://{silent}"), "--timeout", "0.2"], 6, "in time"),
    ] {
        let (status, out, err) = connect(args, b"");
        assert_eq!((status, &*out), (Some(code), ""), "{args:?}: {err}");
        assert!(err.contains(part) && err.lines().count() == 1, "{args:?}: {err}");
    }
    let (_, _, err) = connect(&[&format!("wss://{tls}")], b"");
    assert!(err.contains("--ca"), "{err}");
}

#[test]
fn the_help_tells_the_exit_codes() {
    let (status, out, _) = connect(&["--help"], b"");
    assert_eq!(status, Some(0));
    for part in [
        "Exit codes:",
        "4  TLS failed",
        "--reconnect",
        "--unix-socket",
        "--proxy",
        "-L, --location",
    ] {
        assert!(out.contains(part), "{out}");
    }
}

#[test]
fn json_is_indented_without_colours_in_a_pipe() {
    let server = Running::serve(&[]);
    let (status, out, _) = connect(&[&url(server.addr), "--json"], b"{\"a\":[1,2]}\nno json\n");
    assert_eq!((status, &*out), (Some(0), "{\n  \"a\": [\n    1,\n    2\n  ]\n}\nno json\n"));
}

#[test]
fn exit_after_closes_when_so_many_have_come_and_not_before() {
    let server = Running::serve(&[]);
    let (status, out, _) = connect(&[&url(server.addr), "--exit-after", "2"], b"a\nb\nc\n");
    assert_eq!((status, &*out), (Some(0), "a\nb\n"));
    // Messages that come when the input has ended long ago.
    let addr = serve(|mut socket| {
        for payload in [b"x", b"y"] {
            thread::sleep(Duration::from_millis(300));
            socket.write_all(&[b"\x81\x01", &payload[..]].concat()).unwrap();
        }
        let mut close = [0; 8];
        socket.read_exact(&mut close).unwrap();
        assert_eq!(close[..2], [CLOSE, 0x82]);
        socket.write_all(b"\x88\x02\x03\xe8").unwrap();
    });
    let (status, out, err) = connect(&[&url(addr), "--exit-after", "2"], b"");
    assert_eq!((status, &*out, &*err), (Some(0), "x\ny\n", ""));
}

#[test]
fn pings_are_timed() {
    let server = Running::serve(&[]);
    let start = Instant::now();
    let mut child = Command::new(PROGRAM)
        .args(["connect", &url(server.addr), "--ping", "0.05"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let (mut n, mut n_answered) = (0, 0);
    while n_answered < 5 {
        n += 1;
        let line = lines.next().expect("it goes on");
        let time = line.strip_prefix(&format!("wirelet: ping {n}: ")).expect(&line);
        // On a busy machine the next may be due before.
        let unanswered = time.strip_prefix("no answer in ");
        n_answered += u32::from(unanswered.is_none());
        let time = unanswered.unwrap_or(time);
        let time: f64 = time.strip_suffix(" ms").unwrap().parse().unwrap();
        assert!(time > 0.0 && time <= start.elapsed().as_secs_f64() * 1e3, "{line}");
        assert!(n <= 100, "hardly any is answered");
    }
    // None before it was due; the first at once.
    assert!(start.elapsed() >= Duration::from_millis(50) * (n - 1), "{n} in {:?}", start.elapsed());
    drop(child.stdin.take());
    assert!(lines.all(|line| line.starts_with("wirelet: ping ")));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b""[..]));
}

#[test]
fn a_ping_without_an_answer_is_told() {
    let addr = serve(|mut socket| {
        // It answers nothing; behind the second ping it closes.
        let mut pings = [0; 2 * 14];
        socket.read_exact(&mut pings).unwrap();
        assert_eq!([pings[0], pings[14]], [PING; 2]);
        socket.write_all(b"\x88\x02\x03\xe8").unwrap();
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let args = [&*url(addr), "--ping", "0.1", "--exit-after", "1"];
    let (status, _, err) = connect(&args, b"");
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("wirelet: ping 1: no answer in "), "{err}");
    assert!(err.contains("closed by the server: 1000"), "{err}");
}

#[test]
fn a_file_is_one_message_however_long() {
    let server = Running::serve(&["--max-message", "5000000"]);
    let issued = Issued::new();
    let path = issued.path("file");
    let text = "Grüße, 世界 😀\n".repeat(100_000);
    std::fs::write(&path, &text).unwrap();
    for option in ["--text-file", "--send-file"] {
        let args = [&*url(server.addr), option, path.to_str().unwrap(), "--binary", "--lines"];
        let (status, out, err) = connect(&args, b"line\n");
        assert_eq!((status, &*err), (Some(0), ""), "{option}");
        assert!(out == text.clone() + "\nline\n", "{option}");
    }
}

#[test]
fn a_file_needs_no_memory_of_its_length() {
    const LEN: u64 = 200 << 20;
    let issued = Issued::new();
    let path = issued.path("sparse");
    File::create(&path).unwrap().set_len(LEN).unwrap();
    let (received, all) = mpsc::channel();
    let addr = serve(move |mut socket| {
        harness::read_len(&mut socket, LEN);
        received.send(()).unwrap();
        harness::read_to_close(&mut socket, 0, Duration::ZERO);
    });
    let url = url(addr);
    let mut child = Command::new(PROGRAM)
        .args(["connect", &url, "--send-file", path.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    // The most that it ever had, when all of the file has come.
    all.recv_timeout(LIMIT).unwrap();
    let peak = harness::memory_kib(child.id(), "VmHWM:");
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!((1000..50_000).contains(&peak), "{peak} KiB");
}

#[test]
fn a_file_that_is_no_text_is_refused_before_anything_is_sent() {
    let issued = Issued::new();
    let path = issued.path("file");
    std::fs::write(&path, [&b"a".repeat(70_000), &b"\xff"[..]].concat()).unwrap();
    let (status, _, err) =
        connect(&["ws://127.0.0.1:1/", "--text-file", path.to_str().unwrap()], b"");
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("no UTF-8 at byte 70000"), "{err}");
}

#[test]
fn a_message_that_is_too_long_is_refused() {
    let server = Running::serve(&[]);
    let args = [&*url(server.addr), "--max-message", "10"];
    let (status, out, err) = connect(&args, b"0123456789\n0123456789x\n");
    assert_eq!((status, &*out), (Some(1), "0123456789\n"), "{err}");
    assert!(err.contains("longer"), "{err}");
}

#[test]
fn it_receives_while_what_it_sends_waits_for_the_server() {
    const LEN: usize = 10_000_000;
    let issued = Issued::new();
    let path = issued.path("file");
    std::fs::write(&path, vec![b'y'; LEN]).unwrap();
    let lines = ["y".repeat(50_000).as_bytes(), b"\n"].concat().repeat(LEN / 50_000);
    let file = path.to_str().unwrap();
    for (args, input) in [(&["--binary"][..], &*lines), (&["--binary", "--send-file", file], b"")] {
        let addr = serve(|mut socket| {
            // It reads nothing before all of this has been taken.
            let frame = [&[0x82, 127][..], &(LEN as u64).to_be_bytes(), &vec![b'x'; LEN]].concat();
            socket.write_all(&frame).unwrap();
            harness::read_to_close(&mut socket, LEN as u64, Duration::ZERO);
        });
        // Nor does it stop to read its input because of what it prints.
        let (status, out, err) = connect_bytes(&[&[&*url(addr)], args].concat(), input);
        assert_eq!((status, out.len()), (Some(0), LEN), "{args:?}: {err}");
    }
}

#[test]
fn what_came_before_the_connection_broke_is_printed_and_the_close_is_told() {
    // It refuses a message that is too long for it, and does not read the rest of that.
    let addr = serve(|mut socket| {
        socket.read_exact(&mut [0; 14]).unwrap();
        socket.write_all(b"\x81\x04last\x88\x05\x03\xf1big").unwrap();
    });
    let (status, out, err) = connect(&[&url(addr)], &vec![b'x'; 8_000_000]);
    assert_eq!((status, &*out), (Some(1), "last\n"), "{err}");
    assert_eq!(err, "wirelet: closed by the server: 1009 big\n");
}

#[test]
fn a_server_that_never_reads_is_given_up_behind_the_end_of_the_input() {
    let addr = serve(|mut socket| {
        thread::sleep(Duration::from_secs(600));
        let _ = socket.write_all(b"\x88\x00");
    });
    let begin = Instant::now();
    let (status, _, err) = connect(&[&url(addr)], &vec![b'y'; 15_000_000]);
    assert_eq!(status, Some(6), "{err}");
    assert!((5..60).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
}

#[test]
fn it_connects_again_and_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for payload in [b"1", b"2"] {
            let mut socket = harness::accept(listener.accept().unwrap().0);
            socket.write_all(&[b"\x81\x01", &payload[..]].concat()).unwrap();
            if payload == b"2" {
                let _ = socket.read_exact(&mut [0; 8]);
                socket.write_all(b"\x88\x02\x03\xe8").unwrap();
            }
        }
    });
    let args = [&*url(addr), "--reconnect", "--exit-after", "2"];
    let (status, out, err) = connect(&args, b"");
    assert_eq!((status, &*out), (Some(0), "1\n2\n"), "{err}");
    let lines: Vec<_> = err.lines().collect();
    let [first, waiting, second] = lines[..] else { panic!("{err}") };
    assert_eq!((first, second), ("wirelet: connected", "wirelet: connected"));
    assert!(waiting.contains("connecting again in 0."), "{err}");
    // What cannot be mended ends it nevertheless.
    let refusing = answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let (status, _, err) = connect(&[&url(refusing), "--reconnect"], b"");
    assert_eq!(status, Some(5), "{err}");
}

/// Answers the request of one connection with this.
fn answer(response: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        harness::read_head(&mut socket);
        socket.write_all(response.as_bytes()).unwrap();
        let _ = socket.read(&mut [0; 1]);
    });
    addr
}
