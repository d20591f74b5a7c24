//! The last messages of a connection, for who looks on.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use wirelet::Kind;

/// One message of a connection's history, or one fragment that was sent with
/// [`Context::send`](crate::Context::send).
///
/// ```
/// # fn show(peer: &wirelet_host::Peer) {
/// for record in peer.history() {
///     println!("{:?}: {} bytes", record.from, record.bytes);
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// When it came or left.
    pub time: SystemTime,
    /// Who sent it.
    pub from: Sender,
    /// Text or binary.
    pub kind: Kind,
    /// Its length.
    pub bytes: usize,
    /// Its first [`SHOWN`](Record::SHOWN) bytes.
    pub beginning: Box<[u8]>,
}

impl Record {
    /// So much of a message is kept, in bytes.
    pub const SHOWN: usize = 256;
}

/// Who sent a message.
///
/// ```
/// # fn is_ours(record: &wirelet_host::Record) -> bool {
/// record.from == wirelet_host::Sender::Server
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The peer.
    Peer,
    /// This server.
    Server,
}

/// The last `limit` messages.
#[derive(Debug)]
pub(crate) struct History {
    records: Mutex<VecDeque<Record>>,
    limit: usize,
}

impl History {
    /// Keeps nothing if `limit` is 0.
    pub(crate) fn new(limit: usize) -> Option<Self> {
        (limit > 0).then(|| Self { records: Mutex::default(), limit })
    }

    pub(crate) fn add(&self, from: Sender, kind: Kind, bytes: &[u8]) {
        let beginning = bytes[..bytes.len().min(Record::SHOWN)].into();
        let record = Record { time: SystemTime::now(), from, kind, bytes: bytes.len(), beginning };
        let mut records = self.lock();
        if records.len() == self.limit {
            records.pop_front();
        }
        records.push_back(record);
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
