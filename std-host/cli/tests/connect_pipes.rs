//! `wirelet connect` in pipes and scripts: what goes in and comes out, and how long it waits.

mod harness;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use harness::connect::{connect, connect_bytes, serve, url};
use harness::{LIMIT, PROGRAM, Running};
use tempfile::TempDir;

#[test]
fn answers_that_come_behind_the_end_of_the_input_are_printed() {
    for (args, least) in [(&[][..], 3.0), (&["--linger", "5s"], 6.0)] {
        let addr = serve(|mut socket| {
            socket.read_exact(&mut [0; 7]).unwrap();
            for answer in b"12345" {
                thread::sleep(Duration::from_millis(400));
                socket.write_all(&[0x81, 1, *answer]).unwrap();
            }
            answer_close(&mut socket);
        });
        let (begin, url) = (Instant::now(), url(addr));
        let (status, out, err) = connect(&[&[&*url], args].concat(), b"?\n");
        assert_eq!((status, &*out, &*err), (Some(0), "1\n2\n3\n4\n5\n", ""));
        // Until it has been silent for so long.
        assert!(begin.elapsed().as_secs_f64() > least, "{:?}", begin.elapsed());
    }
}

#[test]
fn who_does_not_linger_prints_what_comes_before_the_server_has_closed() {
    let addr = serve(|mut socket| {
        socket.read_exact(&mut [0; 7]).unwrap();
        // It answers only behind the close.
        socket.read_exact(&mut [0; 8]).unwrap();
        socket.write_all(b"\x81\x06answer\x88\x02\x03\xe8").unwrap();
    });
    let (status, out, err) = connect(&[&url(addr), "--linger", "0"], b"?\n");
    assert_eq!((status, &*out, &*err), (Some(0), "answer\n", ""));
}

#[test]
fn pings_are_no_answers_to_wait_for() {
    let addr = serve(|mut socket| {
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut received = Vec::new();
        while !received.windows(2).any(|bytes| bytes == [0x88, 0x82]) {
            socket.write_all(b"\x89\x00").unwrap();
            let mut bytes = [0; 100];
            match socket.read(&mut bytes) {
                Ok(n) => received.extend_from_slice(&bytes[..n]),
                Err(error) => assert!(harness::is_time_out(&error), "{error}"),
            }
        }
        socket.write_all(b"\x88\x02\x03\xe8").unwrap();
    });
    let (status, out, err) = connect(&[&url(addr), "--ping", "0.2"], b"");
    assert_eq!((status, &*out), (Some(0), ""), "{err}");
}

#[test]
fn a_server_that_reads_slowly_gets_all_of_it_before_its_silence_counts() {
    const LEN: usize = 12 << 20;
    let addr = serve(|mut socket| {
        // Longer than it lingers, and then little by little.
        thread::sleep(Duration::from_secs(2));
        socket.read_exact(&mut vec![0; LEN / 2]).unwrap();
        thread::sleep(Duration::from_secs(2));
        socket.read_exact(&mut vec![0; LEN / 2]).unwrap();
        socket.write_all(b"\x81\x03all").unwrap();
        harness::read_to_close(&mut socket, 0, Duration::ZERO);
    });
    let input = [&b"x".repeat(1 << 20)[..], b"\n"].concat().repeat(12);
    let (status, out, err) = connect(&[&url(addr)], &input);
    assert_eq!((status, &*out, &*err), (Some(0), "all\n", ""));
}

#[test]
fn the_bytes_that_go_in_come_out() {
    let server = Running::serve(&[]);
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let text = "Grüße,\r\n世界 😀\n\n".repeat(20_000) + "no end";
    for (args, input) in [
        (&["--binary"][..], &*bytes),
        (&["--binary", "--raw"], &bytes),
        (&["--raw"], text.as_bytes()),
        (&["--raw"], b""),
    ] {
        let (status, out, err) = connect_bytes(&[&[&*url(server.addr)], args].concat(), input);
        assert_eq!((status, &*err), (Some(0), ""), "{args:?}");
        assert!(out == input, "{args:?}: {} of {} bytes", out.len(), input.len());
    }
    // And not in little pieces, each a message.
    let recording = tempfile::NamedTempFile::new().unwrap();
    let args = [&*url(server.addr), "--binary", "--raw", "--record"];
    let (status, ..) =
        connect_bytes(&[&args[..], &[recording.path().to_str().unwrap()]].concat(), &bytes);
    assert_eq!(status, Some(0));
    let recorded = std::fs::read_to_string(recording.path()).unwrap();
    let n_sent = recorded.lines().filter(|line| line.contains("\"sent\"")).count();
    assert!((1..300).contains(&n_sent), "{n_sent} messages of {} bytes", bytes.len());
    let args = [&*url(server.addr), "--binary", "--lines"];
    let (status, out, _) = connect_bytes(&args, b"\xff\n\0\r\nlast");
    assert_eq!((status, &out[..]), (Some(0), &b"\xff\n\0\nlast\n"[..]));
}

