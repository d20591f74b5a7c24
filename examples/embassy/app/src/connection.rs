//! One client, from its request to the end; over any async socket.

use core::time::Duration;

use embassy_time::{Instant, with_timeout};
use embedded_io_async::{Read, Write};
use wirelet::asynch::WebSocket;
use wirelet::handshake::{Acceptance, Refusal, Status as HttpStatus};
use wirelet::{Action, Buffers, Error, Flush, Keepalive, Received, Server};

use crate::{
    Failure, HANDSHAKE_TIME, PING_INTERVAL, PONG_TIME, Place, SEND_TIME, Served, Status, page,
};

/// Serves one client: a page, or a WebSocket that echoes until the client closes it.
///
/// Everything that waits for the client has a time limit. The caller closes the socket.
///
/// # Errors
///
/// [`Failure`]; what the protocol wants to be sent then, has been sent.
pub async fn serve<S: Read + Write>(
    socket: S,
    buffers: Buffers<'_>,
    status: &Status,
) -> Result<Served, Failure<S::Error>> {
    // embassy-net sends by itself, and its flush waits for the client's ACK.
    let mut ws = WebSocket::new(socket, Server, buffers).with_flush(Flush::Manual);
    match with_timeout(timer_duration(HANDSHAKE_TIME), open(&mut ws, status)).await {
        Ok(Ok(Opened::WebSocket(place))) => echo(&mut ws, &place).await,
        Ok(Ok(Opened::Answered(served))) => Ok(served),
        Ok(Err(error)) => Err(error.into()),
        Err(_elapsed) => Err(Failure::SlowHandshake),
    }
}

enum Opened<'s> {
    WebSocket(Place<'s>),
    Answered(Served),
}

/// Reads the request and answers it.
async fn open<'s, S: Read + Write>(
    ws: &mut WebSocket<'_, S, Server>,
    status: &'s Status,
) -> Result<Opened<'s>, Error<S::Error>> {
    let request = ws.request().await?;
    let refusal = match (request.method(), request.path()) {
        _ if request.is_upgrade() => match status.take_place() {
            Some(place) => {
                // The page of this board, and programs; not the pages of other hosts.
                ws.accept(&Acceptance::new()).await?;
                place.opened();
                return Ok(Opened::WebSocket(place));
            }
            None => Refusal::new(HttpStatus::SERVICE_UNAVAILABLE)
                .headers(&[("Retry-After", "10")])
                .body(b"all WebSockets are taken\n"),
        },
        ("GET", "/") => {
            page::send_page(ws.socket_mut()).await?;
            status.page_served();
            return Ok(Opened::Answered(Served::Page));
        }
        ("GET", "/status") => {
            page::send_counters(ws.socket_mut(), &status.counters()).await?;
            return Ok(Opened::Answered(Served::Page));
        }
        (_, "/" | "/status") => Refusal::new(HttpStatus::METHOD_NOT_ALLOWED),
        _ => Refusal::new(HttpStatus::NOT_FOUND),
    };
    ws.refuse(&refusal).await?;
    Ok(Opened::Answered(Served::Refusal))
}

/// Sends back each chunk as it comes, and sees to it that silence comes to an end.
async fn echo<S: Read + Write>(
    ws: &mut WebSocket<'_, S, Server>,
    place: &Place<'_>,
) -> Result<Served, Failure<S::Error>> {
    let mut keepalive = Keepalive::new(PING_INTERVAL, PONG_TIME, now());
    loop {
        // Each byte counts, also of a frame that is not whole yet.
        keepalive.progress(ws.bytes_received(), now());
        let silence = match keepalive.poll(now()) {
            Action::Wait(silence) => timer_duration(silence),
            Action::Ping => {
                in_time(ws.sender().ping(b"")).await?;
                continue;
            }
            Action::Disconnect => return Err(Failure::Silence),
        };
        // When the time is up, the future of `receive_chunk` is dropped half-way, perhaps inside a
        // frame; it is cancel-safe, so the next one goes on with the very next byte.
        let Ok(received) = with_timeout(silence, ws.receive_chunk()).await else { continue };
        match received? {
            (Received::Data(chunk), sender) => {
                in_time(sender.send(chunk)).await?;
                place.echoed(chunk.as_bytes().len(), chunk.is_last());
            }
            (Received::Ping(_) | Received::Pong(_), _) => {} // pings are answered already
            (Received::Close(_), _) => {
                in_time(ws.finish()).await?;
                return Ok(Served::WebSocket);
            }
        }
    }
}

/// Gives a client [`SEND_TIME`] to take what is sent.
///
/// Dropping a send is safe, too: what is queued leaves with the next call, and a frame that is cut
/// can be gone on with. Here there is no next call.
async fn in_time<E>(send: impl Future<Output = Result<(), Error<E>>>) -> Result<(), Failure<E>> {
    match with_timeout(timer_duration(SEND_TIME), send).await {
        Ok(result) => Ok(result?),
        Err(_elapsed) => Err(Failure::SlowReader),
    }
}

fn now() -> Duration {
    Duration::from_micros(Instant::now().as_micros())
}

/// Converts to embassy's own type; what is too long for it becomes its longest.
pub(crate) fn timer_duration(duration: Duration) -> embassy_time::Duration {
    duration.try_into().unwrap_or(embassy_time::Duration::MAX)
}
