//! One client, from its request to the end; over any async socket.

use core::time::Duration;

use embassy_futures::select::{Either, select};
use embassy_time::{Instant, Timer, with_timeout};
use embedded_io_async::{Read, Write};
use wirelet::asynch::{Pending, WebSocket};
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
    mut socket: S,
    buffers: Buffers<'_>,
    status: &Status,
) -> Result<Served, Failure<S::Error>> {
    let opening = with_timeout(timer_duration(HANDSHAKE_TIME), open(&mut socket, buffers, status));
    match opening.await {
        Ok(Ok(Opened::WebSocket(ws, place))) => echo(ws, &place).await,
        Ok(Ok(Opened::Answered(served))) => Ok(served),
        Ok(Err(error)) => Err(error.into()),
        Err(_elapsed) => Err(Failure::SlowHandshake),
    }
}

#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
enum Opened<'b, 's, S> {
    WebSocket(WebSocket<'b, S, Server>, Place<'s>),
    Answered(Served),
}

/// Reads the request and answers it.
async fn open<'b, 's, S: Read + Write>(
    socket: S,
    buffers: Buffers<'b>,
    status: &'s Status,
) -> Result<Opened<'b, 's, S>, Error<S::Error>> {
    let pending = Pending::read(socket, buffers).await?;
    let request = pending.request()?;
    if request.is_upgrade() {
        let Some(place) = status.take_place() else {
            let full = Refusal::new(HttpStatus::SERVICE_UNAVAILABLE)
                .headers(&[("Retry-After", "10")])
                .body(b"all WebSockets are taken\n");
            pending.refuse(&full).await?;
            return Ok(Opened::Answered(Served::Refusal));
        };
        let ws = pending.accept(&Acceptance::new()).await?;
        place.opened();
        // embassy-net sends by itself, and its flush waits for the client's ACK.
        return Ok(Opened::WebSocket(ws.with_flush(Flush::Manual), place));
    }
    let refusal = match (request.method(), request.path()) {
        ("GET", "/") => {
            page::send_page(pending.into_socket()).await?;
            status.page_served();
            return Ok(Opened::Answered(Served::Page));
        }
        ("GET", "/status") => {
            page::send_counters(pending.into_socket(), &status.counters()).await?;
            return Ok(Opened::Answered(Served::Page));
        }
        (_, "/" | "/status") => Refusal::new(HttpStatus::METHOD_NOT_ALLOWED),
        _ => Refusal::new(HttpStatus::NOT_FOUND),
    };
    pending.refuse(&refusal).await?;
    Ok(Opened::Answered(Served::Refusal))
}

/// Sends back each chunk as it comes, and sees to it that silence comes to an end.
async fn echo<S: Read + Write>(
    mut ws: WebSocket<'_, S, Server>,
    place: &Place<'_>,
) -> Result<Served, Failure<S::Error>> {
    let mut keepalive = Keepalive::new(PING_INTERVAL, PONG_TIME, now());
    loop {
        let silence = Timer::after(timer_duration(keepalive.remaining(now())));
        // When the timer wins, the future of `receive_chunk` is dropped half-way, perhaps inside a
        // frame; it is cancel-safe, so the next one goes on with the very next byte.
        match select(ws.receive_chunk(), silence).await {
            Either::First(received) => {
                keepalive.heard(now());
                match received? {
                    (Received::Data(chunk), sender) => {
                        in_time(sender.send(chunk)).await?;
                        place.echoed(chunk.as_bytes().len(), chunk.is_last());
                    }
                    (Received::Ping(_) | Received::Pong(_), _) => {} // pings are answered already
                    (Received::Close(_), _) => return Ok(Served::WebSocket), // so is the close
                }
            }
            Either::Second(()) => match keepalive.poll(now()) {
                Action::Ping => in_time(ws.sender().ping(b"")).await?,
                Action::Disconnect => return Err(Failure::Silence),
                Action::Wait(_) => {}
            },
        }
    }
}

/// Gives a client [`SEND_TIME`] to take what is sent.
///
/// Dropping a send is safe, too: it leaves the frame whole, or says at the next use that it is cut.
/// Here there is no next use.
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
