//! A proxy before a WebSocket server: `proxy ADDR:PORT URL`.
//!
//! It passes on messages, pings, and the codes and reasons of closes.

use std::error::Error;

use tokio::net::TcpListener;
use wirelet::CloseCode;
use wirelet_host::{
    Client, ClientError, Connection, ConnectionError, OwnedMessage, ReceiveHalf, SendHalf,
};

#[path = "common/serve.rs"]
mod serving;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [addr, url] = args.as_slice() else { return Err("usage: proxy ADDR:PORT URL".into()) };
    let listener = TcpListener::bind(addr).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    let url = url.clone();
    let talk = move |client| {
        let url = url.clone();
        async move { talk(client, &url).await }
    };
    Ok(serving::serve(listener, talk).await?)
}

/// Connects to the server behind, and passes on what comes, both ways, to the end of both.
async fn talk(mut client: Connection, server: &str) -> Result<(), ClientError> {
    let server = match Client::connect(server).await {
        Ok(server) => server.into_connection(),
        Err(error) => {
            client.close(CloseCode::BAD_GATEWAY).await?;
            client.finish().await?;
            return Err(error);
        }
    };
    let (to_client, from_client) = client.split();
    let (to_server, from_server) = server.split();
    let (up, down) = tokio::join!(pass(from_client, to_server), pass(from_server, to_client));
    Ok(up.and(down)?)
}

/// Passes on one direction: messages, pings, and at the end the code and the reason of the close.
async fn pass(mut from: ReceiveHalf, mut to: SendHalf) -> Result<(), ConnectionError> {
    let mut result = Ok(());
    while let Some(received) = from.receive().await {
        let message = match received {
            // Pings were answered where they came in, and passed on.
            Ok(OwnedMessage::Pong(_)) => continue,
            Ok(message) => message,
            Err(error) => {
                result = Err(error);
                OwnedMessage::from(CloseCode::GOING_AWAY)
            }
        };
        // When nothing more can be sent, this goes on to the end of `from`.
        let _ = to.send(message).await;
    }
    result
}
