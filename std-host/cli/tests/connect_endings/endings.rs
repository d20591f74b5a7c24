//! The ways in which a connection ends.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::harness::certificates::Issued;
use crate::harness::{LIMIT, PING, Running, front, reset};
use crate::program::{Connect, Ended, close, close_code, listen, serve, server_frame, text};

/// What the table says of one.
pub(crate) struct Ending {
    pub(crate) what: &'static str,
    pub(crate) ended: Ended,
    /// The close code that the server saw, if the client had a say in it.
    pub(crate) seen: Option<u16>,
}

/// All of them.
pub(crate) const ALL: [fn() -> Ending; 20] = [
    server_ends,
    close_with_code_and_reason,
    close_behind_data,
    close_while_sending,
    server_killed,
    tcp_reset,
    tls_cut,
    protocol_broken,
    message_too_long,
    end_of_input,
    close_not_answered,
    peer_reads_nothing,
    silent_server,
    signal,
    output_closed,
    input_not_text,
    handshake_refused,
    nobody_listens,
    certificate_not_trusted,
    handshake_not_answered,
];

fn ending(what: &'static str, ended: Ended) -> Ending {
    Ending { what, ended, seen: None }
}

fn url(server: &Running) -> String {
    format!("ws://{}/", server.addr)
}

fn server_ends() -> Ending {
    let mut server = Running::serve(&[]);
    let mut connect = Connect::to(&url(&server), &[]);
    connect.send(b"hello\n");
    connect.line();
    server.signal("TERM");
    let ended = connect.end();
    assert_eq!(server.wait(), Some(0));
    ending("`wirelet serve` is asked to end, and closes with 1001", ended)
}

fn close_with_code_and_reason() -> Ending {
    let (url, _) = serve(|mut socket| {
        socket.write_all(&[text("hello"), close(4001, "log in first")].concat()).unwrap();
        close_code(&mut socket)
    });
    let mut connect = Connect::to(&url, &[]);
    let stdin = connect.stdin.take(); // still open
    let ended = connect.end();
    drop(stdin);
    ending("The server closes with a code of its own and a reason", ended)
}

fn close_behind_data() -> Ending {
    let (go, going) = mpsc::channel();
    let (left, has_left) = mpsc::channel();
    let (url, _) = serve(move |mut socket| {
        socket.write_all(&text("hello")).unwrap();
        going.recv_timeout(LIMIT).unwrap();
        let pings = server_frame(PING, b"").repeat(2);
        let last = [pings, text("answer 42"), close(1011, "out of memory")].concat();
        socket.write_all(&last).unwrap();
        drop(socket);
        left.send(()).unwrap();
    });
    let mut connect = Connect::to(&url, &[]);
    connect.line();
    // So that all has come, and nothing can leave any more, when it goes on.
    connect.signal("STOP");
    go.send(()).unwrap();
    has_left.recv_timeout(LIMIT).unwrap();
    thread::sleep(Duration::from_millis(100));
    connect.signal("CONT");
    let stdin = connect.stdin.take();
    let ended = connect.end();
    drop(stdin);
    ending(
        "The server sends pings, a message and a close, and ends TCP before they are read",
        ended,
    )
}

fn close_while_sending() -> Ending {
    let server = Running::serve(&["--max-message", "1MiB"]);
    let mut connect = Connect::to(&url(&server), &[]);
    let mut stdin = connect.stdin.take().unwrap();
    let sending = thread::spawn(move || {
        // It may be given up before all has been taken.
        let _ = stdin.write_all(&[b"x".repeat(8 << 20), b"\n".to_vec()].concat());
        stdin
    });
    let ended = connect.end();
    drop(sending.join().unwrap());
    ending("The server refuses a message that is still being sent (`--max-message 1MiB`)", ended)
}

fn server_killed() -> Ending {
    let server = Running::serve(&[]);
    let mut connect = Connect::to(&url(&server), &[]);
    connect.send(b"hello\n");
    connect.line();
    drop(server);
    ending("The server is killed: TCP ends without a close", connect.end())
}

fn tcp_reset() -> Ending {
    let (go, going) = mpsc::channel();
    let (url, _) = serve(move |mut socket| {
        socket.write_all(&text("hello")).unwrap();
        going.recv_timeout(LIMIT).unwrap();
        reset(socket);
    });
    let mut connect = Connect::to(&url, &[]);
    connect.line();
    go.send(()).unwrap();
    ending("TCP is reset", connect.end())
}

fn tls_cut() -> Ending {
    let issued = Issued::new();
    let (addr, _) = listen(|socket| {
        let mut socket = crate::harness::accept(socket);
        socket.write_all(&text("hello")).unwrap();
    });
    let tls = front::cutting_tls(&issued, addr);
    let ca = issued.ca();
    let url = format!("wss://localhost:{}/", tls.port());
    let mut connect = Connect::to(&url, &["--ca", ca.to_str().unwrap()]);
    connect.line();
    ending("TLS is cut off: TCP ends without `close_notify`, and without a close", connect.end())
}

fn protocol_broken() -> Ending {
    let (url, seen) = serve(|mut socket| {
        socket.write_all(&[text("hello"), server_frame(0x83, b"")].concat()).unwrap();
        close_code(&mut socket)
    });
    let mut connect = Connect::to(&url, &[]);
    connect.line();
    let ended = connect.end();
    Ending { seen: seen.recv().ok(), ..ending("The server breaks the protocol", ended) }
}

