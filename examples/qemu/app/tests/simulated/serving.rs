//! Clients that behave, and clients that break the protocol.

use std::mem;

use app::server::{CLIENTS, RING_LEN};
use smoltcp::time::Duration;
use wirelet::{Chunk, CloseCode, Header};

use crate::host::{Host, PATIENCE};
use crate::websocket::{Heard, WebSocket};

#[test]
fn messages_of_any_length_are_echoed() {
    let mut host = Host::new();
    let mut ws = WebSocket::open(&mut host, "/anything").unwrap();
    for len in [0, 1, 125, 126, RING_LEN, RING_LEN + 1, 65_535, 65_536, 1 << 20] {
        let bytes: Vec<_> = (0..len).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect();
        ws.send(&mut host, bytes.as_slice());
        assert_eq!(ws.receive(&mut host), Heard::Binary(bytes), "{len}");
        let text = "Grüße, 世界 🌍 ".repeat(len / 24);
        ws.send(&mut host, text.as_str());
        assert_eq!(ws.receive(&mut host), Heard::Text(text), "{len}");
    }
    assert_eq!(host.status().counters.messages, 18);
    ws.end(&mut host);
}

#[test]
fn fragments_are_echoed_as_they_come() {
    let mut host = Host::new();
    let mut ws = WebSocket::open(&mut host, "/").unwrap();
    let pieces = ["In ", "", "Stücken", " gesendet"];
    ws.send(&mut host, Chunk::first(pieces[0]));
    ws.send(&mut host, Chunk::middle(pieces[1]));
    ws.ping(&mut host, b"between");
    ws.send(&mut host, Chunk::middle(pieces[2]));
    assert_eq!(ws.receive(&mut host), Heard::Pong(b"between".into()));
    ws.send(&mut host, Chunk::last(pieces[3]));
    assert_eq!(ws.receive(&mut host), Heard::Text(pieces.concat()));
    ws.end(&mut host);
}

#[test]
fn an_echo_is_not_cut_to_crumbs() {
    let mut host = Host::new();
    let ws = WebSocket::open(&mut host, "/").unwrap();
    let message = vec![b'x'; 100_000];
    let mut to_send = b"\x82\xff\0\0\0\0\0\x01\x86\xa0\0\0\0\0".to_vec();
    to_send.extend(&message);
    let (mut echo, mut payload, mut n_frames) = (Vec::new(), Vec::new(), 0);
    host.run_until(PATIENCE, |host| {
        let sent = host.socket(ws.tcp).send_slice(&to_send).unwrap();
        to_send.drain(..sent);
        echo.extend(host.receive(ws.tcp));
        while let Some((header, len)) = Header::decode(&echo).unwrap()
            && let end = len + usize::try_from(header.payload_len).unwrap()
            && end <= echo.len()
        {
            payload.extend(echo.drain(..end).skip(len));
            n_frames += 1;
        }
        payload.len() == message.len()
    });
    assert!(payload == message);
    assert!(n_frames <= message.len() / 700, "{n_frames} frames");
}

#[test]
fn frames_that_come_with_the_handshake_are_not_lost() {
    let mut host = Host::new();
    let tcp = host.connect().unwrap();
    host.send(
        tcp,
        b"GET / HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
          \x81\x85\0\0\0\0early\x88\x80\0\0\0\0",
    );
    let response = host.receive_to_end(tcp).unwrap();
    assert!(response.ends_with(b"\r\n\r\n\x81\x05early\x88\x00"), "{response:?}");
}

#[test]
fn four_clients_get_only_their_own() {
    let mut host = Host::new();
    let mut clients: Vec<_> =
        (0..CLIENTS).map(|_| WebSocket::open(&mut host, "/").unwrap()).collect();
    for round in 0..20 {
        for (i, client) in clients.iter_mut().enumerate() {
            client.send(&mut host, "x".repeat(i * 1000 + round).as_str());
        }
        for (i, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.receive_text(&mut host), "x".repeat(i * 1000 + round));
        }
    }
}

#[test]
fn nothing_is_lost_or_reordered_on_a_link_that_loses_a_tenth() {
    let mut host = Host::new();
    host.lose(100);
    let mut clients: Vec<_> =
        (0..CLIENTS).map(|_| WebSocket::open(&mut host, "/").unwrap()).collect();
    for round in 0..50 {
        for (i, client) in clients.iter_mut().enumerate() {
            client.send(&mut host, vec![round; usize::from(round) * 97 + i].as_slice());
            client.send(&mut host, format!("{round}").as_str());
        }
        for (i, client) in clients.iter_mut().enumerate() {
            let echo = client.receive_data(&mut host);
            assert_eq!(echo, Heard::Binary(vec![round; usize::from(round) * 97 + i]));
            assert_eq!(client.receive_data(&mut host), Heard::Text(format!("{round}")));
        }
    }
    assert!(host.lost() > 100, "{} frames were lost", host.lost());
}

