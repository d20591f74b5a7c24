//! tokio-websockets. To read flushes, so that its user cannot batch.

use echo_servers::{Batch, echo};
use tokio_websockets::{Message, ServerBuilder};

fn main() -> std::io::Result<()> {
    echo_servers::run(|stream| async {
        let (_request, ws) = ServerBuilder::new().accept(stream).await?;
        echo(ws, Batch::No, |message: &Message| message.is_text() || message.is_binary()).await
    })
}
