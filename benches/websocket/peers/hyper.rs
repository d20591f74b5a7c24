//! What the libraries need whose handshakes are those of hyper.

use std::cell::RefCell;
use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::runtime::{Builder, Runtime};

use crate::contender::run;
use crate::wire::Wire;

/// Serves one request by `upgrade`, and returns what becomes of its connection.
pub(crate) fn accept<U, F: Future>(wire: Wire, upgrade: U) -> F::Output
where
    U: Fn(&mut Request<Incoming>) -> (Response<Empty<Bytes>>, F),
{
    let upgraded = RefCell::new(None);
    let service = service_fn(|mut request| {
        let (response, socket) = upgrade(&mut request);
        upgraded.replace(Some(socket));
        async { Ok::<_, Infallible>(response) }
    });
    let http = hyper::server::conn::http1::Builder::new();
    run(http.serve_connection(TokioIo::new(wire), service).with_upgrades()).expect("one request");
    run(upgraded.take().expect("one request"))
}

/// Spawns on the runtime that [`block_on`] runs.
#[derive(Debug)]
pub(crate) struct Spawn;

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Spawn {
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

/// Runs a future that needs the tasks it spawns.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