fn message_too_long() -> Ending {
    let (url, seen) = serve(|mut socket| {
        socket.write_all(&[text("hello"), text("too long")].concat()).unwrap();
        close_code(&mut socket)
    });
    let ended = Connect::to(&url, &["--max-message", "5"]).line_then_end();
    Ending { seen: seen.recv().ok(), ..ending("A message is longer than `--max-message`", ended) }
}

fn end_of_input() -> Ending {
    let (url, seen) = serve(|mut socket| {
        let question = crate::harness::read_client_frame(&mut socket).unwrap();
        assert_eq!(question.1, b"question");
        thread::sleep(Duration::from_millis(300));
        socket.write_all(&text("answer")).unwrap();
        let code = close_code(&mut socket);
        socket.write_all(&close(code, "")).unwrap();
        code
    });
    let mut connect = Connect::to(&url, &[]);
    connect.send(b"question\n");
    connect.stdin = None;
    let ended = connect.end();
    let what = "The input ends, and the server has been silent for `--linger`";
    Ending { seen: seen.recv().ok(), ..ending(what, ended) }
}

fn close_not_answered() -> Ending {
    let (url, seen) = serve(|mut socket| {
        socket.write_all(&text("hello")).unwrap();
        let code = close_code(&mut socket);
        (code, socket)
    });
    let mut connect = Connect::to(&url, &["--linger", "100ms"]);
    connect.stdin = None;
    let ended = connect.end();
    let what = "The input ends, and the server does not answer the close for 5 s";
    Ending { seen: seen.recv().ok().map(|(code, _)| code), ..ending(what, ended) }
}

fn peer_reads_nothing() -> Ending {
    let (url, seen) = serve(|mut socket| {
        socket.write_all(&text("hello")).unwrap();
        socket // held, and not read
    });
    let mut connect = Connect::to(&url, &[]);
    connect.line();
    let mut stdin = connect.stdin.take().unwrap();
    let sending = thread::spawn(move || stdin.write_all(&b"x".repeat(8 << 20)));
    let ended = connect.end();
    sending.join().unwrap().unwrap();
    drop(seen);
    ending("The server reads nothing of what is sent, and the input has ended", ended)
}

fn silent_server() -> Ending {
    let (url, seen) = serve(|mut socket| {
        socket.write_all(&text("hello")).unwrap();
        socket // held, and not read
    });
    let mut connect = Connect::to(&url, &["--keepalive", "500ms"]);
    connect.line();
    let stdin = connect.stdin.take();
    let ended = connect.end();
    drop((stdin, seen));
    ending("The server is lost without a word, with `--keepalive`", ended)
}

fn signal() -> Ending {
    let (url, seen) = serve(|mut socket| {
        socket.write_all(&text("hello")).unwrap();
        let code = close_code(&mut socket);
        socket.write_all(&[text("last words"), close(code, "")].concat()).unwrap();
        code
    });
    let mut connect = Connect::to(&url, &[]);
    connect.line().signal("TERM");
    let stdin = connect.stdin.take();
    let ended = connect.end();
    drop(stdin);
    Ending {
        seen: seen.recv().ok(),
        ..ending("SIGTERM (SIGINT and SIGHUP are 130 and 129)", ended)
    }
}

fn output_closed() -> Ending {
    let (go, going) = mpsc::channel();
    let (url, seen) = serve(move |mut socket| {
        socket.write_all(&text("hello")).unwrap();
        going.recv_timeout(LIMIT).unwrap();
        socket.write_all(&text("too much")).unwrap();
        let code = close_code(&mut socket);
        socket.write_all(&close(code, "")).unwrap();
        code
    });
    let mut connect = Connect::to(&url, &[]);
    connect.line();
    let stdin = connect.stdin.take();
    let ended = connect.end_unheard_after(|| go.send(()).unwrap());
    drop(stdin);
    let what = "Whoever reads the output has had enough (`… | head -1`)";
    Ending { seen: seen.recv().ok(), ..ending(what, ended) }
}

fn input_not_text() -> Ending {
    let (url, seen) = serve(|mut socket| {
        let question = crate::harness::read_client_frame(&mut socket).unwrap();
        socket.write_all(&text(str::from_utf8(&question.1).unwrap())).unwrap();
        let code = close_code(&mut socket);
        socket.write_all(&close(code, "")).unwrap();
        code
    });
    let mut connect = Connect::to(&url, &[]);
    connect.send(b"hello\n\xff\xfe\nnever sent\n");
    let stdin = connect.stdin.take();
    let ended = connect.end();
    drop(stdin);
    Ending { seen: seen.recv().ok(), ..ending("A line of the input is no UTF-8", ended) }
}

fn handshake_refused() -> Ending {
    let server = Running::serve(&["--origin", "https://example.org"]);
    let ended = Connect::to(&url(&server), &["--origin", "https://evil.example"]).end();
    ending("The server refuses the opening handshake", ended)
}

fn nobody_listens() -> Ending {
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = Connect::to(&format!("ws://{addr}/"), &[]).end();
    ending("Nobody listens there", ended)
}

fn certificate_not_trusted() -> Ending {
    let (server, issued) = (Running::serve(&[]), Issued::new());
    let addr = front::tls(&issued, server.addr);
    let ended = Connect::to(&format!("wss://{addr}/"), &[]).end();
    ending("The certificate is not trusted", ended)
}

fn handshake_not_answered() -> Ending {
    let (addr, seen) = listen(|socket| socket);
    let ended = Connect::to(&format!("ws://{addr}/"), &["--timeout", "0.5"]).end();
    drop(seen);
    ending("The server does not answer within `--timeout`", ended)
}