#[test]
fn the_page_gets_counters_every_second() {
    let mut host = Host::new();
    let mut viewers = [(); 2].map(|()| WebSocket::open(&mut host, "/live").unwrap());
    let uptimes = [0, 1, 2, 3].map(|_| {
        let reports = viewers.each_mut().map(|viewer| viewer.receive_text(&mut host));
        uptime(&reports[0])
    });
    assert_eq!(uptimes.map(|uptime| uptime - uptimes[0]), [0, 1, 2, 3]);
    assert!(viewers[0].receive_text(&mut host).contains(r#""clients":2,"free":2,"listening":4"#));
}

#[test]
fn who_does_not_read_misses_whole_messages_and_the_others_miss_none() {
    let mut host = Host::new();
    // What the host's TCP takes for one who does not read.
    let enough = mem::replace(&mut host.ring_len, 256);
    let mut deaf = WebSocket::open(&mut host, "/chat").unwrap();
    host.ring_len = enough;
    let mut talker = WebSocket::open(&mut host, "/chat").unwrap();
    talker.receive_text(&mut host);
    let said = |i| format!("all {i:3} {}", "x".repeat(100));
    let heard = |i| format!("2: {}", &said(i)[4..]);
    for i in 0..50 {
        talker.send(&mut host, said(i).as_str());
        assert_eq!(talker.receive_text(&mut host), heard(i));
    }
    let missed = host.status().counters.missed;
    assert!((10..50).contains(&missed), "{missed} were missed");

    assert_eq!(deaf.receive_text(&mut host), "you are 1");
    for i in 0..50 - missed {
        assert_eq!(deaf.receive_text(&mut host), heard(i));
    }
    talker.send(&mut host, said(50).as_str());
    assert_eq!(deaf.receive_text(&mut host), heard(50));
}

#[test]
fn chat_reaches_one_or_all() {
    let mut host = Host::new();
    let mut bystander = WebSocket::open(&mut host, "/").unwrap();
    let mut clients = [(); 3].map(|()| WebSocket::open(&mut host, "/chat").unwrap());
    let ids = clients.each_mut().map(|client| {
        let welcome = client.receive_text(&mut host);
        welcome.strip_prefix("you are ").expect("a welcome").parse::<u32>().unwrap()
    });
    let [a, b, c] = &mut clients;

    a.send(&mut host, format!("to {} hello", ids[1]).as_str());
    assert_eq!(b.receive_text(&mut host), format!("{}: hello", ids[0]));
    c.send(&mut host, "all good morning");
    for client in [a, b, c] {
        assert_eq!(client.receive_text(&mut host), format!("{}: good morning", ids[2]));
    }

    let [a, b, c] = &mut clients;
    b.send(&mut host, "to 99 hello");
    assert_eq!(b.receive_text(&mut host), "nobody has this id");
    b.send(&mut host, "hello?");
    assert_eq!(b.receive_text(&mut host), "say: to ID TEXT, or: all TEXT");
    for client in [a, c, &mut bystander] {
        assert_eq!(client.receive_within(Duration::from_secs(1), &mut host), None);
    }
}

#[test]
fn a_message_in_fragments_is_not_interrupted() {
    let mut host = Host::new();
    let mut talker = WebSocket::open(&mut host, "/chat").unwrap();
    let mut busy = WebSocket::open(&mut host, "/").unwrap();
    talker.receive_text(&mut host);
    busy.send(&mut host, Chunk::first("one "));
    host.run_for(Duration::from_millis(10));
    talker.send(&mut host, "to 2 hello");
    assert_eq!(talker.receive_text(&mut host), "not sent: the client is busy");
    busy.send(&mut host, Chunk::last("message"));
    assert_eq!(busy.receive_text(&mut host), "one message");
    talker.send(&mut host, "to 2 hello");
    assert_eq!(busy.receive_text(&mut host), "1: hello");
}

#[test]
fn an_id_is_not_used_again() {
    let mut host = Host::new();
    let mut a = WebSocket::open(&mut host, "/chat").unwrap();
    let mut b = WebSocket::open(&mut host, "/chat").unwrap();
    assert_eq!(a.receive_text(&mut host), "you are 1");
    assert_eq!(b.receive_text(&mut host), "you are 2");
    a.end(&mut host);
    let mut c = WebSocket::open(&mut host, "/chat").unwrap();
    assert_eq!(c.receive_text(&mut host), "you are 3");
    b.send(&mut host, "to 1 hello");
    assert_eq!(b.receive_text(&mut host), "nobody has this id");
}

#[test]
fn chat_has_a_longest_message_and_no_binary_ones() {
    let mut host = Host::new();
    for (frames, code) in [
        (vec![Chunk::whole(b"all")], CloseCode::UNSUPPORTED_DATA),
        (vec![Chunk::whole(LONG_TEXT)], CloseCode::MESSAGE_TOO_BIG),
        (vec![Chunk::first("all "), Chunk::last(LONG_TEXT)], CloseCode::MESSAGE_TOO_BIG),
    ] {
        let mut ws = WebSocket::open(&mut host, "/chat").unwrap();
        ws.receive_text(&mut host);
        for frame in frames {
            ws.send(&mut host, frame);
        }
        assert_eq!(ws.receive(&mut host), Heard::Close(Some(code)));
        assert_eq!(ws.receive(&mut host), Heard::End);
    }
}

fn uptime(report: &str) -> u32 {
    let (_, rest) = report.split_once(r#"{"uptime":"#).unwrap();
    rest.split_once(',').unwrap().0.parse().unwrap()
}

/// One byte longer than what may be said.
const LONG_TEXT: &str = match str::from_utf8(&[b'x'; 129]) {
    Ok(text) => text,
    Err(_) => panic!(),
};
