//! The end of the connection, of the process, and of the server.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{self, BINARY, CLOSE, LIMIT, TEXT, frame, handshake, read_frame, within};
use crate::program::{
    Place, children, close, content, is_alive, n_files, read_close, read_text, serve,
};

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
