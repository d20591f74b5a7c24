//! The embedded-io adapter, on its own.

mod common;

use std::thread;

use common::{BAD, CLIENT_PORT, LIMIT, Machine, PORT, SERVER, connected, on_wire, with_stack};
use embedded_io::{Error as _, ErrorKind, Read as _, Write as _};
use smoltcp::socket::tcp::ConnectError;
use smoltcp::time::Duration;
use wirelet_example_smoltcp::TcpError;
use wirelet_example_smoltcp::link::{Conditions, Link};
use wirelet_example_smoltcp::socket::Socket;

#[test]
fn bytes_come_whole_and_in_order_and_then_the_end() {
    let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    let client = |stack: &mut Machine<'_>| {
        Socket::new(stack, LIMIT).write_all(&sent).unwrap();
        stack.close(LIMIT)
    };
    let server = |stack: &mut Machine<'_>| {
        let mut socket = Socket::new(stack, LIMIT);
        let mut received = Vec::new();
        let mut buf = [0; 1000];
        loop {
            match socket.read(&mut buf).unwrap() {
                0 => break,
                n => received.extend_from_slice(&buf[..n]),
            }
        }
        assert_eq!(socket.read(&mut buf), Ok(0), "it stays at the end");
        stack.close(LIMIT).unwrap();
        received
    };
    let (closed, received) = connected(&BAD, 2048, client, server);
    assert_eq!(closed, Ok(()));
    assert!(received == sent, "{} of {} bytes, or not the same", received.len(), sent.len());
}

#[test]
fn a_flush_sends_what_was_written() {
    let (link, ends) = Link::new(&Conditions::PERFECT);
    let client = |stack: &mut Machine<'_>| {
        stack.connect(SERVER, CLIENT_PORT, LIMIT).unwrap();
        let mut socket = Socket::new(stack, LIMIT);
        socket.flush().unwrap();
        let packets = || link.traffic().sent;
        let before = packets();
        socket.write_all(b"one packet").unwrap();
        assert_eq!(packets(), before);
        socket.flush().unwrap();
        assert_eq!(packets(), before + 1);
    };
    let server = |stack: &mut Machine<'_>| stack.accept(PORT, LIMIT).unwrap();
    on_wire(ends, 2048, client, server);
}

#[test]
fn to_read_or_write_nothing_does_not_wait() {
    let both = |stack: &mut Machine<'_>| {
        let begin = stack.now();
        let mut socket = Socket::new(stack, LIMIT);
        assert_eq!((socket.read(&mut []), socket.write(&[])), (Ok(0), Ok(0)));
        assert_eq!(stack.now(), begin);
    };
    connected(&Conditions::PERFECT, 2048, both, both);
}

#[test]
fn a_peer_that_neither_reads_nor_writes_is_a_time_out() {
    let limit = Duration::from_secs(7);
    let client = |stack: &mut Machine<'_>| {
        let begin = stack.now();
        let read = Socket::new(stack, limit).read(&mut [0; 8]);
        let waited = stack.now() - begin;
        // More than all rings hold.
        let written = Socket::new(stack, limit).write_all(&[0; 10_000]);
        (read, waited, written)
    };
    let idle = |stack: &mut Machine<'_>| {
        stack.until(LIMIT, |_| Ok::<Option<()>, TcpError>(None)).unwrap_err();
    };
    let ((read, waited, written), ()) = connected(&Conditions::PERFECT, 2048, client, idle);
    assert_eq!((read, waited, written), (Err(TcpError::TimedOut), limit, Err(TcpError::TimedOut)));
    assert_eq!(TcpError::TimedOut.kind(), ErrorKind::TimedOut);
}

#[test]
fn a_peer_that_has_vanished_is_given_up_after_its_silence() {
    let (_, [client_end, server_end]) = Link::new(&Conditions::PERFECT);
    let (served, silence) = thread::scope(|threads| {
        threads.spawn(|| {
            let client = |stack: &mut Machine<'_>| stack.connect(SERVER, CLIENT_PORT, LIMIT);
            with_stack(client_end, 1, 2048, client).expect("the server listens");
            // Here its machine is gone, and says nothing more.
        });
        with_stack(server_end, 2, 2048, |stack| {
            stack.give_up_after(Duration::from_secs(30));
            stack.accept(PORT, LIMIT).unwrap();
            let begin = stack.now();
            let served = Socket::new(stack, LIMIT).read(&mut [0; 8]);
            (served, stack.now() - begin)
        })
    });
    assert_eq!(served, Err(TcpError::Reset));
    assert!((30..=40).contains(&silence.secs()), "{silence}");
}

#[test]
fn a_reset_is_an_error_for_both_directions() {
    let client = |stack: &mut Machine<'_>| {
        let mut socket = Socket::new(stack, LIMIT);
        (socket.read(&mut [0; 8]), socket.write(b"x"))
    };
    let server = |stack: &mut Machine<'_>| stack.socket().abort();
    let (result, ()) = connected(&Conditions::PERFECT, 2048, client, server);
    assert_eq!(result, (Err(TcpError::Reset), Err(TcpError::Reset)));
    assert_eq!(TcpError::Reset.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_port_where_nobody_listens_refuses() {
    let (_, ends) = Link::new(&Conditions::PERFECT);
    let client = |stack: &mut Machine<'_>| stack.connect(SERVER, CLIENT_PORT, LIMIT);
    assert_eq!(on_wire(ends, 2048, client, |_| ()).0, Err(TcpError::Reset));
}

#[test]
fn a_socket_in_use_is_not_connected_again() {
    let client = |stack: &mut Machine<'_>| stack.connect(SERVER, CLIENT_PORT, LIMIT);
    let (result, ()) = connected(&Conditions::PERFECT, 2048, client, |_| ());
    assert_eq!(result, Err(TcpError::Connect(ConnectError::InvalidState)));
}

#[test]
fn closing_reads_what_the_peer_still_sends() {
    let client = |stack: &mut Machine<'_>| {
        // More than all rings hold.
        let written = Socket::new(stack, LIMIT).write_all(&[0; 10_000]);
        (written, stack.close(LIMIT))
    };
    let server = |stack: &mut Machine<'_>| stack.close(LIMIT);
    let result = connected(&Conditions::PERFECT, 2048, client, server);
    assert_eq!(result, ((Ok(()), Ok(())), Ok(())));
}

#[test]
fn one_client_after_the_other_is_served() {
    let (_, ends) = Link::new(&BAD);
    let client = |stack: &mut Machine<'_>| {
        for n in 0..20 {
            stack.connect(SERVER, CLIENT_PORT + u16::from(n), LIMIT).unwrap();
            let mut socket = Socket::new(stack, LIMIT);
            socket.write_all(&[n]).unwrap();
            let mut answer = [0];
            assert_eq!(socket.read(&mut answer), Ok(1));
            assert_eq!(answer, [n]);
            stack.close(LIMIT).unwrap();
        }
    };
    let server = |stack: &mut Machine<'_>| {
        // The next client may come before the last connection is closed here: there are two sockets.
        for _ in 0..20 {
            stack.accept(PORT, LIMIT).unwrap();
            let mut socket = Socket::new(stack, LIMIT);
            let mut byte = [0];
            assert_eq!(socket.read(&mut byte), Ok(1));
            socket.write_all(&byte).unwrap();
            stack.close(LIMIT).unwrap();
        }
    };
    on_wire(ends, 2048, client, server);
}
