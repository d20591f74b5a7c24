//! What other threads have for a connection: encoded frames, bounded, and an order to close.
//!
//! What counts against a peer is what its socket refuses. As long as that takes all, frames only wait
//! for the worker to come by.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use wirelet::{Close, CloseCode};

/// What to do with a message for a peer that reads too slowly: its socket has refused something, and with
/// this message more than [`Limits::queue_bytes`](crate::Limits::queue_bytes) would wait for it.
///
/// ```
/// use wirelet_host::{Builder, Policy};
///
/// let builder = Builder::new().slow_peers(Policy::Drop);
/// # let _ = builder;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// Its connection is closed with 1008, as it can tell no other way that it has lost something.
    #[default]
    Close,
    /// It does not get this message; [`Traffic::messages_dropped`](crate::Traffic) counts it.
    Drop,
    /// Who sends waits. What a [`Handler`](crate::Handler) sends through
    /// [`Context::hub`](crate::Context::hub) is queued, and the handler is not called again for its
    /// connection until there is room. Elsewhere, only [`Hub::deliver_to`](crate::Hub::deliver_to) and
    /// its like can wait; for the others this is [`Drop`](Policy::Drop).
    Wait,
}

/// How far a connection's life has come.
///
/// ```
/// assert_eq!(wirelet_host::Status::Open.to_string(), "open");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Status {
    /// Messages go both ways.
    #[default]
    Open,
    /// A close frame was sent, received, or ordered.
    Closing,
    /// It has ended.
    Closed,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Closed => "closed",
        })
    }
}

/// The way from any thread to one connection; whoever puts something in tells its worker, if it
/// was the first.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// While anything waits, anybody waits for room, or the socket refuses something.
    queue: Mutex<Option<Box<Queue>>>,
    /// Something waits. Written under the lock.
    is_waiting: AtomicBool,
    /// A [`Status`], written under the lock.
    status: AtomicU8,
    /// It is closed because its peer reads too slowly.
    is_slow: AtomicBool,
}

/// Frames in their order.
#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Waiting>,
    bytes: usize,
    /// What comes behind them.
    close: Option<OwnedClose>,
    /// How many bytes the socket has refused; 0 if it takes what it is given.
    refused: usize,
    waiters: Waiters,
}

impl Queue {
    /// Tells whether there is nothing to send.
    fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.close.is_none()
    }

    /// Tells whether it says no more than none.
    fn is_of_no_use(&self) -> bool {
        self.is_empty() && self.refused == 0 && self.waiters.is_empty()
    }
}

/// Those who wait for room, with numbers by which they can give up.
type Waiters = Vec<(u64, Waker)>;

/// Tells all who have waited; not under the lock, as it is their code that runs.
fn wake(waiters: Waiters) {
    for (_, waker) in waiters {
        waker.wake();
    }
}

/// A frame, and what becomes of it if there is no room.
#[derive(Debug)]
struct Waiting {
    frame: Arc<[u8]>,
    policy: Policy,
}

/// A close frame to be sent.
#[derive(Debug)]
pub(crate) struct OwnedClose {
    code: Option<CloseCode>,
    reason: Box<str>,
}

impl OwnedClose {
    fn new(close: Close<'_>) -> Self {
        Self { code: close.code(), reason: close.reason().into() }
    }

    pub(crate) fn lend(&self) -> Close<'_> {
        // It was one before.
        self.code
            .and_then(|code| Close::with_reason(code, &self.reason).ok())
            .unwrap_or(Close::EMPTY)
    }
}

/// What came of putting something in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is in. If `first`, the worker must be told.
    Done { first: bool },
    /// The connection is being closed, or has ended.
    Closing,
    /// There is no room.
    Full,
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// In bytes, with what the socket has refused.
    pub(crate) refused: usize,
    /// In bytes, while the socket has refused nothing and only the worker is behind.
    pub(crate) ahead: usize,
}

impl Room {
    pub(crate) const ENDLESS: Self = Self { refused: usize::MAX, ahead: usize::MAX };
}

