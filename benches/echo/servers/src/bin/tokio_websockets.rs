//! tokio-websockets, one flush a message; with `--batch`, one flush for all that is there, and no flush by
//! itself before 64 KiB.

use echo_servers::{Batch, Corked, echo};
use tokio_websockets::{Config, Message, ServerBuilder};

fn main() -> std::io::Result<()> {
    let batch = Batch::from_args();
    let config = match batch {
        Batch::No => Config::default(),
        Batch::Yes => Config::default().flush_threshold(Corked::CAPACITY),
    };
    echo_servers::run(move |stream| async move {
        let (_request, ws) = ServerBuilder::new().config(config).accept(stream).await?;
        echo(ws, batch, |message: &Message| message.is_text() || message.is_binary()).await
    })
}
