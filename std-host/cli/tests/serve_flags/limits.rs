//! Limits, and what 0 means for each.

use crate::ask::json;
use crate::harness::{BINARY, CLOSE, PING, PONG, Running, TEXT, frame, handshake, read_frame};
use std::io::Write as _;
use std::time::Duration;

#[test]
fn the_policy_for_slow_peers_is_followed() {
    for (policy, closes) in [("close", true), ("drop", false)] {
        let flags = ["--max-queue", "1000", "--slow-peers", policy, "--close-time", "60"];
        let server = Running::serve(&[&["--mode", "chat"], &flags[..]].concat());
        let mut slow = handshake(server.addr);
        let mut fast = handshake(server.addr);
        crate::harness::settle(std::slice::from_mut(&mut slow));
        let message = vec![7; 500_000];
        for _ in 0..30 {
            fast.write_all(&frame(BINARY, &message)).unwrap();
            assert_eq!(read_frame(&mut fast), (BINARY, message.clone()));
        }
        let dropped = json(server.addr, "/status.json")["totals"]["dropped"].as_u64().unwrap();
        assert!(dropped > 0, "{policy}");
        // To the close, or to the answer that tells that it is served on.
        slow.write_all(&frame(PING, b"open?")).unwrap();
        let mut n = 0;
        let end = loop {
            match read_frame(&mut slow) {
                (BINARY, _) => n += 1,
                (PONG, _) if closes => {}
                end => break end,
            }
        };
        assert!((1..30).contains(&n), "{policy}: {n}");
        if closes {
            assert_eq!(end, (CLOSE, b"\x03\xf0".to_vec()));
            continue;
        }
        assert_eq!(end, (PONG, b"open?".to_vec()));
        assert_eq!(n + dropped, 30, "each has come or is counted");
        // What is sent from now on is for it, too: when the server has come to its next ping, it has noted that
        // nothing waits any more.
        crate::harness::settle(std::slice::from_mut(&mut slow));
        fast.write_all(&frame(TEXT, b"on")).unwrap();
        for socket in [&mut fast, &mut slow] {
            assert_eq!(read_frame(socket), (TEXT, b"on".to_vec()));
        }
    }
    // Who sends is read no faster than the slowest reads.
    let server = Running::serve(&["--mode", "chat", "--max-queue", "1000", "--slow-peers", "wait"]);
    let mut slow = handshake(server.addr);
    let mut fast = handshake(server.addr);
    let mut reading = fast.try_clone().unwrap();
    crate::harness::settle(std::slice::from_mut(&mut slow));
    let sender = std::thread::spawn(move || {
        for _ in 0..30 {
            fast.write_all(&frame(BINARY, &vec![7; 500_000])).unwrap();
        }
    });
    let reader = std::thread::spawn(move || (0..30).for_each(|_| drop(read_frame(&mut reading))));
    // Until no more is received, though the server has answered for a second.
    let (mut n_before, mut n_same) = (0, 0);
    while n_same < 20 {
        std::thread::sleep(Duration::from_millis(50));
        let n = json(server.addr, "/status.json")["totals"]["bytes_received"].as_u64().unwrap();
        n_same = if n > 0 && n == n_before { n_same + 1 } else { 0 };
        n_before = n;
    }
    assert!(!reader.is_finished(), "nobody has waited");
    for _ in 0..30 {
        assert_eq!(read_frame(&mut slow), (BINARY, vec![7; 500_000]));
    }
    sender.join().unwrap();
    reader.join().unwrap();
}

#[test]
fn a_limit_of_zero_is_meant_so_or_refused() {
    for (option, why, told) in [
        ("--max-connections", "0 is not in 1..", "1 or more"),
        ("--max-handshakes", "0 is not in 1..", "1 or more"),
        ("--max-handshake", "more than 0", "more than 0"),
        ("--handshake-time", "more than 0", "more than 0"),
        ("--ping-timeout", "more than 0", "more than 0"),
        ("--close-time", "more than 0", "more than 0"),
        ("--close-limit", "more than 0", "more than 0"),
    ] {
        let (code, _, err) =
            crate::harness::run(&["serve", "--listen", "127.0.0.1:0", option, "0"]);
        assert_eq!(code, Some(2), "{option}: {err}");
        assert!(err.contains(option) && err.contains(why), "{option}: {err}");
        let (_, help, _) = crate::harness::run(&["serve", "--help"]);
        let help = &help[help.find(&format!("{option} <")).unwrap()..];
        let help = help[2..].split("  --").next().unwrap();
        assert!(help.contains(told), "{option} is {help}");
    }
    // Empty messages alone.
    let server = Running::serve(&["--max-message", "0"]);
    let mut socket = handshake(server.addr);
    socket.write_all(&[frame(TEXT, b""), frame(BINARY, b"")].concat()).unwrap();
    assert_eq!(read_frame(&mut socket), (TEXT, Vec::new()));
    assert_eq!(read_frame(&mut socket), (BINARY, Vec::new()));
    socket.write_all(&frame(TEXT, b"x")).unwrap();
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xf1".to_vec()));
    crate::harness::ended(&mut socket);
    // One message waits, and who reads gets them all.
    for args in [&["--mode", "chat"][..], &["--mode", "exec", "--", "cat"]] {
        let mut args: Vec<&str> = args.to_vec();
        args.splice(0..0, ["--max-queue", "0"]);
        let server = Running::serve(&args);
        let mut socket = handshake(server.addr);
        for i in 0..20 {
            let text = format!("message {i}");
            socket.write_all(&frame(TEXT, text.as_bytes())).unwrap();
            assert_eq!(read_frame(&mut socket), (TEXT, text.into_bytes()), "{args:?}");
        }
    }
}

#[test]
fn a_ping_interval_of_zero_turns_pings_off() {
    let mut server = Running::serve(&["--ping-interval", "0", "--ping-timeout", "1"]);
    let mut socket = handshake(server.addr);
    // Longer than the time-out, so that nothing else ends the silence either.
    crate::harness::silent(&socket, Duration::from_secs(3));
    socket.write_all(&[frame(PING, b"p"), frame(TEXT, b"still here")].concat()).unwrap();
    assert_eq!(read_frame(&mut socket), (PONG, b"p".to_vec()));
    assert_eq!(read_frame(&mut socket), (TEXT, b"still here".to_vec()));
    server.signal("TERM");
    assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe9".to_vec()));
    socket.write_all(&frame(CLOSE, b"\x03\xe9")).unwrap();
    crate::harness::ended(&mut socket);
    drop(socket);
    assert_eq!(server.wait(), Some(0));
}