/// What did not fit behind what the socket has refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) n_dropped: u32,
    /// By their policy the connection is being closed.
    pub(crate) closes: bool,
}

impl Outbox {
    /// Puts a frame in, if there is room; when nothing waits, it may be of any length.
    pub(crate) fn put(&self, frame: Arc<[u8]>, policy: Policy, room: Room) -> Put {
        let mut queue = self.lock();
        if self.status() != Status::Open {
            return Put::Closing;
        }
        let (queued, refused) = queue.as_ref().map_or((0, 0), |queue| (queue.bytes, queue.refused));
        let limit = if refused > 0 { room.refused } else { room.ahead };
        let waiting = refused.saturating_add(queued);
        if waiting > 0 && waiting.saturating_add(frame.len()) > limit {
            return Put::Full;
        }
        let queue = queue.get_or_insert_default();
        let first = queue.is_empty();
        queue.bytes += frame.len();
        queue.frames.push_back(Waiting { frame, policy });
        self.is_waiting.store(true, Ordering::Relaxed);
        Put::Done { first }
    }

    /// Orders a close behind what was put in before; the worker must be told.
    pub(crate) fn close(&self, close: Close<'_>) {
        let mut queue = self.lock();
        if self.status() == Status::Open {
            self.set_status(Status::Closing);
            queue.get_or_insert_default().close = Some(OwnedClose::new(close));
            self.is_waiting.store(true, Ordering::Relaxed);
        }
    }

    /// Takes nothing more: a close frame has been sent or received.
    pub(crate) fn begin_close(&self) {
        let _queue = self.lock();
        self.set_status(self.status().max(Status::Closing));
    }

    pub(crate) fn status(&self) -> Status {
        match self.status.load(Ordering::Relaxed) {
            OPEN => Status::Open,
            CLOSING => Status::Closing,
            _ => Status::Closed,
        }
    }

    /// To be called under the lock.
    fn set_status(&self, status: Status) {
        self.status.store(status as u8, Ordering::Relaxed);
    }

