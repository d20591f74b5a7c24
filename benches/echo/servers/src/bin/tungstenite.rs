//! tokio-tungstenite, one flush a message; with `--batch`, one flush for all that is there.

use echo_servers::{Batch, echo};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

fn main() -> std::io::Result<()> {
    let batch = Batch::from_args();
    echo_servers::run(move |stream| async move {
        let ws = accept_async(stream).await?;
        echo(ws, batch, |message| matches!(message, Message::Text(_) | Message::Binary(_))).await
    })
}
