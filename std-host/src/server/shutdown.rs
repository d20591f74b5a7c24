//! What ends a server, at once or little by little.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use wirelet::CloseCode;

use crate::hub::Hub;
use crate::server::count::ConnectionCount;

/// Ends a running [`Server`](crate::Server) or [`Service`](crate::Service), from any thread.
///
/// ```
/// # fn stop(shutdown: &wirelet_host::Shutdown) {
/// shutdown.begin();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Shutdown {
    inner: Arc<Inner>,
    hub: Hub,
}

#[derive(Debug)]
struct Inner {
    stage: watch::Sender<Stage>,
    count: Arc<ConnectionCount>,
    /// Connections outside of the hub that were told when to close.
    n_told: AtomicU32,
}

/// Says how a server goes away little by little, so that its clients do not all come to another at the
/// same moment; see [`Shutdown::drain`].
///
/// ```
/// use std::time::Duration;
/// use wirelet_host::Drain;
///
/// let drain = Drain { time: Duration::from_secs(30), ..Drain::default() };
/// assert_eq!(drain.delay, Duration::ZERO);
/// assert_eq!(drain.code.get(), 1001);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// For so long the server accepts as before, but is not [ready](Shutdown::is_ready): whoever shares
    /// connections out learns that it shall have no others. Default: 0.
    pub delay: Duration,
    /// Over so long the closes of all connections are spread evenly. Default: 0, all at once.
    pub time: Duration,
    /// What they are closed with. Default: 1001, [`CloseCode::GOING_AWAY`];
    /// [`CloseCode::SERVICE_RESTART`] asks clients to come again.
    pub code: CloseCode,
}

impl Default for Drain {
    fn default() -> Self {
        Self { delay: Duration::ZERO, time: Duration::ZERO, code: CloseCode::GOING_AWAY }
    }
}

/// How far a server has gone away.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Serving,
    /// It accepts, and will close with this code.
    Unready(CloseCode),
    /// It accepts nothing more, and closes one connection after the other.
    Draining {
        since: Instant,
        time: Duration,
        code: CloseCode,
    },
    /// All are closed.
    Ending(CloseCode),
}

impl Stage {
    /// Goes over to a later stage, and not back.
    fn advance(&mut self, next: Self) -> bool {
        let is_later = next.number() > self.number();
        if is_later {
            *self = next;
        }
        is_later
    }

    const fn number(self) -> u8 {
        match self {
            Self::Serving => 0,
            Self::Unready(_) => 1,
            Self::Draining { .. } => 2,
            Self::Ending(_) => 3,
        }
    }

    const fn code(self) -> Option<CloseCode> {
        match self {
            Self::Serving => None,
            Self::Unready(code) | Self::Draining { code, .. } | Self::Ending(code) => Some(code),
        }
    }
}

impl Shutdown {
    pub(crate) fn new(hub: Hub, count: Arc<ConnectionCount>) -> Self {
        let (stage, _) = watch::channel(Stage::Serving);
        Self { inner: Arc::new(Inner { stage, count, n_told: AtomicU32::new(0) }), hub }
    }

    /// Closes all connections with 1001, or with the code of a drain that has begun, behind what was sent
    /// to them before. A server drops those that have not sent their request yet, and lets
    /// [`Server::run`](crate::Server::run) return when all have ended, at the latest after
    /// [`Limits::close_limit`](crate::Limits::close_limit) and a second.
    pub fn begin(&self) {
        let code = self.stage().code().unwrap_or(CloseCode::GOING_AWAY);
        self.advance(Stage::Ending(code));
        self.hub.close_all(code);
    }

    /// Goes away little by little: is not ready for [`Drain::delay`], then accepts nothing more and closes
    /// one connection after the other over [`Drain::time`], and [begins](Self::begin) behind that. A server
    /// whose connections have all ended does not wait for the rest of the time.
    ///
    /// Returns when all are told to close; [`Server::run`](crate::Server::run) and
    /// [`Service::ended`](crate::Service::ended) return when they have. If dropped, it stands still where it
    /// is; [`begin`](Self::begin) ends it at any time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use wirelet_host::wirelet::CloseCode;
    /// use wirelet_host::{Drain, Echo, Server};
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let server = Server::bind("127.0.0.1:0", Echo).await?;
    /// let shutdown = server.shutdown();
    /// let running = tokio::spawn(server.run());
    ///
    /// let drain = Drain {
    ///     delay: Duration::from_millis(10), // at a load balancer rather 10 s
    ///     time: Duration::from_secs(30),
    ///     code: CloseCode::SERVICE_RESTART,
    /// };
    /// shutdown.drain(drain).await;
    /// running.await.unwrap()?;
    /// # Ok::<(), std::io::Error>(())
    /// # });
    /// ```
    pub async fn drain(&self, drain: Drain) {
        let Drain { delay, time, code } = drain;
        self.advance(Stage::Unready(code));
        if timeout(delay, self.begun()).await.is_ok() {
            return;
        }
        self.advance(Stage::Draining { since: Instant::now(), time, code });
        tokio::select! {
            () = self.spread(time, code) => self.begin(),
            () = self.begun() => {}
        }
    }

