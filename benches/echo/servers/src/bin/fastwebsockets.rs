//! fastwebsockets, as its example of an echo server.

use std::convert::Infallible;

use echo_servers::BoxError;
use fastwebsockets::{FragmentCollector, OpCode, upgrade};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

fn main() -> std::io::Result<()> {
    echo_servers::run(|stream| {
        let service = service_fn(|mut request| async move {
            let (response, upgrade) = upgrade::upgrade(&mut request).expect("an upgrade request");
            tokio::spawn(async move {
                if let Err(error) = echo(upgrade).await {
                    eprintln!("{error}");
                }
            });
            Ok::<_, Infallible>(response)
        });
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades()
    })
}

async fn echo(upgrade: upgrade::UpgradeFut) -> Result<(), BoxError> {
    let mut ws = FragmentCollector::new(upgrade.await?);
    loop {
        let frame = ws.read_frame().await?;
        match frame.opcode {
            OpCode::Text | OpCode::Binary => ws.write_frame(frame).await?,
            OpCode::Close => return Ok(()),
            OpCode::Continuation | OpCode::Ping | OpCode::Pong => {}
        }
    }
}
