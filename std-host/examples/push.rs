//! Pushes the newest of values that change a thousand times a second: `push ADDR:PORT`.
//!
//! A client that reads slowly gets fewer of them.

use std::error::Error;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use wirelet::CloseCode;
use wirelet_host::{Connection, ConnectionError, ReceiveHalf, SendHalf};

#[path = "common/serve.rs"]
mod serving;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let addr = std::env::args().nth(1).ok_or("usage: push ADDR:PORT")?;
    let listener = TcpListener::bind(addr).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    let (change, prices) = watch::channel(0);
    tokio::spawn(async move {
        for price in 1.. {
            change.send_replace(price);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let talk = move |connection| talk(connection, prices.clone());
    Ok(serving::serve(listener, talk).await?)
}

/// Sends the newest price whenever the client has read those before, until it leaves.
async fn talk(connection: Connection, prices: watch::Receiver<u64>) -> Result<(), ConnectionError> {
    let (send, receive) = connection.split();
    tokio::select! {
        result = push(send, prices) => result,
        result = listen(receive) => result,
    }
}

async fn push(mut send: SendHalf, mut prices: watch::Receiver<u64>) -> Result<(), ConnectionError> {
    while prices.changed().await.is_ok() {
        let price = *prices.borrow_and_update();
        send.send(format!("{price}")).await?;
        // Until the system has taken it there may be a newer one.
        send.flush().await?;
    }
    send.close(CloseCode::GOING_AWAY).await
}

/// Receives to the end: this sees the close, and answers pings.
async fn listen(mut receive: ReceiveHalf) -> Result<(), ConnectionError> {
    while let Some(message) = receive.receive().await {
        message?;
    }
    Ok(())
}
