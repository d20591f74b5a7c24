//! permessage-deflate (RFC 7692): what an end wants, and what is agreed on.

use std::sync::atomic::{AtomicU64, Ordering};

use wirelet::deflate::{Deflate, Direction};
use wirelet::handshake::{Extension, MalformedExtension};

/// Says how messages are compressed between this end and those that can do it too (permessage-deflate, RFC
/// 7692); for [`Builder::compression`](crate::Builder::compression) and
/// [`ClientOptions::compression`](crate::ClientOptions::compression). The others get them as they are.
///
/// By default each message is compressed by itself, and an idle connection takes no memory for it. What
/// compresses belongs to nobody: each thread that does it at the time has 370 KiB for it, or 47 KiB to undo it, and a
/// buffer for the message; 16 of each are kept for the next.
///
/// ```
/// use wirelet_host::{Builder, Compression};
///
/// let compression = Compression::new().level(6).threshold(256);
/// let builder = Builder::new().compression(compression);
/// # let _ = builder;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Compression {
    /// 0: nothing of the messages before is kept.
    window_bits: u8,
    level: u8,
    threshold: usize,
}

impl Default for Compression {
    fn default() -> Self {
        Self::new()
    }
}

impl Compression {
    /// Each message by itself, at level 2, from 128 bytes on.
    pub const fn new() -> Self {
        Self { window_bits: 0, level: 2, threshold: 128 }
    }

    /// Refers to the messages before, as far as `2^window_bits` bytes back, from 9 to 15; others are taken as the
    /// nearest. Short messages that are alike get shorter, and each connection keeps as many bytes in either
    /// direction. Clients that cannot be limited, such as Firefox, send each message by itself unless it is 15.
    pub const fn takeover(mut self, window_bits: u8) -> Self {
        self.window_bits = match window_bits {
            ..9 => 9,
            15.. => 15,
            bits => bits,
        };
        self
    }

    /// From 1, which is fast, to 9, which is small. Default: 2.
    pub const fn level(mut self, level: u8) -> Self {
        self.level = match level {
            0 => 1,
            9.. => 9,
            level => level,
        };
        self
    }

    /// Messages of less bytes are not compressed. Default: 128.
    pub const fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// What this end offers, as a client: it lets the server choose how far back it refers itself.
    pub(crate) const fn offer(&self) -> Deflate {
        match self.window_bits {
            0 | 15 => self.wish().client_max_window_bits(15),
            _ => self.wish(),
        }
    }

    /// What this end can do.
    const fn wish(&self) -> Deflate {
        match self.window_bits {
            0 => Deflate::new().server_no_context_takeover().client_no_context_takeover(),
            15 => Deflate::new(),
            bits => Deflate::new().server_max_window_bits(bits).client_max_window_bits(bits),
        }
    }

    /// Chooses among a client's offers, as a server.
    pub(crate) fn accept<'h>(
        &self,
        offers: impl Iterator<Item = Result<Extension<'h>, MalformedExtension>> + Clone,
    ) -> Option<Deflate> {
        let wish = self.wish();
        // A client that cannot be limited is to send each message by itself.
        let other = Deflate::new()
            .server_max_window_bits(wish.server().window_bits)
            .client_no_context_takeover();
        wish.accept(offers.clone()).or_else(|| other.accept(offers))
    }

    /// What is agreed on, as the server sees it.
    pub(crate) const fn of_server(&self, agreed: Deflate) -> Agreement {
        self.agreement(agreed.server(), agreed.client())
    }

    /// What is agreed on, as the client sees it.
    pub(crate) const fn of_client(&self, agreed: Deflate) -> Agreement {
        self.agreement(agreed.client(), agreed.server())
    }

    const fn agreement(&self, sent: Direction, received: Direction) -> Agreement {
        Agreement { sent, received, level: self.level, threshold: self.threshold }
    }
}

/// Counts what compression has made of messages, in bytes; those that went as they were do not count. What is
/// compressed once for many counts once.
///
/// ```
/// # fn show(hub: &wirelet_host::Hub) {
/// let compressed = hub.totals().compressed;
/// println!("{} bytes became {}", compressed.sent_before, compressed.sent_after);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg(feature = "server")]
pub struct Compressed {
    /// Of messages that were compressed here, before that.
    pub sent_before: u64,
    /// Of the same, when they left.
    pub sent_after: u64,
    /// Of messages that were compressed by peers, as they came.
    pub received_before: u64,
    /// Of the same, when that was undone.
    pub received_after: u64,
}

/// The sums, from any thread.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    sent: [AtomicU64; 2],
    received: [AtomicU64; 2],
}

impl Counters {
    pub(crate) fn count_sent(&self, before: usize, after: usize) {
        count(&self.sent, before, after);
    }

    pub(crate) fn count_received(&self, before: usize, after: usize) {
        count(&self.received, before, after);
    }

    #[cfg(feature = "server")]
    pub(crate) fn read(&self) -> Compressed {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let ([sent_before, sent_after], [received_before, received_after]) =
            (self.sent.each_ref().map(read), self.received.each_ref().map(read));
        Compressed { sent_before, sent_after, received_before, received_after }
    }
}

fn count(counters: &[AtomicU64; 2], before: usize, after: usize) {
    for (counter, n) in counters.iter().zip([before, after]) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }
}

/// What two ends have agreed on, as one of them sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreement {
    pub(crate) sent: Direction,
    pub(crate) received: Direction,
    pub(crate) level: u8,
    /// Messages of less bytes go as they are.
    pub(crate) threshold: usize,
}
