//! The page, and requests that are refused.

use app::server::{CLIENTS, HEAD_LEN, RING_LEN, SLOTS};
use smoltcp::time::Duration;

use crate::host::Host;
use crate::websocket::WebSocket;

#[test]
fn the_page_has_the_length_that_its_head_says() {
    let mut host = Host::new();
    let page = request(&mut host, "GET / HTTP/1.1\r\nHost: board\r\n\r\n");
    let (head, body) = page.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"), "{head}");
    assert!(head.contains("\r\nConnection: close"), "{head}");
    assert_eq!(content_length(head), body.len());
    assert!(body.starts_with("<!doctype html>") && body.ends_with("</script>\n"), "{body}");
    assert!(page.len() > RING_LEN, "the page is longer than the ring");
}

#[test]
fn head_is_answered_as_get_without_the_body() {
    let mut host = Host::new();
    for path in ["/", "/status"] {
        let get = request(&mut host, &format!("GET {path} HTTP/1.1\r\nHost: board\r\n\r\n"));
        let head = request(&mut host, &format!("HEAD {path} HTTP/1.1\r\nHost: board\r\n\r\n"));
        assert_eq!(head, get.split_inclusive("\r\n\r\n").next().unwrap());
    }
}

#[test]
fn the_status_is_json() {
    let mut host = Host::new();
    let _ws = WebSocket::open(&mut host, "/").unwrap();
    host.run_for(Duration::from_secs(3));
    let response = request(&mut host, "GET /status HTTP/1.1\r\nHost: board\r\n\r\n");
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nContent-Type: application/json\r\n"), "{head}");
    assert_eq!(content_length(head), body.len());
    assert!(
        body.starts_with(r#"{"uptime":3,"clients":1,"free":3,"listening":4,"accepted":1,"#),
        "{body}"
    );
}

#[test]
fn what_is_no_handshake_is_refused_with_the_right_status() {
    let mut host = Host::new();
    let upgrade = "Host: board\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let longest = |len| {
        let head = "GET /status HTTP/1.1\r\nX: ";
        format!("{head}{}\r\n\r\n", "x".repeat(len - head.len() - 4))
    };
    let refusals = [
        ("404", "GET /index.php HTTP/1.1\r\nHost: board\r\n\r\n".into()),
        ("405", "POST / HTTP/1.1\r\nHost: board\r\n\r\n".into()),
        ("400", "GET / HTTP/1.1\nHost: board\n\n".into()),
        ("400", "\x16\x03\x01\r\n\r\n".into()), // TLS
        ("431", longest(HEAD_LEN + 1)),
        ("431", longest(HEAD_LEN + 1)[..=HEAD_LEN].into()),
        ("431", longest(10_000)),
        ("426", format!("GET / HTTP/1.1\r\n{upgrade}Sec-WebSocket-Version: 8\r\n\r\n")),
        ("400", format!("GET / HTTP/1.1\r\n{upgrade}\r\n")), // no version
        (
            "403",
            format!(
                "GET / HTTP/1.1\r\n{upgrade}Sec-WebSocket-Version: 13\r\n\
                 Origin: http://evil.example\r\n\r\n"
            ),
        ),
    ];
    assert!(request(&mut host, &longest(HEAD_LEN)).starts_with("HTTP/1.1 200 "));
    let n_refusals = u32::try_from(refusals.len()).unwrap();
    for (status, bytes) in refusals {
        let response = request(&mut host, &bytes);
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes:?}: {response}");
    }
    assert_eq!(host.status().counters.refused, n_refusals);
}

#[test]
fn a_fifth_client_is_refused_until_one_leaves() {
    let mut host = Host::new();
    let mut clients: Vec<_> =
        (0..CLIENTS).map(|_| WebSocket::open(&mut host, "/").unwrap()).collect();
    let refusal = WebSocket::open(&mut host, "/").err().unwrap();
    assert!(refusal.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{refusal}");
    assert!(refusal.ends_with("\r\n\r\nall places are taken\n"), "{refusal}");
    // The page is served all the same.
    assert!(request(&mut host, "GET / HTTP/1.1\r\nHost: board\r\n\r\n").contains("</script>"));

    clients.pop().unwrap().end(&mut host);
    assert_eq!(host.status().free(), 1);
    clients.push(WebSocket::open(&mut host, "/").unwrap());
    for client in clients {
        client.end(&mut host);
    }
    assert_eq!((host.status().free(), host.status().listening), (CLIENTS, SLOTS));
}

fn request(host: &mut Host, bytes: &str) -> String {
    let tcp = host.connect().unwrap();
    host.send(tcp, bytes.as_bytes());
    let response = host.receive_to_end(tcp).expect("the board closes TCP");
    host.close(tcp);
    String::from_utf8(response).unwrap()
}

fn content_length(head: &str) -> usize {
    head.split_once("Content-Length: ").unwrap().1.split("\r\n").next().unwrap().parse().unwrap()
}
