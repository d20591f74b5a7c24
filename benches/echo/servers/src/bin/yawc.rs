//! yawc with its check of UTF-8 switched on, room for 1 MiB and the buffers of its own benchmarks, one flush a
//! message; with `--batch`, one flush for all that is there; with `--default-buffers`, those that it has by
//! itself.

use std::convert::Infallible;

use echo_servers::{Batch, BoxError, echo};
use futures_util::StreamExt as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use yawc::{Frame, OpCode, Options, WebSocket};

fn main() -> std::io::Result<()> {
    let batch = Batch::from_args();
    let mut options = Options::default().with_utf8().with_limits(16 * MIB, 32 * MIB);
    if !std::env::args().any(|arg| arg == "--default-buffers") {
        options = options.with_read_buffer_capacity(128 * KIB).with_backpressure_boundary(64 * KIB);
    }
    echo_servers::run(move |stream| {
        let options = options.clone();
        let service = service_fn(move |request| {
            let options = options.clone();
            async move {
                let (response, upgrade) =
                    WebSocket::upgrade_with_options(request, options).expect("an upgrade request");
                tokio::spawn(async move {
                    let result = async {
                        let is_data =
                            |frame: &Frame| matches!(frame.opcode(), OpCode::Text | OpCode::Binary);
                        echo(upgrade.await?.map(Ok), batch, is_data).await
                    };
                    if let Err::<(), BoxError>(error) = result.await {
                        eprintln!("{error}");
                    }
                });
                Ok::<_, Infallible>(response)
            }
        });
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades()
    })
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
