//! Signals, mistakes, and what tells of the options.

use crate::harness::{CLOSE, Running, handshake, read_frame};
use std::process::Command;
use std::time::Duration;

#[test]
fn a_second_signal_ends_at_once_and_the_exit_code_says_so() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut server = Running::serve(&["--close-time", "3600"]);
        let mut socket = handshake(server.addr); // never answers the close
        server.signal(signal);
        assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe9".to_vec()));
        assert_eq!(server.wait_within(Duration::from_millis(300)), None, "{signal}");
        server.signal(signal);
        assert_eq!(server.wait(), Some(code));
    }
}

#[test]
fn what_cannot_be_done_is_explained() {
    let server = Running::serve(&[]);
    let taken = server.addr.to_string();
    for (args, status, parts) in [
        (&["--listen", &*taken][..], 1, &[&*taken, "--listen"][..]),
        (&["--listen", "127.0.0.1:0", "--metrics", &taken], 1, &[&taken, "--metrics"]),
        (&["--listen", "192.0.2.1:80"], 1, &["192.0.2.1:80", "no such address"]),
        (&["--listen", "unix:/no/such/directory"], 1, &["/no/such/directory", "--listen"]),
        (&["--listen", "8567"], 2, &["127.0.0.1:8567"]),
        (&["--listen", "127.0.0.1"], 2, &["the port is missing"]),
        (&["--listen", ":80"], 2, &["127.0.0.1:80"]),
        (&["--listen", "::1:80"], 2, &["[::1]:80"]),
        (&["--listen", "127.0.0.1:65536"], 2, &["65536", "65535"]),
        (&["--listen", "unix:"], 2, &["the path is missing"]),
        (&["--unix-mode", "660"], 2, &["--unix-mode", "unix:"]),
        (&["--listen", "unix:/a", "--unix-mode", "890"], 2, &["890", "octal"]),
        (&["--listen", "unix:/a", "--unix-mode", "1777"], 2, &["1777", "octal"]),
        (&["--mode", "ehco"], 2, &["ehco", "echo"]),
        (&["--key", "k.pem"], 2, &["--cert"]),
        (&["--cert", "c.pem"], 2, &["--key"]),
        (&["--cert", "no-such.pem", "--key", "k.pem"], 1, &["no-such.pem"]),
        (&["--origin", "example.com"], 2, &["example.com", "https://example.com"]),
        (&["--origin", "https://example.com/chat"], 2, &["https://example.com/chat", "file://"]),
        (&["--origin", "https://bücher.example"], 2, &["ASCII"]),
        (&["--origin", "https://a*.example"], 2, &["https://*.example.com"]),
        (&["--origin", "*"], 2, &["--any-origin"]),
        (&["--host", "https://example.com"], 2, &["https://example.com", "example.com:8567"]),
        (&["--host", "example.com/"], 2, &["no request can have it"]),
        (&["--host", "::1"], 2, &["[::1]:8567"]),
        (&["--host", "*"], 2, &["--any-host"]),
        (&["--path", "/a b"], 2, &["percent-encoded"]),
        (&["--path", "/é"], 2, &["percent-encoded"]),
        (&["--path", "/a?b"], 2, &["no query"]),
        (&["--trusted-proxy", "10.0.0.0/33"], 2, &["10.0.0.0/8"]),
        (&["--trusted-proxy", "proxy.example"], 2, &["proxy.example", "an address or a network"]),
        (&["--ping-interval", "1,5"], 2, &["1,5", "500ms"]),
        (&["--max-message", "1 parsec"], 2, &["1 parsec", "1MiB"]),
        (&["--access-log", "/no/such/directory/log"], 1, &["/no/such/directory/log"]),
        (&["--origin", "https://example.com", "--any-origin"], 2, &["--any-origin"]),
        (&["--page", "--no-page"], 2, &["--no-page"]),
        (&["--host", "a", "--any-host"], 2, &["--any-host"]),
        (&["--path", "chat"], 2, &["begins with /"]),
        (&["--header", "X-One"], 2, &["NAME:VALUE"]),
        (&["--header", "Upgrade: x"], 2, &["handshake itself"]),
        (&["--header", "a b: x"], 2, &["no token"]),
        (&["--subprotocol", "a b"], 2, &["a b"]),
        (&["--slow-peers", "wat"], 2, &["wait"]),
        (&["--log-level", "loud"], 2, &["debug"]),
        (&["--drain-code", "1000"], 2, &["--drain-code", "1001 or 1012"]),
        (&["--drain-time", "-1"], 2, &["-1"]),
        (&["--threads", "0"], 2, &["--threads"]),
    ] {
        let (code, _, err) = crate::harness::run(&[&["serve"], args].concat());
        assert_eq!(code, Some(status), "{args:?}: {err}");
        for part in parts {
            assert!(err.contains(part), "{args:?}: {part:?} is not in {err}");
        }
    }
}

#[test]
fn shells_and_manuals_know_every_option() {
    let (_, help, _) = crate::harness::run(&["serve", "--help"]);
    let options: Vec<&str> = help
        .split_whitespace()
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .map(|word| word.split('[').next().unwrap_or_default()) // before an optional value
        .map(|word| word.trim_end_matches([',', ';', '.', ')']))
        .collect();
    assert!(options.len() > 30, "{options:?}");
    let (status, script, _) = crate::harness::run(&["completions", "bash"]);
    assert_eq!(status, Some(0));
    let directory = tempfile::tempdir().unwrap();
    let (status, _, err) =
        crate::harness::run(&["man", "--dir", directory.path().to_str().unwrap()]);
    assert_eq!(status, Some(0), "{err}");
    let page = std::fs::read_to_string(directory.path().join("wirelet-serve.1")).unwrap();
    let page = page.replace('\\', "");
    for option in options {
        assert!(script.contains(option), "{option} is not completed");
        assert!(page.contains(option), "{option} is not in the manual");
    }
    let checked = Command::new("bash").args(["-n", "-c", &script]).status().unwrap();
    assert!(checked.success(), "the script is none");
    for shell in ["zsh", "fish"] {
        let (status, script, _) = crate::harness::run(&["completions", shell]);
        assert!(status == Some(0) && script.contains("max-message"), "{shell}");
    }
    let (status, page, _) = crate::harness::run(&["man"]);
    assert!(status == Some(0) && page.contains(".TH wirelet 1"), "{page}");
}
