//! The way that `wirelet connect` and `wirelet bench` take to a server, as the command line and the environment
//! say it.

mod harness;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use harness::opening::field;
use harness::peer::{accepting, answering};
use harness::{PROGRAM, Running, proxy, run};

const ESTABLISHED: &str = "HTTP/1.1 200 OK\r\n\r\n";

/// Runs `wirelet connect` in this environment alone; returns exit code and errors.
fn connect(environment: &[(&str, &str)], args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    command.arg("connect").args(args).env_clear().envs(environment.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(b"hello\n");
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_wrong_way_is_told_with_exit_code_2() {
    for (args, part) in [
        (&["ws://u:secret@h:99999/"][..], "from 1 to 65535"),
        (&["wss://u:secret@h:80a/"], "from 1 to 65535"),
        (&["ws://u:secret@h/#a"], "no fragment"),
        (&["u:secret@h"], "must begin with ws:// or wss://"),
        (&["ws://h/", "--resolve", "h:80"], "HOST:PORT:ADDR"),
        (&["ws://h/", "--connect-to", "h:80"], "HOST1:PORT1:HOST2:PORT2"),
        (&["ws://h/", "--header", "Host: a", "--header", "host: b"], "one Host"),
        (&["ws://h/", "--proxy", "ftp://u:secret@p"], "socks5h://"),
        (&["ws://h/", "--proxy", "http://u:secret@p:0"], "from 1 to 65535"),
    ] {
        let (code, err) = connect(&[], args);
        assert_eq!(code, Some(2), "{args:?}: {err}");
        assert!(err.contains(part) && !err.contains("secret"), "{args:?}: {err}");
    }
    let (code, err) = connect(&[("http_proxy", "ftp://u:secret@p")], &["ws://h/"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("http_proxy: ftp://…@p: "), "{err}");
}

#[test]
fn no_message_has_the_password_of_the_url() {
    let (refusing, _heads) = answering(|_| b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec());
    for (place, code) in [(nobody(), 3), (refusing, 5)] {
        let url = format!("WS://user:secret@{place}/ä");
        let (status, err) = connect(&[], &[&url, "--debug"]);
        assert_eq!(status, Some(code), "{err}");
        assert!(err.contains(&format!("ws://{place}/%C3%A4: ")), "{err}");
        assert!(!err.contains("secret") && !err.contains("dXNlcjpzZWNyZXQ"), "{err}");
    }
}

#[test]
fn names_lead_where_the_command_line_says() {
    let (addr, heads) = accepting();
    let port = addr.port();
    let url = format!("ws://shop.example:{port}/");
    let addr = addr.to_string();
    for (args, host) in [
        (&[&*url, "--resolve", &format!("shop.example:{port}:127.0.0.1")][..], "shop.example:PORT"),
        (&[&url, "--resolve", &format!("*:{port}:[::1],127.0.0.1")], "shop.example:PORT"),
        (&[&url, "--connect-to", &format!("shop.example:{port}:localhost:")], "shop.example:PORT"),
        (&["ws://shop.example", "--connect-to", &format!("::{addr}")], "shop.example"),
        (&[&format!("ws://{addr}"), "--header", "host: shop.example"], "shop.example"),
    ] {
        let (code, err) = connect(&[], args);
        assert_eq!(code, Some(0), "{args:?}: {err}");
        let head = heads.recv().unwrap();
        assert_eq!(field(&head, "Host").unwrap(), host.replace("PORT", &port.to_string()));
    }
}

#[test]
fn a_user_becomes_basic_unless_there_is_an_authorization() {
    let (addr, heads) = accepting();
    let url = format!("ws://user:p%40ss@{addr}/");
    for (args, value) in [
        (&[&*url][..], "Basic dXNlcjpwQHNz"),
        (&[&url, "--header", "AUTHORIZATION: Bearer 3f9a"], "Bearer 3f9a"),
    ] {
        assert_eq!(connect(&[], args).0, Some(0));
        assert_eq!(field(&heads.recv().unwrap(), "Authorization"), Some(value));
    }
}

#[test]
fn proxies_are_those_of_the_command_line_or_of_the_environment() {
    let (server, heads) = accepting();
    let (http, asked) = proxy::http(ESTABLISHED, server);
    let (socks, asked_socks) = proxy::socks5(Some(("user", "p@ss")), 0, server);
    let (http, nobody) = (format!("http://{http}"), format!("http://{}", nobody()));
    let socks = format!("socks5h://user:p%40ss@{socks}");
    let url = "ws://inside.example/";
    for (environment, args) in [
        (&[][..], &["--proxy", &*http][..]),
        (&[("http_proxy", &*http)], &[]),
        (&[("ALL_PROXY", &http)], &[]),
        (&[("http_proxy", &nobody)], &["--proxy", &http]),
        (&[("http_proxy", &http), ("NO_PROXY", "inside.example")], &["--no-proxy", ""]),
    ] {
        let (code, err) = connect(environment, &[&[url], args].concat());
        assert_eq!(code, Some(0), "{environment:?} {args:?}: {err}");
        assert!(asked.recv().unwrap().starts_with("CONNECT inside.example:80 "));
        heads.recv().unwrap();
    }
    let (code, err) = connect(&[], &[url, "--proxy", &socks]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(asked_socks.recv().unwrap(), "3 inside.example:80");
    heads.recv().unwrap();

    let direct = format!("ws://{server}/");
    for (environment, args) in [
        (&[("HTTP_PROXY", &*nobody), ("https_proxy", &nobody)][..], &[][..]),
        (&[("http_proxy", &nobody)], &["--proxy", ""]),
        (&[("http_proxy", &nobody)], &["--no-proxy", "10.0.0.0/8,127.0.0.0/8"]),
        (&[("http_proxy", &nobody), ("no_proxy", "127.0.0.1")], &[]),
        (&[("no_proxy", "127.0.0.1")], &["--proxy", &nobody]),
    ] {
        let (code, err) = connect(environment, &[&[&*direct], args].concat());
        assert_eq!(code, Some(0), "{environment:?} {args:?}: {err}");
        heads.recv().unwrap();
    }
}

#[test]
fn a_proxy_that_refuses_is_told_from_the_server() {
    let (server, _heads) = answering(|_| b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec());
    let wants_user = proxy::http("HTTP/1.1 407 Who\r\n\r\n", server).0;
    let forbids = proxy::http("HTTP/1.1 403 No\r\n\r\n", server).0;
    let passes = proxy::http(ESTABLISHED, server).0;
    let nobody = nobody();
    for (addr, code, part) in [
        (wants_user, 3, "wants a user and a password (407)"),
        (forbids, 3, "it refused with 403 Forbidden"),
        (nobody, 3, "Connection refused"),
        (passes, 5, "the server refused with 401"),
    ] {
        let (status, err) =
            connect(&[], &["ws://a.example/", "--proxy", &format!("http://u:secret@{addr}")]);
        assert_eq!(status, Some(code), "{err}");
        assert!(err.contains(part) && !err.contains("secret"), "{err}");
        assert_eq!(err.contains(&format!("the proxy http://{addr}: ")), code == 3, "{err}");
    }
}

#[test]
fn redirects_are_followed_when_asked_for() {
    let (server, heads) = accepting();
    let to = format!("HTTP/1.1 302 Found\r\nLocation: http://{server}/x\r\n\r\n");
    let (first, _heads) = answering(move |_| to.clone().into_bytes());
    let url = format!("ws://{first}/");
    let (code, err) = connect(&[], &[&url]);
    assert_eq!(code, Some(5), "{err}");
    assert!(
        err.contains(&format!("sends on to http://{server}/x; --location follows it")),
        "{err}"
    );
    for flag in ["-L", "--location"] {
        let (code, err) = connect(&[], &[&url, flag]);
        assert_eq!(code, Some(0), "{err}");
        assert!(heads.recv().unwrap().starts_with("GET /x "));
    }
    let (own, _heads) = answering(|_| b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n".to_vec());
    let (code, err) = connect(&[], &[&format!("ws://{own}/"), "-L"]);
    assert_eq!(code, Some(5), "{err}");
    assert!(err.contains("leads back"), "{err}");
}

#[test]
fn bench_takes_the_same_way_and_reports_no_password() {
    let server = Running::serve(&["--any-host"]);
    let port = server.addr.port();
    let url = format!("WS://user:secret@many.example:{port}/{{room}}");
    let resolve = format!("many.example:{port}:[::1],127.0.0.1");
    let args = ["bench", &url, "--resolve", &resolve, "-c", "2", "-d", "0.2", "--json"];
    let (code, out, err) = run(&args);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains(&format!("\"ws://many.example:{port}/{{room}}\"")), "{out}");
    assert!(!out.contains("secret") && !err.contains("secret"), "{out}{err}");

    let (code, _, err) = run(&["bench", "ws://u:secret@h:99999/"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("from 1 to 65535") && !err.contains("secret"), "{err}");

    // The server is one that knows the host and the user.
    let (asked, heads) = accepting();
    let url = format!("ws://user:p%40ss@{asked}/");
    run(&["bench", &url, "--header", "Host: shop.example", "-c", "1", "-d", "0.1"]);
    let head = heads.recv().unwrap();
    assert_eq!(field(&head, "Host"), Some("shop.example"));
    assert_eq!(field(&head, "Authorization"), Some("Basic dXNlcjpwQHNz"));
}
