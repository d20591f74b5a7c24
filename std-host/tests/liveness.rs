//! Whether the threads of a server go on.

mod harness;

use std::io::Write as _;
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::{LIMIT, TEXT, frame, handshake};
use tokio::time::timeout;
use wirelet::Message;
use wirelet_host::{Builder, Context, Handler};

/// Blocks, as no handler should, while a test has the lock.
#[derive(Clone, Default)]
struct Blocking(Arc<Mutex<()>>);

impl Handler for Blocking {
    fn message(&self, message: Message<'_>, context: &mut Context<'_>) {
        drop(self.0.lock().unwrap());
        context.send(message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_a_handler_blocks_does_not_go_on_until_it_returns() {
    let handler = Blocking::default();
    let builder = Builder::new().threads(NonZero::new(3).unwrap()).listen("127.0.0.1:0");
    let server = builder.bind(handler.clone()).await.unwrap();
    let (addr, liveness) = (server.addresses()[0].tcp().unwrap(), server.liveness());
    let short = Duration::from_millis(300);
    assert!(timeout(short, liveness.check()).await.is_err(), "before it runs");
    let running = tokio::spawn(server.run());
    for _ in 0..100 {
        timeout(LIMIT, liveness.check()).await.expect("it runs");
    }

    let (blocks, blocked) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = std::sync::mpsc::channel();
    let blocking = std::thread::spawn(move || {
        let lock = handler.0.lock().unwrap();
        let mut socket = handshake(addr);
        socket.write_all(&frame(TEXT, b"?")).unwrap();
        begun.send(()).unwrap();
        let _ = blocked.recv();
        drop(lock);
        assert_eq!(harness::read_frame(&mut socket), (TEXT, b"?".to_vec()));
    });
    begins.recv().unwrap();
    // The message may be on its way.
    harness::within(LIMIT, || {
        let liveness = liveness.clone();
        let checking = async move { timeout(short, liveness.check()).await.is_err() };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(checking))
    });
    drop(blocks);
    timeout(LIMIT, liveness.check()).await.expect("it goes on");
    blocking.join().unwrap();
    running.abort();
}