#[test]
fn a_line_may_end_with_cr_lf() {
    let server = Running::serve(&[]);
    let (status, out, _) = connect(&[&url(server.addr)], b"one\r\n\r\n\rtwo\r\r\n");
    assert_eq!((status, &*out), (Some(0), "one\n\n\rtwo\r\n"));
}

#[test]
fn what_is_no_text_is_told_and_fails_and_what_came_before_is_answered() {
    let server = Running::serve(&[]);
    for (args, input, part) in [
        (&[][..], &b"one\ntwo\n\xff\nfour\n"[..], "line 3 is no UTF-8"),
        (&["--raw"], b"one\ntwo\n\xff\nfour\n", "byte 8 of the input is no UTF-8"),
        (&["--raw"], b"one\ntwo\n\xf0\x9f", "byte 8 of the input is no UTF-8"),
    ] {
        let (status, out, err) = connect(&[&[&*url(server.addr)], args].concat(), input);
        assert_eq!(status, Some(2), "{err}");
        assert!(err.contains(part) && err.lines().count() == 1, "{err}");
        assert!(args.contains(&"--raw") || out == "one\ntwo\n", "{out}");
    }
}

#[test]
fn a_file_may_be_a_pipe_or_the_standard_input() {
    let server = Running::serve(&["--max-message", "5000000"]);
    let text = "Grüße, 世界 😀\n".repeat(10_000);
    for option in ["--text-file", "--send-file"] {
        let args = [&*url(server.addr), option, "-", "--raw"];
        let (status, out, err) = connect(&args, text.as_bytes());
        assert_eq!((status, &*err), (Some(0), ""), "{option}");
        assert!(out == text, "{option}: {} bytes", out.len());
    }
    let piped = Command::new("bash")
        .args([
            "-c",
            "exec \"$0\" connect \"$1\" --text-file <(echo one; sleep 0.2; echo two) </dev/null",
        ])
        .args([PROGRAM, &url(server.addr)])
        .output()
        .unwrap();
    assert_eq!((piped.status.code(), &piped.stdout[..]), (Some(0), &b"one\ntwo\n\n"[..]));
    // Of that which is seen once only, the beginning has been sent.
    let args = [&*url(server.addr), "--text-file", "-"];
    let (status, out, err) = connect(&args, &[&b"a".repeat(200_000)[..], b"\xff"].concat());
    assert_eq!((status, &*out), (Some(2), ""), "{err}");
    assert!(err.contains("the standard input: no UTF-8 at byte 200000"), "{err}");
}

#[test]
fn what_is_wrong_with_the_arguments_is_told_before_anybody_is_connected_to() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "no recording\n").unwrap();
    let (file, directory) = (file.to_str().unwrap(), directory.path().to_str().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (plain, addr) = (url(listener.local_addr().unwrap()), listener.local_addr().unwrap());
    let tls = format!("wss://{addr}/");
    for (url, args) in [
        (&plain, &["--header", "a b: c"][..]),
        (&plain, &["--header", "a: b\r\nc: d"]),
        (&plain, &["--header", "Upgrade: x"]),
        (&plain, &["--origin", "a\nb"]),
        (&plain, &["--subprotocol", "a,b"]),
        (&plain, &["--subprotocol", ""]),
        (&plain, &["--ca", "none.pem"]),
        (&tls, &["--ca", "none.pem"]),
        (&tls, &["--ca", file]),
        (&plain, &["--send-file", "none"]),
        (&plain, &["--text-file", directory]),
        (&plain, &["--record", directory]),
        (&plain, &["--replay", "none"]),
        (&plain, &["--replay", file]),
        (&plain, &["--linger", "soon"]),
        (&plain, &["--lines"]),
        (&plain, &["--raw", "--json"]),
        (&plain, &["--reconnect", "--header", "a b: c"]),
    ] {
        let (status, out, err) = connect(&[&[&**url], args].concat(), b"");
        assert_eq!((status, &*out), (Some(2), ""), "{args:?}: {err}");
        assert!(!err.is_empty(), "{args:?}");
    }
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "somebody has connected");
}

