//! A handler that lets a connection wait.

mod harness;

use std::io::Write as _;
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::{CLOSE, LIMIT, PING, PONG, TEXT, frame, handshake, read_frame, within};
use wirelet::{Close, CloseCode, Message};
use wirelet_host::{Builder, Context, Handler, Hold, Server};

/// Holds a connection at each of its messages, and at its opening if asked to.
#[derive(Clone, Default)]
struct Holder {
    holds: Arc<Mutex<Vec<Hold>>>,
    at_opening: bool,
    at_close: bool,
}

impl Holder {
    fn held(&self) -> usize {
        self.holds.lock().unwrap().len()
    }

    fn release(&self) {
        self.holds.lock().unwrap().clear();
    }
}

impl Handler for Holder {
    fn opened(&self, context: &mut Context<'_>) {
        if self.at_opening {
            self.holds.lock().unwrap().push(context.hold());
        }
    }

    fn message(&self, _message: Message<'_>, context: &mut Context<'_>) {
        self.holds.lock().unwrap().push(context.hold());
    }

    fn closing(&self, _close: Close<'_>, context: &mut Context<'_>) {
        if self.at_close {
            self.holds.lock().unwrap().push(context.hold());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handler_is_not_called_again_until_its_hold_is_released() {
    let holder = Holder::default();
    // One thread: when it has served others, it has looked at the one that is held, too.
    let builder = Builder::new().threads(NonZero::<usize>::MIN).listen("127.0.0.1:0");
    let server = builder.bind(holder.clone()).await.unwrap();
    let addr = server.addresses()[0].tcp().unwrap();
    let running = tokio::spawn(server.run());

    tokio::task::spawn_blocking(move || {
        let mut socket = handshake(addr);
        // Both in one read.
        socket.write_all(&[frame(TEXT, b"one"), frame(TEXT, b"two")].concat()).unwrap();
        within(LIMIT, || holder.held() == 1);
        socket.write_all(&[frame(TEXT, b"three"), frame(PING, b"?")].concat()).unwrap();
        let mut others = [handshake(addr)];
        let mut serve_others = || (0..10).for_each(|_| harness::settle(&mut others));
        serve_others();
        assert_eq!(holder.held(), 1, "the handler was called while it held");

        for message in ["two", "three"] {
            holder.release();
            within(LIMIT, || holder.held() == 1);
            serve_others();
            assert_eq!(holder.held(), 1, "{message} and more");
        }
        holder.release();
        assert_eq!(read_frame(&mut socket), (PONG, b"?".to_vec()));
        assert_eq!(holder.held(), 0);
        socket.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
        assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe8".to_vec()));
        harness::ended(&mut socket);
    })
    .await
    .unwrap();
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_can_be_held_from_its_opening() {
    let holder = Holder { at_opening: true, ..Holder::default() };
    let server = Server::bind("127.0.0.1:0", holder.clone()).await.unwrap();
    let addr = server.addresses()[0].tcp().unwrap();
    let running = tokio::spawn(server.run());

    tokio::task::spawn_blocking(move || {
        let mut socket = handshake(addr);
        socket.write_all(&frame(PING, b"?")).unwrap();
        harness::silent(&socket, Duration::from_millis(200)); // nothing is answered while it is held
        holder.release();
        assert_eq!(read_frame(&mut socket), (PONG, b"?".to_vec()));
    })
    .await
    .unwrap();
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_is_held_is_answered_behind_what_is_sent_meanwhile() {
    let holder = Holder { at_close: true, ..Holder::default() };
    let server = Server::bind("127.0.0.1:0", holder.clone()).await.unwrap();
    let (addr, hub) = (server.addresses()[0].tcp().unwrap(), server.hub());
    let running = tokio::spawn(server.run());

    tokio::task::spawn_blocking(move || {
        // With bytes behind it, and with none; once the peer's code is sent back, once another has been sent.
        for (behind, own) in
            [(&b""[..], None), (b"junk", None), (b"", Some(CloseCode::SERVICE_RESTART))]
        {
            let mut socket = handshake(addr);
            socket.write_all(&[&frame(CLOSE, b"\x03\xe8bye"), behind].concat()).unwrap();
            within(LIMIT, || holder.held() == 1);
            harness::silent(&socket, Duration::from_millis(200));
            let id = hub.connections()[0].id();
            // More than a socket takes at once.
            let text = "x".repeat(300_000);
            for _ in 0..3 {
                hub.send_to(id, text.as_str()).unwrap();
            }
            if let Some(code) = own {
                hub.close(id, code).unwrap();
            }
            holder.release();
            for _ in 0..3 {
                let (first, payload) = read_frame(&mut socket);
                assert_eq!((first, payload.len()), (TEXT, text.len()));
            }
            let answer =
                own.map_or(b"\x03\xe8bye".to_vec(), |code| code.get().to_be_bytes().to_vec());
            assert_eq!(read_frame(&mut socket), (CLOSE, answer));
            harness::ended(&mut socket);
            within(LIMIT, || hub.connections().is_empty());
        }
    })
    .await
    .unwrap();
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_the_servers_own_close_is_not_held() {
    let holder = Holder { at_close: true, ..Holder::default() };
    let server = Server::bind("127.0.0.1:0", holder.clone()).await.unwrap();
    let (addr, hub) = (server.addresses()[0].tcp().unwrap(), server.hub());
    let running = tokio::spawn(server.run());

    tokio::task::spawn_blocking(move || {
        let mut socket = handshake(addr);
        hub.close(hub.connections()[0].id(), CloseCode::GOING_AWAY).unwrap();
        assert_eq!(read_frame(&mut socket), (CLOSE, b"\x03\xe9".to_vec()));
        socket.write_all(&frame(CLOSE, b"\x03\xe9")).unwrap();
        harness::ended(&mut socket);
        assert_eq!(holder.held(), 0);
    })
    .await
    .unwrap();
    running.abort();
}
