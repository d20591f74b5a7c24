//! fastwebsockets, as its example of an echo server; with `--batch`, through a write buffer that is flushed
//! when nothing more has come.

use std::convert::Infallible;

use echo_servers::{Batch, BoxError, Corked};
use fastwebsockets::{FragmentCollector, OpCode, upgrade};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

fn main() -> std::io::Result<()> {
    match Batch::from_args() {
        Batch::No => echo_servers::run(serve),
        Batch::Yes => echo_servers::run(|stream| serve(Corked::new(stream))),
    }
}

async fn serve<S>(stream: S) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|mut request| async move {
        let (response, upgrade) = upgrade::upgrade(&mut request).expect("an upgrade request");
        tokio::spawn(async move {
            if let Err(error) = echo(upgrade).await {
                eprintln!("{error}");
            }
        });
        Ok::<_, Infallible>(response)
    });
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await
}

async fn echo(upgrade: upgrade::UpgradeFut) -> Result<(), BoxError> {
    let mut ws = FragmentCollector::new(upgrade.await?);
    loop {
        let frame = ws.read_frame().await?;
        match frame.opcode {
            OpCode::Text | OpCode::Binary => ws.write_frame(frame).await?,
            // Its answer is still in the write buffer, if there is one.
            OpCode::Close => return Ok(ws.into_inner().flush().await?),
            OpCode::Continuation | OpCode::Ping | OpCode::Pong => {}
        }
    }
}