#[test]
fn what_is_recorded_can_be_read_and_sent_again_at_its_times() {
    let server = Running::serve(&[]);
    let directory = TempDir::new().unwrap();
    let path = |name| directory.path().join(name).to_str().unwrap().to_owned();
    let (first, second) = (path("first"), path("second"));
    let mut child = Command::new(PROGRAM)
        .args(["connect", &url(server.addr), "--record", &first])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut out) =
        (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut line = String::new();
    for text in ["Grüße \"1\"\n", "2\n"] {
        stdin.write_all(text.as_bytes()).unwrap();
        out.read_line(&mut line).unwrap();
        thread::sleep(Duration::from_millis(700));
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let recorded = entries(&first);
    let wanted = [
        ("open", "", ""),
        ("text", "sent", "Grüße \"1\""),
        ("text", "received", "Grüße \"1\""),
        ("text", "sent", "2"),
        ("text", "received", "2"),
        ("close", "sent", ""),
        ("close", "received", ""),
    ];
    assert_eq!(kinds(&recorded), wanted);
    assert_eq!((&recorded[5]["code"], &recorded[6]["code"]), (&1000.into(), &1000.into()));
    let begin = Instant::now();
    let (status, out, err) =
        connect(&[&url(server.addr), "--replay", &first, "--record", &second], b"");
    assert_eq!((status, &*out, &*err), (Some(0), "Grüße \"1\"\n2\n", ""));
    assert!(begin.elapsed() > Duration::from_millis(700), "not at its times");
    assert_eq!(kinds(&entries(&second)), wanted);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_recording_has_fragments_and_bytes_and_sends_them_again() {
    let server = Running::serve(&["--max-message", "5000000"]);
    let directory = TempDir::new().unwrap();
    let path = |name| directory.path().join(name).to_str().unwrap().to_owned();
    let (file, recording) = (path("file"), path("recording"));
    let bytes: Vec<u8> = (0..=255).cycle().take(150_000).collect();
    fs::write(&file, &bytes).unwrap();
    let args = [&*url(server.addr), "--binary", "--send-file", &file, "--record", &recording];
    let (status, out, _) = connect_bytes(&args, b"");
    assert_eq!((status, out == bytes), (Some(0), true));
    let fins: Vec<_> = entries(&recording)
        .iter()
        .filter(|entry| entry["kind"] == "binary")
        .map(|entry| (entry["direction"].as_str().unwrap().to_owned(), entry["fin"] == false))
        .collect();
    let wanted = [("sent", true), ("sent", true), ("sent", false), ("received", false)];
    assert_eq!(fins, wanted.map(|(direction, more)| (direction.to_owned(), more)));
    let args = [&*url(server.addr), "--binary", "--replay", &recording];
    let (status, out, _) = connect_bytes(&args, b"");
    assert_eq!((status, out == bytes), (Some(0), true));
    // Made by hand.
    let by_hand = b"{\"kind\":\"text\",\"direction\":\"sent\",\"data\":\"hi\"}\n";
    let (status, out, err) = connect(&[&url(server.addr), "--replay", "-"], by_hand);
    assert_eq!((status, &*out, &*err), (Some(0), "hi\n", ""));
}

#[test]
fn an_output_that_nobody_reads_any_more_ends_it_with_a_close_and_without_a_word() {
    // It floods, so that the pipe is full when its reader leaves, and is so for a while.
    let addr = serve(|mut socket| {
        let flood = socket.try_clone().unwrap();
        thread::spawn(move || {
            let mut flood = flood;
            while flood.write_all(b"\x81\x05hello").is_ok() {}
        });
        harness::read_to_close(&mut socket, 0, Duration::ZERO);
    });
    let mut shell = Command::new("bash")
        .args(["-c", "\"$0\" connect \"$1\" | head -2; echo ${PIPESTATUS[0]}"])
        .args([PROGRAM, &url(addr)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = shell.stdin.take(); // stays open
    let output = shell.wait_with_output().unwrap();
    drop(stdin);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!((&*text(&output.stdout), &*text(&output.stderr)), ("hello\nhello\n0\n", ""));
}

#[cfg(unix)]
#[test]
fn it_ends_when_the_reader_of_the_output_has_left_though_nothing_more_comes() {
    let (sender, seen) = mpsc::channel();
    let addr = serve(move |mut socket| {
        socket.write_all(b"\x81\x05hello").unwrap();
        answer_close(&mut socket);
        sender.send(()).unwrap();
    });
    let mut child = Command::new(PROGRAM)
        .args(["connect", &url(addr)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    seen.recv_timeout(LIMIT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // What nobody was ever told is no reason to send nothing.
    let server = Running::serve(&["--mode", "sink"]);
    let sent = Command::new("bash")
        .args([
            "-c",
            "(sleep 0.3; echo sent) | \"$0\" connect \"$1\" | true; echo ${PIPESTATUS[1]}",
        ])
        .args([PROGRAM, &url(server.addr)])
        .output()
        .unwrap();
    assert_eq!(sent.stdout, b"0\n");
    let (_, status) = harness::get(server.addr, "/status.json");
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["totals"]["messages_received"], 1, "{status}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_though_nobody_reads_the_output_or_the_connection() {
    let (sender, seen) = mpsc::channel();
    let addr = serve(move |mut socket| {
        // More than all buffers hold.
        let mut flood = socket.try_clone().unwrap();
        flood.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        let frame =
            [&[0x81, 127][..], &(1_u64 << 20).to_be_bytes(), &b"x".repeat(1 << 20)].concat();
        while flood.write_all(&frame).is_ok() {}
        sender.send(()).unwrap();
        thread::sleep(Duration::from_secs(60));
        drop(socket.read(&mut [0; 1]));
    });
    let mut child = Command::new(PROGRAM)
        .args(["connect", &url(addr)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    seen.recv_timeout(LIMIT).unwrap();
    let begin = Instant::now();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(begin.elapsed() < Duration::from_secs(40), "{:?}", begin.elapsed());
}

#[cfg(unix)]
#[test]
fn a_signal_that_was_ignored_is_ignored_on() {
    let server = Running::serve(&[]);
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" connect \"$1\"", PROGRAM, &url(server.addr)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (mut stdin, mut line) = (child.stdin.take().unwrap(), String::new());
    stdin.write_all(b"one\n").unwrap();
    out.read_line(&mut line).unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "HUP", &pid]).status().unwrap().success());
    stdin.write_all(b"two\n").unwrap();
    out.read_line(&mut line).unwrap();
    drop(stdin);
    assert_eq!((&*line, child.wait().unwrap().code()), ("one\ntwo\n", Some(0)));
}

#[test]
fn no_command_panics_without_its_output() {
    let server = Running::serve(&[]);
    let url = url(server.addr);
    for args in [
        &["connect", "ws://127.0.0.1:1/"][..],
        &["connect", "ws://127.0.0.1:1/", "--debug"],
        &["connect", &url, "--ping", "0.1", "--debug"],
        &["bench", "ws://127.0.0.1:1/"],
        &["bench", &url, "-d", "1", "-c", "1"],
        &["bench", &url, "-d", "1", "-c", "1", "--json"],
        &["serve", "--listen", "256.0.0.1:1"],
        &["serve", "--listen", &server.addr.to_string()],
        &["serve", "--no-such-option"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
        &["connect", "--help"],
    ] {
        // Both are pipes whose readers have left, or closed from the beginning.
        for script in [
            "(sleep 0.2; exec \"$0\" \"$@\") 2>&1 </dev/null | true; echo ${PIPESTATUS[0]}",
            "(exec \"$0\" \"$@\" </dev/null >&- 2>&-); echo $?",
            "(exec \"$0\" \"$@\" </dev/null >/dev/full 2>/dev/full); echo $?",
        ] {
            let output =
                Command::new("bash").args(["-c", script, PROGRAM]).args(args).output().unwrap();
            let code = String::from_utf8(output.stdout).unwrap();
            let is_known = matches!(code.trim(), "0" | "1" | "2" | "3");
            assert!(is_known, "{args:?} exits with {code} in {script}");
        }
    }
}

fn entries(path: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The kind, the direction and the data of each.
fn kinds(entries: &[serde_json::Value]) -> Vec<(&str, &str, &str)> {
    let times: Vec<_> = entries.iter().map(|entry| entry["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && times.iter().all(|time| time.ends_with('Z')), "{times:?}");
    entries
        .iter()
        .map(|entry| {
            let part = |name: &str| entry[name].as_str().unwrap_or_default();
            (part("kind"), part("direction"), part("data"))
        })
        .collect()
}

fn answer_close(socket: &mut TcpStream) {
    harness::read_to_close(socket, 0, Duration::ZERO);
}
