//! Looks something up for each message: `database ADDR:PORT`.
//!
//! Answers come in the order of the questions, though short names take the longest.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use wirelet_host::{Connection, ConnectionError, OwnedMessage};

#[path = "common/serve.rs"]
mod serving;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let addr = std::env::args().nth(1).ok_or("usage: database ADDR:PORT")?;
    let listener = TcpListener::bind(addr).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    let database = Database::new(20);
    let talk = move |connection| talk(connection, database.clone());
    Ok(serving::serve(listener, talk).await?)
}

/// Stands for a pool of connections to a database.
#[derive(Clone)]
struct Database {
    permits: Arc<Semaphore>,
}

impl Database {
    fn new(n_connections: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(n_connections)) }
    }

    /// Looks up how long a name is; short names take the longest.
    async fn look_up(&self, name: &str) -> usize {
        // It fails only if the semaphore was closed, which nobody does here.
        let _permit = self.permits.acquire().await;
        let ms = 50_u64.saturating_sub(10 * name.len() as u64);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        name.len()
    }
}

/// Has 8 look-ups under way at most; answers leave in the order of the questions.
async fn talk(connection: Connection, database: Database) -> Result<(), ConnectionError> {
    let (send, receive) = connection.split();
    receive
        .try_filter_map(async |message| Ok(message.as_text().map(str::to_owned)))
        .map_ok(async |name| {
            let len = database.look_up(&name).await;
            Ok(OwnedMessage::from(format!("{name}: {len}")))
        })
        .try_buffered(8)
        .forward(send)
        .await
}
