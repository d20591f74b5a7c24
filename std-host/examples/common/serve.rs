// Serves WebSockets, each by a future: what the programs here and the pages of the guide have in common.
// No `//!`, because the pages include it.

use std::convert::Infallible;
use std::error::Error;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use wirelet_host::{Builder, Connection, Echo, Service};

/// Accepts connections without end, and calls `talk` for each.
pub(crate) async fn serve<F, E>(
    listener: TcpListener,
    talk: impl Fn(Connection) -> F + Clone + Send + Sync + 'static,
) -> std::io::Result<()>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    // Of a handler, only what it says to requests counts here.
    let service = Builder::new().service(Echo);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (service, talk) = (service.clone(), talk.clone());
        let answer = service_fn(move |request| answer(service.clone(), request, talk.clone()));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        tokio::spawn(connection.with_upgrades());
    }
}

async fn answer<F, E>(
    service: Service<Echo>,
    mut request: hyper::Request<hyper::body::Incoming>,
    talk: impl Fn(Connection) -> F + Send + 'static,
) -> Result<hyper::Response<Body>, Infallible>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let upgraded = hyper::upgrade::on(&mut request);
    Ok(match service.answer(&request, None).await {
        Ok((response, upgrade)) => {
            tokio::spawn(async move {
                let Ok(stream) = upgraded.await else { return };
                if let Err(error) = talk(upgrade.connection(TokioIo::new(stream))).await {
                    eprintln!("{}", error.into());
                }
            });
            response.map(|()| Body::empty())
        }
        Err(refusal) => refusal.map(|body| Body::from(body.into_owned())),
    })
}
