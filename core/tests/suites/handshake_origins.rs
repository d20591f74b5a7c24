//! Which pages are let in (RFC 6455 §10.2): by default those of the host that is asked for.

use wirelet::handshake::{
    Acceptance, AllowList, HandshakeError, Refusal, Request, RequestError, Status,
};

fn head(target: &str, host: &str, origin_fields: &str) -> Vec<u8> {
    format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         {origin_fields}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// Accepts the request; returns the status line or why not.
fn accept(head: &[u8], acceptance: &Acceptance<'_>) -> Result<String, HandshakeError> {
    let mut out = [0; 256];
    let n = Request::parse(head)?.upgrade()?.accept(acceptance, &mut out)?;
    let line = out[..n].split(|byte| *byte == b'\r').next().unwrap();
    Ok(String::from_utf8(line.to_vec()).unwrap())
}

#[track_caller]
fn lets_in(head: &[u8], acceptance: &Acceptance<'_>) {
    let line = accept(head, acceptance);
    assert_eq!(line.as_deref(), Ok("HTTP/1.1 101 Switching Protocols"), "{}", head.escape_ascii());
}

#[track_caller]
fn keeps_out(head: &[u8], acceptance: &Acceptance<'_>) {
    let wanted = Err(HandshakeError::Request(RequestError::Origin));
    assert_eq!(accept(head, acceptance), wanted, "{}", head.escape_ascii());
}

#[test]
fn only_pages_of_the_same_host_are_of_the_same_origin_and_let_in_by_default() {
    for (origin, host, is_same) in [
        ("", "board.local", true),
        ("Origin: http://board.local\r\n", "board.local", true),
        ("Origin: https://BOARD.local\r\n", "board.LOCAL", true),
        ("Origin: http://board.local:8567\r\n", "board.local:8567", true),
        ("Origin: http://[::1]:8567\r\n", "[::1]:8567", true),
        ("Origin: http://board.local:8567\r\n", "board.local", false),
        ("Origin: http://board.local\r\n", "board.local:8567", false),
        ("Origin: http://board.local.evil.org\r\n", "board.local", false),
        ("Origin: http://evil.org/http://board.local\r\n", "board.local", false),
        ("Origin: ftp://board.local\r\n", "board.local", false),
        ("Origin: board.local\r\n", "board.local", false),
        ("Origin: null\r\n", "null", false),
        ("Origin:\r\n", "board.local", false),
    ] {
        let head = head("/", host, origin);
        let upgrade = Request::parse(&head).unwrap().upgrade().unwrap();
        assert_eq!(upgrade.is_same_origin(), is_same, "{origin:?} at {host}");
        if is_same {
            lets_in(&head, &Acceptance::default());
            lets_in(&head, &Acceptance::new().headers(&[("Server", "board/1.0")]));
        } else {
            keeps_out(&head, &Acceptance::default());
            keeps_out(&head, &Acceptance::new().headers(&[("Server", "board/1.0")]));
        }
    }
}

#[test]
fn a_list_of_origins_replaces_the_host_itself() {
    let list = &["https://example.com"];
    let only = Acceptance::new().origins(AllowList::Only(list));
    let or_missing = Acceptance::new().origins(AllowList::OnlyOrMissing(list));
    let any = Acceptance::new().origins(AllowList::Any);
    for (origin, in_only, in_or_missing) in [
        ("Origin: https://EXAMPLE.com\r\n", true, true),
        ("Origin: http://board.local\r\n", false, false),
        ("Origin: https://example.com.evil.org\r\n", false, false),
        ("Origin: null\r\n", false, false),
        ("", false, true),
    ] {
        let head = head("/", "board.local", origin);
        lets_in(&head, &any);
        for (acceptance, is_in) in [(&only, in_only), (&or_missing, in_or_missing)] {
            if is_in { lets_in(&head, acceptance) } else { keeps_out(&head, acceptance) }
        }
    }
}

/// Two are not one, nor none: which of them is checked, and which is believed?
#[test]
fn several_origins_are_kept_out_whatever_is_let_in() {
    for origins in [
        "Origin: http://board.local\r\nOrigin: http://board.local\r\n",
        "Origin: http://board.local\r\nOrigin: http://evil.org\r\n",
        "Origin: http://evil.org\r\norigin: http://board.local\r\n",
        "Origin:\r\nOrigin:\r\n",
    ] {
        let head = head("/", "board.local", origins);
        let upgrade = Request::parse(&head).unwrap().upgrade();
        assert_eq!(upgrade.err(), Some(RequestError::Origin), "{origins:?}");
        keeps_out(&head, &Acceptance::default());
        keeps_out(&head, &Acceptance::new().origins(AllowList::Any));
    }
}

#[test]
fn a_page_that_is_kept_out_is_told_403() {
    assert_eq!(RequestError::Origin.status(), Status::FORBIDDEN);
    let mut out = [0; 128];
    let n = Refusal::from(RequestError::Origin).encode(&mut out).unwrap();
    let expected = b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(out[..n], *expected);
}
