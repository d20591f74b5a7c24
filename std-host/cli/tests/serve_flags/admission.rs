//! Who comes in, and what the acceptance says.

use crate::ask::{ask, status_of};
use crate::harness::{Running, TEXT, frame, read_frame, read_head, request, upgrade_request};
use std::io::{Read as _, Write as _};

#[test]
fn origins_decide_which_pages_come_in() {
    // The request names localhost as its host.
    for (flags, origin, status) in [
        (&[][..], "http://localhost", 101),
        (&[], "https://evil.example", 403),
        (
            &["--origin", "https://a.example", "--origin", "https://b.example"],
            "https://b.example",
            101,
        ),
        (&["--origin", "https://a.example"], "http://localhost", 403),
        (&["--any-origin"], "https://evil.example", 101),
    ] {
        let server = Running::serve(flags);
        let head = ask(server.addr, &format!("Origin: {origin}\r\n"));
        assert_eq!(status_of(&head), status, "{flags:?} {origin}");
        assert_eq!(status_of(&ask(server.addr, "")), 101, "{flags:?}: what is no browser");
    }
}

#[test]
fn hosts_and_paths_decide_who_comes_in() {
    for (flags, status) in [
        (&["--host", "localhost"][..], 101),
        (&["--host", "a.example", "--host", "LOCALHOST"], 101),
        (&["--host", "a.example"], 403),
        (&["--path", "/chat"], 101),
        (&["--path", "/a", "--path", "/chat"], 101),
        (&["--path", "/"], 404),
    ] {
        let server = Running::serve(flags);
        assert_eq!(status_of(&ask(server.addr, "")), status, "{flags:?}");
    }
}

#[test]
fn a_name_that_was_pointed_at_this_machine_is_answered_403_by_all_that_listens_on_it_alone() {
    let directory = tempfile::tempdir().unwrap();
    let unix = format!("unix:{}", directory.path().join("socket").display());
    let elsewhere = "evil.example:8567";
    for (flags, host, status) in [
        (&[][..], elsewhere, 403),
        (&["--no-page", "--any-origin"], elsewhere, 403),
        (&["--listen", &*unix], elsewhere, 403),
        (&[], "localhost:8567", 101),
        (&[], "app.localhost", 101),
        (&[], "127.1.2.3:1", 101),
        (&[], "[::1]:8567", 101),
        (&["--host", elsewhere], elsewhere, 101),
        (&["--host", elsewhere], "localhost", 403),
        (&["--any-host"], elsewhere, 101),
        (&["--listen", "0.0.0.0:0"], elsewhere, 101),
    ] {
        let server = Running::serve(flags);
        // Both agree, as they do in the browser that was led here.
        let by_page = (format!("Origin: http://{host}\r\n"), status);
        // What is no browser sends no origin, and may have its own name for this machine.
        let is_listed = flags.contains(&"--host");
        let by_program = (String::new(), if is_listed { status } else { 101 });
        for (origin, status) in [by_page, by_program] {
            let mut socket = crate::harness::tcp(server.addr);
            let asked = upgrade_request()
                .replace("Host: localhost\r\n", &format!("Host: {host}\r\n{origin}"));
            socket.write_all(asked.as_bytes()).unwrap();
            let head = read_head(&mut socket);
            assert_eq!(status_of(&head), status, "{flags:?} {host} {origin:?}");
            if status == 101 {
                socket.write_all(&frame(TEXT, b"hello")).unwrap();
                assert_eq!(read_frame(&mut socket), (TEXT, b"hello".to_vec()));
                continue;
            }
            let mut why = String::new();
            socket.read_to_string(&mut why).unwrap(); // to the end of the connection
            assert!(why.starts_with("this host is not served here"), "{why}");
        }
        if status == 403 {
            let (head, _) = request(server.addr, "GET /", &[&format!("Host: {host}")]);
            assert_eq!(status_of(&head), 403, "{flags:?} {host}: the page");
        }
    }
    // One for others is seen at an address, and under names that are known.
    for (flags, host, status) in [
        (&["--page"][..], elsewhere, 403),
        (&["--page"], "10.0.0.1", 200),
        (&["--page", "--host", elsewhere], elsewhere, 200),
        (&["--page", "--any-host"], elsewhere, 200),
    ] {
        let server = Running::serve(&[&["--listen", "0.0.0.0:0"], flags].concat());
        let (head, _) = request(server.addr, "GET /", &[&format!("Host: {host}")]);
        assert_eq!(status_of(&head), status, "{flags:?} {host}");
    }
}

#[test]
fn the_acceptance_has_the_subprotocol_and_the_header_fields() {
    let server = Running::serve(&[
        "--subprotocol",
        "v2",
        "--subprotocol",
        "v1",
        "--header",
        "X-One: 1: a",
        "--header",
        "Server:x",
    ]);
    let head = ask(server.addr, "Sec-WebSocket-Protocol: v1, v2\r\n");
    assert_eq!(status_of(&head), 101);
    for field in ["Sec-WebSocket-Protocol: v2", "X-One: 1: a", "Server: x"] {
        assert!(head.contains(&format!("\r\n{field}\r\n")), "{field} is not in {head}");
    }
    let head = ask(server.addr, "Sec-WebSocket-Protocol: v3\r\n");
    assert!(head.starts_with("HTTP/1.1 101 ") && !head.contains("Protocol:"), "{head}");
}
