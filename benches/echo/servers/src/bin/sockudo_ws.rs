//! sockudo-ws, one flush a message; with `--batch`, one flush for all that is there.

use echo_servers::{Batch, echo, upgrade};
use sockudo_ws::{Config, Message, WebSocketStream};

fn main() -> std::io::Result<()> {
    let batch = Batch::from_args();
    echo_servers::run(move |mut stream| async move {
        upgrade(&mut stream).await?;
        let ws = WebSocketStream::server(stream, Config::default());
        echo(ws, batch, |message| matches!(message, Message::Text(_) | Message::Binary(_))).await
    })
}
