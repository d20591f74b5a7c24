//! What the servers have in common: a port of the kernel's choice, one thread, `TCP_NODELAY`.

mod corked;

use std::fmt::Display;
use std::io;

use bytes::BytesMut;
use futures_util::{FutureExt as _, Sink, SinkExt as _, Stream, StreamExt as _};
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

pub use corked::Corked;

/// Serves each connection by a task of `serve`, all on one thread of tokio, and never returns unless
/// the server cannot start.
///
/// # Errors
///
/// If it cannot.
pub fn run<F, E>(serve: impl Fn(TcpStream) -> F) -> io::Result<()>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display,
{
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on ws://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let connection = serve(stream);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    eprintln!("{error}");
                }
            });
        }
    })
}

/// Answers the request for an upgrade, for the peers that leave it to others.
///
/// # Errors
///
/// If there is none.
pub async fn upgrade(stream: &mut TcpStream) -> Result<(), BoxError> {
    let mut head = BytesMut::new();
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err("the peer left before the end of its request".into());
        }
        if let Some((request, _)) = parse_request(&head)? {
            let response = build_response(&generate_accept_key(request.key), None, None);
            stream.write_all(&response).await?;
            return Ok(());
        }
    }
}

/// Any error of a connection.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// When to flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// After each message, as `send` of [`futures_util::Sink`] does.
    No,
    /// When no more messages are there, as `feed` and `flush` make possible, or a write buffer.
    Yes,
}

impl Batch {
    /// Takes `--batch` from the command line.
    #[must_use]
    pub fn from_args() -> Self {
        if std::env::args().any(|arg| arg == "--batch") { Self::Yes } else { Self::No }
    }
}

/// Sends back the messages that `is_data` lets through, until the peer closes.
///
/// # Errors
///
/// Whatever ends the connection otherwise.
pub async fn echo<W, M, E>(
    mut ws: W,
    batch: Batch,
    is_data: impl Fn(&M) -> bool,
) -> Result<(), BoxError>
where
    W: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin,
    E: Into<BoxError>,
{
    let mut messages = Vec::new();
    while let Some(message) = ws.next().await {
        messages.push(message.map_err(Into::into)?);
        // All are read before the first is sent: some libraries flush when they are asked for the next.
        while batch == Batch::Yes
            && messages.len() < MOST_AT_ONCE
            && let Some(Some(message)) = ws.next().now_or_never()
        {
            messages.push(message.map_err(Into::into)?);
        }
        messages.retain(&is_data);
        if messages.is_empty() {
            continue;
        }
        for message in messages.drain(..) {
            ws.feed(message).await.map_err(Into::into)?;
        }
        ws.flush().await.map_err(Into::into)?;
    }
    Ok(())
}

/// So many messages are held at most: what comes without an end is answered, too.
const MOST_AT_ONCE: usize = 64;
