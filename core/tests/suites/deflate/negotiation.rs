//! Offers and answers (RFC 7692 §7.1).

use wirelet::deflate::{Deflate, UnacceptableAnswer};
use wirelet::handshake::Response;

/// Lends the elements of a field to a function.
fn with<R>(field: &str, f: impl FnOnce(&Response<'_>) -> R) -> R {
    let head = format!("HTTP/1.1 101 Yes\r\nSec-WebSocket-Extensions: {field}\r\n\r\n");
    f(&Response::parse(head.as_bytes()).unwrap())
}

/// Answers offers.
fn answer(server: Deflate, offers: &str) -> Option<String> {
    with(offers, |head| server.accept(head.extensions())).map(|agreed| agreed.to_string())
}

fn agree(offer: Deflate, answer: &str) -> Result<Option<Deflate>, UnacceptableAnswer> {
    with(answer, |head| offer.agree(head.extensions()))
}

const ALL: Deflate = Deflate::new();

/// Joins messages where they stay, and keeps nothing.
const WHOLE: Deflate = Deflate::new().client_no_context_takeover().server_no_context_takeover();

/// Has a window of 2 KiB.
const SMALL: Deflate = Deflate::new().client_max_window_bits(11).server_max_window_bits(10);

#[test]
fn a_server_answers_the_first_offer_that_it_can_accept() {
    let bare = "permessage-deflate";
    for (offers, by_all, by_whole, by_small) in [
        (bare, Some(""), Some("; server_no_context_takeover; client_no_context_takeover"), None),
        (
            "permessage-deflate; client_max_window_bits",
            Some(""),
            Some("; server_no_context_takeover; client_no_context_takeover"),
            Some("; server_max_window_bits=10; client_max_window_bits=11"),
        ),
        (
            "permessage-deflate; client_max_window_bits=9; server_max_window_bits=12",
            Some("; server_max_window_bits=12"),
            Some(
                "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
            ),
            Some("; server_max_window_bits=10; client_max_window_bits=9"),
        ),
        (
            "permessage-deflate, permessage-deflate; client_max_window_bits; server_max_window_bits=8",
            Some(""),
            Some("; server_no_context_takeover; client_no_context_takeover"),
            Some("; server_max_window_bits=8; client_max_window_bits=11"),
        ),
        (
            "x, permessage-deflate; y, permessage-deflate; server_no_context_takeover",
            Some("; server_no_context_takeover"),
            Some("; server_no_context_takeover; client_no_context_takeover"),
            None,
        ),
        // Even the most that there is must be answered.
        (
            "permessage-deflate; server_max_window_bits=15",
            Some("; server_max_window_bits=15"),
            Some(
                "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15",
            ),
            None,
        ),
        (
            "PerMessage-Deflate; client_max_window_bits=\"1\\0\"",
            Some(""),
            Some("; server_no_context_takeover; client_no_context_takeover"),
            Some("; server_max_window_bits=10; client_max_window_bits=10"),
        ),
    ] {
        for (server, wanted) in [(ALL, by_all), (WHOLE, by_whole), (SMALL, by_small)] {
            let wanted = wanted.map(|parameters| format!("{bare}{parameters}"));
            assert_eq!(answer(server, offers), wanted, "{offers} to {server}");
        }
    }
}

#[test]
fn a_wrong_offer_is_declined_and_the_next_is_looked_at() {
    for parameters in [
        "server_no_context_takeover=1",
        "client_no_context_takeover=\"\"",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=010",
        "server_max_window_bits=08",
        "server_max_window_bits=+9",
        "server_max_window_bits=100",
        "server_max_window_bits=\"\"",
        "client_max_window_bits=0",
        "client_max_window_bits=",
        "client_max_window_bits=1a",
        "client_max_window_bits; client_max_window_bits",
        "server_no_context_takeover; server_no_context_takeover",
        "server_max_window_bits=9; Server_Max_Window_Bits=9",
        "unknown",
        "(",
        "server_max_window_bits=\"9",
    ] {
        let wrong = format!("permessage-deflate; {parameters}");
        assert_eq!(answer(ALL, &wrong), None, "{wrong}");
        // An open quote takes what follows.
        if !wrong.ends_with("\"9") {
            let two = format!("{wrong}, permessage-deflate; server_max_window_bits=9");
            let second = Some("permessage-deflate; server_max_window_bits=9".to_owned());
            assert_eq!(answer(ALL, &two), second, "{two}");
        }
    }
    for none in ["", ",", "permessage-bzip2", "x-webkit-deflate-frame"] {
        assert_eq!(answer(ALL, none), None, "{none}");
    }
}

#[test]
fn a_client_takes_what_it_has_offered_and_nothing_else() {
    let asks = Deflate::new().server_no_context_takeover().server_max_window_bits(10);
    let can = Deflate::new().client_max_window_bits(12);
    let any = Deflate::new().client_max_window_bits(15);
    for (offer, answer, is_right) in [
        (ALL, "", true),
        (ALL, "permessage-deflate", true),
        (ALL, "permessage-deflate; server_no_context_takeover; client_no_context_takeover", true),
        (ALL, "permessage-deflate; server_max_window_bits=8", true),
        (ALL, "permessage-deflate; client_max_window_bits=15", false),
        (ALL, "permessage-deflate; server_max_window_bits=7", false),
        (ALL, "permessage-deflate; server_max_window_bits=16", false),
        (ALL, "permessage-deflate; server_max_window_bits", false),
        (ALL, "permessage-deflate; client_no_context_takeover; client_no_context_takeover", false),
        (ALL, "permessage-deflate, permessage-deflate", false),
        (ALL, "permessage-deflate, (", false),
        (ALL, "(", false),
        (ALL, "x", false),
        (ALL, "permessage-deflate; x=1", false),
        (asks, "permessage-deflate", false),
        (asks, "permessage-deflate; server_no_context_takeover", false),
        (asks, "permessage-deflate; server_max_window_bits=10", false),
        (asks, "permessage-deflate; server_no_context_takeover; server_max_window_bits=11", false),
        (asks, "permessage-deflate; server_no_context_takeover; server_max_window_bits=9", true),
        (can, "permessage-deflate", true),
        (can, "permessage-deflate; client_max_window_bits=12", true),
        (can, "permessage-deflate; client_max_window_bits=13", false),
        (can, "permessage-deflate; client_max_window_bits", false),
        (any, "permessage-deflate; client_max_window_bits=8", true),
    ] {
        let agreed = agree(offer, answer);
        assert_eq!(agreed.is_ok(), is_right, "{offer}: {answer:?}: {agreed:?}");
        assert_eq!(agreed.is_ok_and(|agreed| agreed.is_none()), answer.is_empty());
    }
}

#[test]
fn what_is_agreed_says_how_each_end_deflates() {
    let offer = Deflate::new().client_max_window_bits(12);
    let agreed = agree(offer, "permessage-deflate; server_max_window_bits=9").unwrap().unwrap();
    assert_eq!((agreed.server().window_bits, agreed.server().takes_over), (9, true));
    // Not limited by the server, but by the client itself.
    assert_eq!((agreed.client().window_bits, agreed.client().takes_over), (12, true));
    let answer = "permessage-deflate; client_no_context_takeover; client_max_window_bits=8";
    let agreed = agree(offer, answer).unwrap().unwrap();
    assert_eq!((agreed.client().window_bits, agreed.client().takes_over), (8, false));
}

#[test]
fn both_ends_agree_whatever_they_can_do() {
    let all = || {
        let limits = || [8, 9, 12, 15].into_iter();
        limits().flat_map(move |server| {
            limits().flat_map(move |client| {
                (0..8).map(move |flags| {
                    let mut deflate = Deflate::new().server_max_window_bits(server);
                    if flags & 1 > 0 {
                        deflate = deflate.server_no_context_takeover();
                    }
                    if flags & 2 > 0 {
                        deflate = deflate.client_no_context_takeover();
                    }
                    if flags & 4 > 0 || client < 15 {
                        deflate = deflate.client_max_window_bits(client);
                    }
                    deflate
                })
            })
        })
    };
    let mut n_agreed = 0;
    for offer in all() {
        for server in all() {
            let Some(of_server) = with(&offer.to_string(), |head| server.accept(head.extensions()))
            else {
                continue;
            };
            let of_client = agree(offer, &of_server.to_string()).unwrap().unwrap();
            assert_eq!(of_client.server(), of_server.server(), "{offer} to {server}");
            assert_eq!(of_client.client(), of_server.client(), "{offer} to {server}");
            assert!(of_server.client().window_bits <= server.client().window_bits);
            assert!(of_server.server().window_bits <= offer.server().window_bits);
            n_agreed += 1;
        }
    }
    assert!(n_agreed > 5000, "{n_agreed}");
}
