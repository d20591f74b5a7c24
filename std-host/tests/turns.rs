//! One turn each: who floods the server has no more turns than others.

mod harness;

use std::io::Write as _;
use std::net::TcpStream;
use std::num::NonZero;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use harness::{LIMIT, TEXT, frame, handshake, within};
use wirelet::Message;
use wirelet_host::{Builder, ConnectionId, Context, Handler};

/// Notes whose messages come, and stands still at the word "wait" until it is told to go on.
#[derive(Clone)]
struct Turns {
    order: Arc<Mutex<Vec<ConnectionId>>>,
    barrier: Arc<Barrier>,
}

impl Handler for Turns {
    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        if message == Message::Text("wait") {
            self.barrier.wait();
            self.barrier.wait();
        } else {
            self.order.lock().unwrap().push(context.peer().id());
        }
    }
}

/// Fills what the system holds for a connection; returns how many whole frames that is.
fn fill(socket: &mut TcpStream, frames: &[u8]) -> usize {
    socket.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    harness::stuff(socket, frames, 1 << 30, || {}) / LEN
}

/// Of a frame, in bytes.
const LEN: usize = 106;

#[test]
fn a_connection_has_one_turn_in_a_round_however_much_it_sends() {
    let turns = Turns { order: Arc::default(), barrier: Arc::new(Barrier::new(2)) };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let builder = Builder::new().threads(NonZero::<usize>::MIN).listen("127.0.0.1:0");
    let server = runtime.block_on(builder.bind(turns.clone())).unwrap();
    let addr = server.addresses()[0].tcp().unwrap();
    runtime.spawn(server.run());

    // All three are open before the only thread stands still.
    let frames = frame(TEXT, &[b'x'; 100]).repeat(20_000);
    assert_eq!(frames.len(), 20_000 * LEN);
    let mut waits = handshake(addr);
    let (mut first, mut second) = (handshake(addr), handshake(addr));
    waits.write_all(&frame(TEXT, b"wait")).unwrap();
    turns.barrier.wait();
    let (n_first, n_second) = (fill(&mut first, &frames), fill(&mut second, &frames));
    turns.barrier.wait();

    let n_all = n_first + n_second;
    within(LIMIT, || turns.order.lock().unwrap().len() >= n_all);
    let order = turns.order.lock().unwrap();
    // As long as both have something. A turn takes 512 KiB at most, which is 4,946 messages.
    let both = 2 * n_first.min(n_second) * 3 / 4;
    assert!(both > 15_000, "{n_first} and {n_second} messages are too few to tell");
    let longest = order[..both].chunk_by(|a, b| a == b).map(<[_]>::len).max();
    assert!(longest < Some(5_000), "{longest:?} messages of one in a row, of {n_all}");
}
