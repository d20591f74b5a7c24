//! The opening handshake on a socket: reading the head, within its limits, and answering it.

use std::io;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use wirelet::handshake::{Acceptance, HeadScanner, Refusal, Request, RequestError, Status};

use crate::scratch;

/// What the client asked for, and the response that accepts it.
pub(crate) struct Accepted {
    pub(crate) path: String,
    pub(crate) response: Vec<u8>,
    /// Frames that came together with the request.
    pub(crate) early: Vec<u8>,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The client was told this status.
    Refused(Status, String),
    Eof,
    Io(io::Error),
}

/// Reads a request whose head has at most `head_bytes`; refuses what is no handshake, and all if
/// `full`.
pub(crate) async fn accept(
    stream: &mut TcpStream,
    head_bytes: usize,
    full: bool,
) -> Result<Accepted, Failed> {
    let (mut received, head_len) = match read_head(stream, head_bytes).await {
        Ok(head) => head,
        Err(HeadError::Invalid(error)) => {
            return refuse(stream, error.status(), &error.to_string()).await;
        }
        Err(HeadError::Eof) => return Err(Failed::Eof),
        Err(HeadError::Io(error)) => return Err(Failed::Io(error)),
    };
    if full {
        return refuse(stream, Status::SERVICE_UNAVAILABLE, "too many connections").await;
    }
    let early = received.split_off(head_len);
    match answer(&received) {
        Ok((path, response)) => Ok(Accepted { path, response, early }),
        Err(error) => refuse(stream, error.status(), &error.to_string()).await,
    }
}

/// Checks a request; returns its path and the response.
fn answer(head: &[u8]) -> Result<(String, Vec<u8>), RequestError> {
    let request = Request::parse(head)?;
    let upgrade = request.upgrade()?;
    let mut response = vec![0; 256];
    // An acceptance without fields of ours has 129 bytes.
    let n = upgrade.accept(&Acceptance::default(), &mut response).unwrap_or_default();
    response.truncate(n);
    Ok((request.path().to_owned(), response))
}

/// Why there is no head.
#[derive(Debug)]
pub(crate) enum HeadError {
    Invalid(RequestError),
    Eof,
    Io(io::Error),
}

/// Reads until a head of at most `limit` bytes is whole; returns what was received and the length
/// of the head.
pub(crate) async fn read_head(
    stream: &TcpStream,
    limit: usize,
) -> Result<(Vec<u8>, usize), HeadError> {
    let mut received = Vec::new();
    let mut scanner = HeadScanner::new();
    loop {
        stream.readable().await.map_err(HeadError::Io)?;
        let read = scratch::with(|scratch| {
            let n = stream.try_read(&mut scratch.input)?;
            received.extend_from_slice(&scratch.input[..n]);
            Ok(n)
        });
        match read {
            Ok(0) => return Err(HeadError::Eof),
            Ok(_) => {}
            Err(error) if is_temporary(&error) => continue,
            Err(error) => return Err(HeadError::Io(error)),
        }
        match scanner.scan(&received).map_err(HeadError::Invalid)? {
            Some(head_len) if head_len <= limit => return Ok((received, head_len)),
            None if received.len() <= limit => {}
            _ => return Err(HeadError::Invalid(RequestError::HeadTooLong)),
        }
    }
}

/// Tells the client why not.
async fn refuse<T>(stream: &mut TcpStream, status: Status, why: &str) -> Result<T, Failed> {
    let body = format!("{why}\n");
    let refusal = Refusal { body: &body, ..Refusal::new(status) };
    let mut response = [0; 512];
    let n = refusal.encode(&mut response).unwrap_or_default();
    stream.write_all(&response[..n]).await.map_err(Failed::Io)?;
    Err(Failed::Refused(status, why.to_owned()))
}

/// The socket has nothing for us now, and may have later.
pub(crate) fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