    /// Notes that it is closed because its peer reads too slowly.
    pub(crate) fn note_slow(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    /// Tells whether something waits; what this thread has put in counts for sure.
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::Relaxed)
    }

    /// Takes frames, some `bytes` of them and at least one, and the close if it comes next.
    pub(crate) fn take(&self, bytes: usize, frames: &mut Vec<Arc<[u8]>>) -> Option<OwnedClose> {
        let mut content = self.lock();
        let queue = content.as_deref_mut()?;
        let mut taken = 0;
        while taken < bytes
            && let Some(Waiting { frame, .. }) = queue.frames.pop_front()
        {
            taken += frame.len();
            frames.push(frame);
        }
        queue.bytes -= taken;
        if !queue.frames.is_empty() {
            return None;
        }
        let (close, waiters) = (queue.close.take(), mem::take(&mut queue.waiters));
        if queue.is_of_no_use() {
            *content = None;
        }
        self.is_waiting.store(false, Ordering::Relaxed);
        drop(content);
        wake(waiters);
        close
    }

    /// Notes how many bytes the socket refuses, and lets go what has no room behind them.
    pub(crate) fn refuse(&self, bytes: usize, room: Room) -> Cut {
        let mut content = self.lock();
        if bytes == 0 && content.is_none() {
            return Cut::default();
        }
        let queue = content.get_or_insert_default();
        queue.refused = bytes;
        let mut cut = Cut::default();
        let mut waiting = bytes;
        if bytes > 0 && bytes.saturating_add(queue.bytes) > room.refused {
            queue.frames.retain(|Waiting { frame, policy }| {
                let fits = *policy == Policy::Wait || waiting + frame.len() <= room.refused;
                if fits {
                    waiting += frame.len();
                } else {
                    cut.n_dropped += 1;
                    cut.closes |= *policy == Policy::Close;
                    queue.bytes -= frame.len();
                }
                fits
            });
        }
        cut.closes &= self.status() == Status::Open;
        if cut.closes {
            self.set_status(Status::Closing);
            queue.close = Some(OwnedClose::new(CloseCode::POLICY_VIOLATION.into()));
        }
        let has_room = bytes.saturating_add(queue.bytes) < room.refused;
        let waiters = if has_room { mem::take(&mut queue.waiters) } else { Waiters::new() };
        if queue.is_of_no_use() {
            *content = None;
        }
        drop(content);
        wake(waiters);
        cut
    }

    /// Lets everybody know that nothing will be taken any more.
    pub(crate) fn leave(&self) {
        let mut content = self.lock();
        let queue = content.take();
        self.set_status(Status::Closed);
        self.is_waiting.store(false, Ordering::Relaxed);
        drop(content);
        wake(queue.map(|queue| queue.waiters).unwrap_or_default());
    }

    /// Lets `waker` know when there may be room, and returns a number to [give up](Self::give_up) by;
    /// `None` if nothing waits.
    pub(crate) fn wait(&self, waker: &Waker) -> Option<u64> {
        /// Of the last who has waited, anywhere.
        static LAST: AtomicU64 = AtomicU64::new(0);

        let mut queue = self.lock();
        let queue = queue.as_mut().filter(|queue| !queue.is_empty() || queue.refused > 0)?;
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        queue.waiters.push((number, waker.clone()));
        Some(number)
    }

    /// Does not wait any more.
    pub(crate) fn give_up(&self, number: u64) {
        if let Some(queue) = self.lock().as_deref_mut() {
            queue.waiters.retain(|(other, _)| *other != number);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Queue>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const OPEN: u8 = Status::Open as u8;
const CLOSING: u8 = Status::Closing as u8;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    const ROOM: Room = Room { refused: 10, ahead: 100 };

    fn frame(len: usize) -> Arc<[u8]> {
        vec![0; len].into()
    }

    /// Takes all; returns the lengths of the frames, and whether a close came behind them.
    fn take(outbox: &Outbox) -> (Vec<usize>, bool) {
        let mut frames = Vec::new();
        let close = outbox.take(usize::MAX, &mut frames);
        (frames.iter().map(|frame| frame.len()).collect(), close.is_some())
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn as_long_as_the_socket_takes_all_only_the_other_bound_counts() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put(frame(60), Policy::Close, ROOM), Put::Done { first: true });
        assert_eq!(outbox.put(frame(40), Policy::Close, ROOM), Put::Done { first: false });
        assert_eq!(outbox.put(frame(1), Policy::Close, ROOM), Put::Full);
        assert_eq!(outbox.put(frame(1), Policy::Close, Room::ENDLESS), Put::Done { first: false });
        assert!(outbox.is_waiting());
        assert_eq!(take(&outbox), (vec![60, 40, 1], false));
        assert!(!outbox.is_waiting());
        // Alone, one may be longer than all bounds.
        assert_eq!(outbox.put(frame(1000), Policy::Drop, ROOM), Put::Done { first: true });
    }

    #[test]
    fn what_the_socket_has_refused_counts_with_what_waits_behind_it() {
        let outbox = Outbox::default();
        assert_eq!(outbox.refuse(4, ROOM), Cut::default());
        assert_eq!(outbox.put(frame(6), Policy::Close, ROOM), Put::Done { first: true });
        assert_eq!(outbox.put(frame(1), Policy::Close, ROOM), Put::Full);
        assert_eq!(outbox.refuse(3, ROOM), Cut::default());
        assert_eq!(outbox.put(frame(1), Policy::Close, ROOM), Put::Done { first: false });
        assert_eq!(outbox.refuse(0, ROOM), Cut::default());
        assert_eq!(outbox.put(frame(50), Policy::Close, ROOM), Put::Done { first: false });
        assert_eq!(take(&outbox), (vec![6, 1, 50], false));
    }

    #[test]
    fn when_the_socket_refuses_what_has_no_room_behind_it_goes_by_its_policy() {
        let outbox = Outbox::default();
        for (len, policy) in
            [(5, Policy::Drop), (7, Policy::Drop), (3, Policy::Drop), (20, Policy::Wait)]
        {
            outbox.put(frame(len), policy, ROOM);
        }
        assert_eq!(outbox.refuse(1, ROOM), Cut { n_dropped: 1, closes: false });
        assert_eq!(take(&outbox), (vec![5, 3, 20], false));

        let outbox = Outbox::default();
        for (len, policy) in [(5, Policy::Drop), (7, Policy::Close)] {
            outbox.put(frame(len), policy, ROOM);
        }
        assert_eq!(outbox.refuse(1, ROOM), Cut { n_dropped: 1, closes: true });
        assert_eq!(outbox.status(), Status::Closing);
        assert_eq!(outbox.put(frame(1), Policy::Close, ROOM), Put::Closing);
        assert_eq!(take(&outbox), (vec![5], true));
        assert_eq!(outbox.refuse(1, ROOM), Cut::default());
    }

    #[test]
    fn a_close_comes_behind_what_was_put_in_before_and_nothing_behind_it() {
        let outbox = Outbox::default();
        outbox.put(frame(1), Policy::Close, ROOM);
        outbox.close(Close::with_reason(CloseCode::GOING_AWAY, "bye").unwrap());
        outbox.close(CloseCode::NORMAL_CLOSURE.into());
        assert_eq!(outbox.put(frame(1), Policy::Close, ROOM), Put::Closing);
        let mut frames = Vec::new();
        let close = outbox.take(1, &mut frames).unwrap();
        assert_eq!((frames.len(), close.lend().code()), (1, Some(CloseCode::GOING_AWAY)));
        assert_eq!(close.lend().reason(), "bye");
        assert_eq!(take(&outbox), (vec![], false));
    }

    #[test]
    fn frames_are_taken_piece_by_piece_and_the_close_with_the_last() {
        let outbox = Outbox::default();
        for len in [4, 4, 4] {
            outbox.put(frame(len), Policy::Close, ROOM);
        }
        outbox.close(Close::EMPTY);
        let mut frames = Vec::new();
        assert!(outbox.take(5, &mut frames).is_none());
        assert_eq!(frames.len(), 2);
        assert!(outbox.is_waiting());
        assert_eq!(take(&outbox), (vec![4], true));
    }

    #[test]
    fn nothing_is_kept_for_a_connection_that_is_gone() {
        let outbox = Outbox::default();
        outbox.put(frame(1), Policy::Close, ROOM);
        outbox.leave();
        assert_eq!(outbox.put(frame(1), Policy::Close, ROOM), Put::Closing);
        assert_eq!(outbox.status(), Status::Closed);
        assert_eq!(take(&outbox), (vec![], false));
    }

    #[test]
    fn who_waits_is_woken_when_there_may_be_room_and_not_after_it_has_given_up() {
        let taken: fn(&Outbox) = |outbox| drop(take(outbox));
        let drained: fn(&Outbox) = |outbox| {
            outbox.refuse(0, ROOM);
        };
        for end in [taken, drained, Outbox::leave] {
            let outbox = Outbox::default();
            assert_eq!(outbox.wait(Waker::noop()), None, "nothing is in the way");
            outbox.refuse(9, ROOM);
            outbox.put(frame(1), Policy::Wait, ROOM);
            let (waits, gives_up) = (Arc::<Woken>::default(), Arc::<Woken>::default());
            outbox.wait(&Arc::clone(&waits).into()).unwrap();
            let number = outbox.wait(&Arc::clone(&gives_up).into()).unwrap();
            outbox.give_up(number);
            end(&outbox);
            assert_eq!(waits.0.load(Ordering::Relaxed), 1);
            assert_eq!(gives_up.0.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn who_waits_behind_a_socket_alone_keeps_nobody_from_being_told_of_a_frame() {
        let outbox = Outbox::default();
        outbox.refuse(10, ROOM);
        outbox.wait(Waker::noop()).unwrap();
        assert!(!outbox.is_waiting());
        assert_eq!(outbox.put(frame(0), Policy::Wait, ROOM), Put::Done { first: true });
    }
}
