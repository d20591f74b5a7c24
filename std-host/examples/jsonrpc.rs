//! JSON-RPC 2.0 whose answers come in the order of the requests: `jsonrpc ADDR:PORT`.
//!
//! The methods are `add`, of numbers, and `sleep`, of milliseconds.

use std::error::Error;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wirelet_host::{Connection, ConnectionError, OwnedMessage};

#[path = "common/serve.rs"]
mod serving;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let addr = std::env::args().nth(1).ok_or("usage: jsonrpc ADDR:PORT")?;
    let listener = TcpListener::bind(addr).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    Ok(serving::serve(listener, talk).await?)
}

/// Works at 16 requests at once; answers leave in the order of the requests.
async fn talk(connection: Connection) -> Result<(), ConnectionError> {
    let (send, receive) = connection.split();
    receive
        .try_filter_map(async |message| Ok(message.as_text().map(str::to_owned)))
        .map_ok(async |request| Ok(OwnedMessage::from(answer(&request).await)))
        .try_buffered(16)
        .forward(send)
        .await
}

/// Answers one request, however long that takes.
async fn answer(request: &str) -> String {
    let failure = |code: i32, message: &str| json!({ "code": code, "message": message });
    let Ok(request) = serde_json::from_str::<Value>(request) else {
        let error = failure(-32_700, "Parse error");
        return json!({ "jsonrpc": "2.0", "error": error, "id": null }).to_string();
    };
    let id = &request["id"];
    let numbers = request["params"].as_array().into_iter().flatten().filter_map(Value::as_i64);
    match request["method"].as_str() {
        Some("add") => json!({ "jsonrpc": "2.0", "result": numbers.sum::<i64>(), "id": id }),
        Some("sleep") => {
            let ms = numbers.sum::<i64>().clamp(0, 10_000).unsigned_abs();
            tokio::time::sleep(Duration::from_millis(ms)).await;
            json!({ "jsonrpc": "2.0", "result": ms, "id": id })
        }
        _ => {
            let error = failure(-32_601, "Method not found");
            json!({ "jsonrpc": "2.0", "error": error, "id": id })
        }
    }
    .to_string()
}
