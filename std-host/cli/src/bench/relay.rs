//! Connections through proxies, opened as `connect` opens them.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread;

use mio::net::UnixStream;
use tokio::io::copy_bidirectional;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use wirelet_host::{Client, ClientOptions, Target};

/// A thread that opens connections, and passes bytes on between them and the load.
#[derive(Debug)]
pub(super) struct Relay {
    orders: UnboundedSender<std::os::unix::net::UnixStream>,
    failure: Arc<OnceLock<String>>,
}

impl Relay {
    /// Starts it, for connections to one server.
    pub(super) fn start(target: Target, options: ClientOptions) -> Result<Self, String> {
        let (orders, mut ordered) = unbounded_channel();
        let failure = Arc::<OnceLock<String>>::default();
        let explain = |error| format!("cannot go through a proxy: {error}");
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(explain)?;
        let relay = Self { orders, failure: Arc::clone(&failure) };
        let target = Arc::new((target, options));
        thread::spawn(move || {
            runtime.block_on(async {
                while let Some(near) = ordered.recv().await {
                    let (target, failure) = (Arc::clone(&target), Arc::clone(&failure));
                    tokio::spawn(async move { pass_on(near, &target, &failure).await });
                }
            });
        });
        Ok(relay)
    }

    /// Opens a connection; its stream ends if that fails.
    pub(super) fn open(&self) -> io::Result<UnixStream> {
        let (near, far) = UnixStream::pair()?;
        self.orders.send(far.into()).map_err(io::Error::other)?;
        Ok(near)
    }

    /// Why the first failed that did.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }
}

async fn pass_on(
    near: std::os::unix::net::UnixStream,
    (target, options): &(Target, ClientOptions),
    failure: &OnceLock<String>,
) {
    let reached = Client::reach(target, options).await.map_err(|error| error.to_string());
    // mio has made it one that does not block.
    let near = tokio::net::UnixStream::from_std(near).map_err(|error| error.to_string());
    match (reached, near) {
        // How it ends, the load sees.
        (Ok(mut far), Ok(mut near)) => drop(copy_bidirectional(&mut near, &mut far).await),
        // The first counts; it is told before the stream ends.
        (Err(why), _near) => drop(failure.set(why)),
        (_, Err(why)) => drop(failure.set(why)),
    }
}
