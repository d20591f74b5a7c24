//! Live counters, and the limit on how many clients there are.

use core::cell::Cell;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;

use crate::MAX_WEB_SOCKETS;

/// Counts what is served; shared by all tasks, so best a `static`.
///
/// ```
/// use embassy_app::Status;
///
/// static STATUS: Status = Status::new();
/// let place = STATUS.take_place().expect("nobody is here yet");
/// assert_eq!(STATUS.counters().open, 1);
/// drop(place);
/// assert_eq!(STATUS.counters().open, 0);
/// ```
#[derive(Debug)]
pub struct Status {
    counters: Mutex<CriticalSectionRawMutex, Cell<Counters>>,
}

/// The counters since the start of the board; they wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Clients that have a WebSocket open now, or in its handshake.
    pub open: u32,
    /// Clients that had one opened.
    pub opened: u32,
    /// Clients that were refused one because [`MAX_WEB_SOCKETS`] were open.
    pub refused: u32,
    /// Messages echoed.
    pub messages: u32,
    /// Bytes of payload echoed.
    pub bytes: u32,
    /// Pages served.
    pub pages: u32,
}

/// Stands for one client's WebSocket; is free for another when it is dropped.
#[derive(Debug)]
pub struct Place<'s>(&'s Status);

impl Status {
    /// Starts at zero.
    #[must_use]
    pub const fn new() -> Self {
        let zero = Counters { open: 0, opened: 0, refused: 0, messages: 0, bytes: 0, pages: 0 };
        Self { counters: Mutex::new(Cell::new(zero)) }
    }

    /// Returns the counters as they are now.
    pub fn counters(&self) -> Counters {
        self.counters.lock(Cell::get)
    }

    /// Takes a place for one more client; `None`, which is counted, when all are taken.
    pub fn take_place(&self) -> Option<Place<'_>> {
        self.update(|counters| {
            if counters.open as usize >= MAX_WEB_SOCKETS {
                counters.refused = counters.refused.wrapping_add(1);
                return None;
            }
            counters.open += 1;
            Some(Place(self))
        })
    }

    pub(crate) fn page_served(&self) {
        self.update(|counters| counters.pages = counters.pages.wrapping_add(1));
    }

    fn update<T>(&self, change: impl FnOnce(&mut Counters) -> T) -> T {
        self.counters.lock(|cell| {
            let mut counters = cell.get();
            let result = change(&mut counters);
            cell.set(counters);
            result
        })
    }
}

impl Default for Status {
    fn default() -> Self {
        Self::new()
    }
}

impl Place<'_> {
    /// Counts that the client has been accepted.
    pub(crate) fn opened(&self) {
        self.0.update(|counters| counters.opened = counters.opened.wrapping_add(1));
    }

    /// Counts a piece of `len` bytes; `last` says that a message ends with it.
    #[expect(clippy::cast_possible_truncation, reason = "the counters wrap")]
    pub(crate) fn echoed(&self, len: usize, last: bool) {
        self.0.update(|counters| {
            counters.bytes = counters.bytes.wrapping_add(len as u32);
            counters.messages = counters.messages.wrapping_add(last.into());
        });
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.update(|counters| counters.open = counters.open.saturating_sub(1));
    }
}