    /// Tells whether no shutdown and no drain has begun; what a load balancer should be told.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.stage(), Stage::Serving)
    }

    /// Closes what is open, evenly over this time, which ends early with the last connection.
    async fn spread(&self, time: Duration, code: CloseCode) {
        self.hub.turn_away(code);
        let ids: Vec<_> = self.hub.connections().iter().map(|peer| peer.id()).collect();
        let (began, mut n_closed) = (Instant::now(), 0);
        let mut none_left = pin!(self.inner.count.none_left());
        loop {
            let elapsed = began.elapsed();
            let n_due = n_due(ids.len(), elapsed, time);
            for id in &ids[n_closed..n_due] {
                // It may have ended meanwhile.
                let _ = self.hub.close(*id, code);
            }
            n_closed = n_due;
            let Some(rest) = time.checked_sub(elapsed).filter(|rest| !rest.is_zero()) else {
                break;
            };
            let step = if n_due < ids.len() { rest.min(STEP) } else { rest };
            tokio::select! {
                () = sleep(step) => {}
                () = &mut none_left => break,
            }
        }
    }

    /// Waits until nothing more is accepted.
    pub(crate) async fn draining(&self) {
        let mut stage = self.inner.stage.subscribe();
        let is_draining =
            |stage: &Stage| matches!(stage, Stage::Draining { .. } | Stage::Ending(_));
        let _ = stage.wait_for(is_draining).await;
    }

    /// Waits until it begins.
    pub(crate) async fn begun(&self) {
        let mut stage = self.inner.stage.subscribe();
        let _ = stage.wait_for(|stage| matches!(stage, Stage::Ending(_))).await;
    }

    /// Waits until a connection outside of the hub shall close, in a drain each at another time.
    pub(crate) async fn going_away(self) -> CloseCode {
        self.draining().await;
        if let Stage::Draining { since, time, .. } = self.stage() {
            // The fractional parts of the golden ratio's multiples spread however many there are.
            let n = self.inner.n_told.fetch_add(1, Ordering::Relaxed);
            let share = f64::from(n.wrapping_mul(0x9e37_79b9)) / f64::from(u32::MAX);
            let at = Duration::try_from_secs_f64(time.as_secs_f64() * share).unwrap_or(time);
            let _ = timeout(at.saturating_sub(since.elapsed()), self.begun()).await;
        }
        self.stage().code().unwrap_or(CloseCode::GOING_AWAY)
    }

    fn stage(&self) -> Stage {
        *self.inner.stage.borrow()
    }

    fn advance(&self, next: Stage) {
        self.inner.stage.send_if_modified(|stage| stage.advance(next));
    }
}

/// How many of all shall have been told to close after this part of the time.
fn n_due(n: usize, elapsed: Duration, time: Duration) -> usize {
    if elapsed >= time {
        return n;
    }
    let n_before = n as u128 * elapsed.as_nanos() / time.as_nanos();
    // The first at the beginning.
    usize::try_from(n_before).map_or(n, |n_before| n.min(n_before + 1))
}

/// How long a step of the spreading takes.
const STEP: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closes_are_spread_evenly_from_the_beginning_to_the_end() {
        let due = |ms| n_due(1000, Duration::from_millis(ms), Duration::from_secs(10));
        assert_eq!([0, 1, 10, 20, 5000, 9990, 9999].map(due), [1, 1, 2, 3, 501, 1000, 1000]);
        assert_eq!(due(10_000), 1000);
        assert_eq!(n_due(0, Duration::ZERO, Duration::from_secs(1)), 0);
        assert_eq!(n_due(7, Duration::ZERO, Duration::ZERO), 7);
    }

    #[test]
    fn a_stage_does_not_go_back() {
        let mut stage = Stage::Serving;
        assert!(stage.advance(Stage::Ending(CloseCode::GOING_AWAY)));
        assert!(!stage.advance(Stage::Unready(CloseCode::SERVICE_RESTART)));
        assert_eq!(stage.code(), Some(CloseCode::GOING_AWAY));
    }
}
