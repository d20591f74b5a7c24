//! How connections end, and when.

use app::server::{CLOSE_TIME, HANDSHAKE_TIME, PING_INTERVAL, PONG_TIMEOUT, SLOTS};
use smoltcp::time::Duration;
use wirelet::CloseCode;

use crate::host::{Host, PATIENCE};
use crate::websocket::{Heard, WebSocket};

#[test]
fn a_handshake_that_dribbles_is_cut_at_its_deadline() {
    let mut host = Host::new();
    let start = host.now();
    let tcp = host.connect().unwrap();
    for byte in b"GET / HTTP/1.1\r\n" {
        host.send(tcp, &[*byte]);
        if host.is_reset_within(Duration::from_millis(700), tcp) {
            break;
        }
    }
    let cut_after = host.now() - start;
    assert_soon_after(HANDSHAKE_TIME, cut_after);
    assert_eq!(host.status().listening, SLOTS);
}

#[test]
fn violations_are_answered_by_their_close_codes() {
    let mut host = Host::new();
    let violations: [(&[u8], CloseCode); 5] = [
        (b"\x81\x02hi", CloseCode::PROTOCOL_ERROR), // not masked
        (b"\x83\x80\0\0\0\0", CloseCode::PROTOCOL_ERROR), // reserved opcode
        (b"\x80\x80\0\0\0\0", CloseCode::PROTOCOL_ERROR), // continues nothing
        (b"\x81\x82\0\0\0\0\xc0\xaf", CloseCode::INVALID_FRAME_PAYLOAD_DATA),
        // In the middle of a frame that is not over.
        (b"\x81\xfe\x40\0\0\0\0\0abc\xff", CloseCode::INVALID_FRAME_PAYLOAD_DATA),
    ];
    for (bytes, code) in violations {
        let mut ws = WebSocket::open(&mut host, "/").unwrap();
        ws.send_bytes(&mut host, bytes);
        let heard = match ws.receive(&mut host) {
            Heard::Text(_) | Heard::Binary(_) => panic!("an echo of {bytes:x?}"),
            heard => heard,
        };
        assert_eq!(heard, Heard::Close(Some(code)), "{bytes:x?}");
        assert_eq!(ws.receive(&mut host), Heard::End, "{bytes:x?}");
        host.close(ws.tcp);
    }
    assert_eq!(host.status().listening, SLOTS);
}

#[test]
fn who_is_silent_is_pinged_and_stays_if_it_answers() {
    let mut host = Host::new();
    let mut ws = WebSocket::open(&mut host, "/").unwrap();
    let mut last = host.now();
    for _ in 0..5 {
        assert_eq!(ws.receive(&mut host), Heard::Ping);
        let silence = host.now() - last;
        assert_soon_after(PING_INTERVAL, silence);
        last = host.now();
    }
    ws.end(&mut host);
}

#[test]
fn who_does_not_answer_a_ping_is_given_up() {
    let mut host = Host::new();
    let ws = WebSocket::open(&mut host, "/").unwrap();
    let start = host.now();
    assert!(host.is_reset_within(Duration::from_secs(60), ws.tcp));
    let patience = host.now() - start;
    assert_soon_after(PING_INTERVAL + PONG_TIMEOUT, patience);
    assert_eq!(host.status().listening, SLOTS);
}

#[test]
fn who_goes_on_sending_after_a_violation_gets_the_close_and_the_end() {
    let mut host = Host::new();
    let mut ws = WebSocket::open(&mut host, "/").unwrap();
    ws.send_bytes(&mut host, b"\x83\x80\0\0\0\0");
    ws.send_bytes(&mut host, &vec![0; 100_000]);
    assert_eq!(ws.receive(&mut host), Heard::Close(Some(CloseCode::PROTOCOL_ERROR)));
    assert_eq!(ws.receive(&mut host), Heard::End);
    let begin = host.now();
    host.close(ws.tcp);
    assert!(host.now() - begin < Duration::from_secs(1), "{}", host.now() - begin);
}

#[test]
fn who_does_not_close_tcp_is_reset() {
    let mut host = Host::new();
    let mut ws = WebSocket::open(&mut host, "/").unwrap();
    ws.close(&mut host, CloseCode::NORMAL_CLOSURE);
    assert_eq!(ws.receive(&mut host), Heard::Close(Some(CloseCode::NORMAL_CLOSURE)));
    assert_eq!(ws.receive(&mut host), Heard::End);
    let begin = host.now();
    assert!(host.is_reset_within(Duration::from_secs(60), ws.tcp));
    assert_soon_after(CLOSE_TIME, host.now() - begin + Duration::from_millis(10));
    assert_eq!(host.status().listening, SLOTS);
}

#[test]
fn who_closes_tcp_alone_leaves_its_slot_at_once() {
    let mut host = Host::new();
    let ws = WebSocket::open(&mut host, "/").unwrap();
    let begin = host.now();
    host.close(ws.tcp);
    let tcp = host.connect().unwrap();
    host.send(tcp, b"GET / HTTP/1.1\r\n");
    host.close(tcp);
    assert!(host.now() - begin < Duration::from_secs(1), "{}", host.now() - begin);
    host.run_for(Duration::from_millis(10)); // the last acknowledgement is on its way
    assert_eq!(host.status().listening, SLOTS);
}

#[test]
fn a_reset_in_the_handshake_of_tcp_leaves_nothing_behind() {
    let mut host = Host::new();
    for _ in 0..SLOTS {
        let tcp = host.start_to_connect();
        // The board has the first packet, and its answer is on the way.
        assert!(host.run_until(PATIENCE, |host| host.status().listening == SLOTS - 1));
        host.reset(tcp);
        assert!(host.run_until(PATIENCE, |host| host.status().listening == SLOTS));
    }
    host.run_for(Duration::from(HANDSHAKE_TIME) - Duration::from_millis(100));
    // None of the deadlines that began above cuts these.
    let late = [(); SLOTS].map(|()| host.connect().unwrap());
    assert!(!host.is_reset_within(Duration::from_secs(1), late[0]));
    for tcp in late {
        host.send(tcp, b"GET /status HTTP/1.1\r\nHost: board\r\n\r\n");
        assert!(host.receive_to_end(tcp).unwrap().starts_with(b"HTTP/1.1 200 "));
    }
}

fn assert_soon_after(limit: core::time::Duration, elapsed: Duration) {
    assert!(elapsed >= limit.into(), "{elapsed}");
    assert!(elapsed < Duration::from_millis(100) + limit.into(), "{elapsed}");
}
