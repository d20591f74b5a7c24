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
        // Those of clients that are no browsers: their own URL, and an app's scheme.
        ("Origin: ws://board.local\r\n", "board.local", true),
        ("Origin: WSS://board.local:8567\r\n", "board.local:8567", true),
        ("Origin: http://board.local:8567/\r\n", "board.local:8567", true),
        ("Origin: app://board.local:8567\r\n", "board.local:8567", true),
        ("Origin: ws://board.local:8567/chat\r\n", "board.local:8567", false),
        ("Origin: http://board.local//\r\n", "board.local", false),
        ("Origin: ://board.local\r\n", "board.local", false),
        ("Origin: //board.local\r\n", "board.local", false),
        ("Origin: http:/board.local\r\n", "board.local", false),
        ("Origin: http://user@board.local\r\n", "board.local", false),
        ("Origin: http://*.local\r\n", "board.local", false),
        ("Origin: file://\r\n", "board.local", false),
        ("Origin: file://board.local.\r\n", "board.local", false),
        // RFC 6454 §4, RFC 9110 §4.2.3: the default port of the scheme is as none.
        ("Origin: https://board.local\r\n", "board.local:443", true),
        ("Origin: https://board.local:443\r\n", "board.local", true),
        ("Origin: wss://board.local:443\r\n", "board.local:", true),
        ("Origin: http://board.local\r\n", "board.local:80", true),
        ("Origin: ws://[::1]:80\r\n", "[::1]", true),
        ("Origin: http://board.local:443\r\n", "board.local:443", true),
        ("Origin: http://board.local\r\n", "board.local:443", false),
        ("Origin: https://board.local\r\n", "board.local:80", false),
        ("Origin: http://board.local:443\r\n", "board.local", false),
        ("Origin: http://board.local:8080\r\n", "board.local:80", false),
        ("Origin: app://board.local\r\n", "board.local:80", false),
        ("Origin: https://board.local:80:443\r\n", "board.local:80", false),
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

/// The items are written by people, what they are compared with by programs.
#[test]
fn a_list_has_wildcards_and_what_clients_send_that_have_no_host() {
    for (item, let_in, kept_out) in [
        (
            "https://*.example.com",
            &["https://www.example.com", "HTTPS://a.B.example.com:443/"][..],
            &[
                "https://example.com",
                "https://.example.com",
                "http://www.example.com",
                "https://www.example.com:8443",
                "https://wwwexample.com",
                "https://www.example.com.evil.org",
                "https://evil.org/.example.com",
                "https://evil.org:80.example.com",
                "https://www.example.com/x",
            ][..],
        ),
        ("http://*.local:8080", &["http://a.local:8080"], &["http://a.local", "http://a.local:80"]),
        (
            "https://a.example:443/",
            &["https://a.example"],
            &["https://a.example:80", "wss://a.example"],
        ),
        (
            "http://a.example",
            &["http://a.example:80/"],
            &["http://a.example:443", "http://b.example"],
        ),
        ("null", &["null"], &["file://", "http://null"]),
        ("file://", &["file://", "FILE://"], &["null", "file:///", "http://", ""]),
        // None that anybody has: it stands for itself.
        ("https://*", &["https://*"], &["https://example.com", "https://a.b"]),
        ("https://*.", &["https://*."], &["https://a.", "https://example.com"]),
        ("https://a.*.com", &[], &["https://a.b.com"]),
    ] {
        let list = &[item][..];
        let only = Acceptance::new().origins(AllowList::Only(list));
        for origin in let_in {
            lets_in(&head("/", "board.local", &format!("Origin: {origin}\r\n")), &only);
        }
        for origin in kept_out {
            keeps_out(&head("/", "board.local", &format!("Origin: {origin}\r\n")), &only);
        }
    }
}

#[test]
fn a_list_of_hosts_has_wildcards_and_takes_both_default_ports_as_none() {
    let hosts = AllowList::Only(&["a.example", "*.b.example:8080", "[::1]:80"]);
    for host in
        ["A.example", "a.example:", "a.example:80", "a.example:443", "x.b.example:8080", "[::1]"]
    {
        assert!(hosts.permits(Some(host.as_bytes())), "{host}");
    }
    for host in [
        "a.example:8080",
        "b.example:8080",
        "x.b.example",
        "[::2]",
        "::1",
        "https://a.example",
        "evil",
    ] {
        assert!(!hosts.permits(Some(host.as_bytes())), "{host}");
    }
}

#[test]
fn what_can_never_match_is_told_from_what_can() {
    for good in [
        "https://example.com",
        "HTTP://127.0.0.1:8080/",
        "ws://[::1]:80",
        "capacitor://localhost",
        "chrome-extension://abcdefghijklmnop",
        "https://*.example.com:8443",
        "https://xn--bcher-kva.example",
        "null",
        "file://",
    ] {
        assert!(AllowList::is_origin(good), "{good}");
    }
    for bad in [
        "",
        "example.com",
        "https:example.com",
        "https://",
        "https:///",
        "file:///",
        "file:///index.html",
        "://example.com",
        "1http://example.com",
        "https://example.com/chat",
        "https://example.com//",
        "https://example.com?a",
        "https://user@example.com",
        "https://example.com:port",
        "https://bücher.example",
        "https://a b",
        "https://::1",
        "*",
        "https://*",
        "https://*.",
        "https://*.*.com",
        "https://a*.com",
        "*://example.com",
    ] {
        assert!(!AllowList::is_origin(bad), "{bad}");
    }
    for good in ["example.com", "example.com:8567", "*.example.com", "[::1]:80", "127.0.0.1"] {
        assert!(AllowList::is_host(good), "{good}");
    }
    for bad in [
        "",
        "https://example.com",
        "example.com/",
        "::1",
        "a:b",
        "a b",
        "user@a",
        "*",
        "a.*",
        ":80",
        "a,b",
    ] {
        assert!(!AllowList::is_host(bad), "{bad}");
    }
}
