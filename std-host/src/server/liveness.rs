//! Whether the threads of a server go on.

use std::fmt;
use std::sync::Arc;

use crate::hub::wake::WakeQueue;

/// Tells whether all threads of a running [`Server`](crate::Server) go on: for a watchdog, which ends a program
/// that hangs. [`Server::liveness`](crate::Server::liveness) gives it.
///
/// ```
/// use wirelet_host::{Echo, Server};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let server = Server::bind("127.0.0.1:0", Echo).await?;
/// let liveness = server.liveness();
/// let running = tokio::spawn(server.run());
///
/// liveness.check().await; // then tell the watchdog, and check again later
/// # running.abort();
/// # Ok::<(), std::io::Error>(())
/// # });
/// ```
#[derive(Clone)]
pub struct Liveness {
    queues: Arc<[Arc<WakeQueue>]>,
}

impl Liveness {
    pub(crate) fn new(queues: impl Iterator<Item = Arc<WakeQueue>>) -> Self {
        Self { queues: queues.collect() }
    }

    /// Waits until each thread has been through its connections once more. While the handler of one blocks, or
    /// when one has ended, this does not return. May be dropped at any time.
    pub async fn check(&self) {
        // All at once, so that it takes as long as the slowest.
        let asked: Vec<_> = self.queues.iter().map(|queue| queue.ask()).collect();
        for sign in asked {
            if sign.await.is_err() {
                // It has ended in the midst of a round.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl fmt::Debug for Liveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Liveness").field("threads", &self.queues.len()).finish_non_exhaustive()
    }
}
