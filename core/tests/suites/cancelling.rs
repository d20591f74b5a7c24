//! Every future of the async driver, dropped at every await.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::common::{TestRng, parse_frames};
use crate::pipe::{Async, End, Shape, pipe};
use embassy_futures::block_on;
use wirelet::asynch::{Sender, WebSocket};
use wirelet::{Chunk, Client, CloseCode, Received, Role, Server, Storage};

const SHAPE: Shape = Shape { read: 40, write: 50, capacity: 9000 };

/// First bytes and unmasked payloads.
type Frames = Vec<(u8, Vec<u8>)>;

/// Polls once and drops; tells whether the future was ready.
fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// What has arrived at the other end.
fn arrived(end: &End) -> Frames {
    let frames = parse_frames(&end.take());
    frames.into_iter().map(|frame| (frame.first, frame.payload)).collect()
}

/// Makes one call on a sender that has a message queued, drops it at the await number `stop_at`,
/// and flushes; returns the frames that left, and whether the call was dropped.
fn call_and_drop<Ro: Role>(
    role: Ro,
    stop_at: usize,
    call: &impl AsyncFn(&mut Sender<'_, Async, Ro>),
) -> (Frames, bool) {
    let (near, far) = pipe(SHAPE);
    let mut storage = Storage::<32, 0, 140>::new();
    let mut ws = WebSocket::new(Async(near.clone()), role, storage.buffers());
    block_on(ws.sender().queue(&[1; 100])).unwrap();
    near.fail_at(stop_at);
    let dropped = poll_once(call(ws.sender())).is_none();
    block_on(ws.sender().flush()).unwrap();
    block_on(ws.send("after")).unwrap_or_default(); // refused behind a close
    (arrived(&far), dropped)
}

/// Checks that a call sends `frame` once, and if dropped, once or not at all.
fn check<Ro: Role>(
    role: impl Fn() -> Ro,
    frame: &(u8, Vec<u8>),
    call: &impl AsyncFn(&mut Sender<'_, Async, Ro>),
) {
    let queued = (0x82, vec![1; 100]);
    let after = (0x81, b"after".to_vec());
    let is_close = frame.0 == 0x88;
    let mut n_dropped = 0;
    for stop_at in 0.. {
        let (frames, dropped) = call_and_drop(role(), stop_at, call);
        let mut whole = vec![queued.clone(), frame.clone()];
        let mut without = vec![queued.clone()];
        if !is_close {
            whole.push(after.clone());
        }
        without.push(after.clone());
        assert!(frames == whole || dropped && frames == without, "await {stop_at}: {frames:x?}");
        if !dropped {
            break;
        }
        n_dropped += 1;
    }
    assert!(n_dropped > 0, "there is an await in it");
}

macro_rules! on_both_roles {
    ($test:ident, $frame:expr, $call:expr) => {
        #[test]
        fn $test() {
            check(|| Server, &$frame, &$call);
            check(|| Client(TestRng::new(9)), &$frame, &$call);
        }
    };
}

on_both_roles!(a_dropped_send_is_sent_whole_or_not_at_all, (0x82, vec![2; 90]), async |sender| {
    sender.send(&[2; 90]).await.unwrap();
});

on_both_roles!(
    a_dropped_queue_is_queued_whole_or_not_at_all,
    (0x82, vec![2; 90]),
    async |sender| {
        sender.queue(&[2; 90]).await.unwrap();
    }
);

on_both_roles!(a_dropped_ping_is_sent_whole_or_not_at_all, (0x89, vec![3; 125]), async |sender| {
    sender.ping(&[3; 125]).await.unwrap();
});

on_both_roles!(a_dropped_pong_is_sent_whole_or_not_at_all, (0x8a, vec![3; 125]), async |sender| {
    sender.pong(&[3; 125]).await.unwrap();
});

on_both_roles!(a_dropped_close_is_sent_whole_or_not_at_all, (0x88, vec![3, 232]), async |sender| {
    sender.close(CloseCode::NORMAL_CLOSURE).await.unwrap();
});

/// Runs a session of a client through chunks and split halves, and drops the await `stop_at`.
fn halves(stop_at: usize) -> (Vec<String>, Frames, usize) {
    let (near, far) = pipe(SHAPE);
    let session =
        b"\x01\x03one\x89\x04ping\x89\x05again\x00\x03two\x80\x00\x82\x02\x01\x02\x88\x02\x03\xe9";
    far.put(session);
    near.fail_at(stop_at);
    let mut storage = Storage::<16, 0, 131>::new();
    let ws = WebSocket::new(Async(near.clone()), Client(TestRng::new(4)), storage.buffers());
    let (mut receiver, mut sender) = ws.split(|socket| (socket.clone(), socket));
    let mut seen = Vec::new();
    let mut dropped = 0;
    let mut done = false;
    while !done {
        match poll_once(async { receiver.receive_chunk().await.map(|event| show(&event)) }) {
            Some(event) => {
                let event = event.unwrap();
                done = event.starts_with("close");
                seen.push(event);
            }
            None => dropped += 1,
        }
        // A reply that was not handed over whole is there again.
        while let Some(reply) = receiver.reply() {
            dropped += usize::from(poll_once(sender.answer(reply)).is_none());
        }
        assert!(dropped <= 1, "no progress");
    }
    block_on(sender.flush()).unwrap();
    (seen, arrived(&far), near.calls())
}

fn show(received: &Received<'_, Chunk<'_>>) -> String {
    match received {
        Received::Data(chunk) => {
            format!("{:?}", (chunk.as_bytes(), chunk.is_first(), chunk.is_last()))
        }
        Received::Ping(payload) => format!("ping {payload:?}"),
        Received::Pong(payload) => format!("pong {payload:?}"),
        Received::Close(close) => format!("close {:?}", close.code()),
    }
}

#[test]
fn halves_dropped_at_any_await_lose_and_double_nothing() {
    let (seen, frames, n_awaits) = halves(usize::MAX);
    let sent = [(0x8a, b"ping".to_vec()), (0x8a, b"again".to_vec()), (0x88, vec![3, 233])];
    assert_eq!(frames, sent);
    assert!(n_awaits > 8, "{n_awaits}");
    for stop_at in 0..n_awaits {
        let (seen_then, frames_then, _) = halves(stop_at);
        assert_eq!((&seen_then, &frames_then), (&seen, &frames), "dropped at await {stop_at}");
    }
}
