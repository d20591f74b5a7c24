//! One TCP socket, one client after the other.

use embassy_net::Stack;
use embassy_net::tcp::{Error, TcpSocket};
use embassy_time::{Timer, with_timeout};

use crate::connection::{serve, timer_duration};
use crate::{Event, Failure, HANDSHAKE_TIME, HANG_UP_TIME, PORT, Status, Storage};

/// Serves clients for ever, one at a time; the board runs [`TASKS`](crate::TASKS) of these.
///
/// embassy-net has no queue of connections: each task listens with a socket of its own, and a
/// client that finds none listening is refused by TCP.
pub async fn run(stack: Stack<'_>, status: &Status, report: impl Fn(Event<Error>)) -> ! {
    let mut receive = [0; TCP_BUFFER];
    let mut transmit = [0; TCP_BUFFER];
    let mut storage = Storage::new();
    loop {
        let mut socket = TcpSocket::new(stack, &mut receive, &mut transmit);
        // A frame leaves when it is written, and does not wait for the ACK of the one before it.
        socket.set_nagle_enabled(false);
        // For who sends a SYN and no more. From then on there are limits closer to the matter.
        socket.set_timeout(Some(timer_duration(HANDSHAKE_TIME)));
        if socket.accept(PORT).await.is_err() {
            // A new socket can listen, so this is not expected; but it must not become a busy loop.
            Timer::after_secs(1).await;
            continue;
        }
        socket.set_timeout(None);
        report(Event::Connected(socket.remote_endpoint()));
        let result = serve(&mut socket, storage.buffers(), status).await;
        report(result.map_or_else(Event::Failed, Event::Served));
        match result {
            Err(Failure::Silence | Failure::SlowReader) => reset(socket).await,
            _ => hang_up(socket).await,
        }
    }
}

/// Closes TCP such that the client gets the last bytes: a reset that comes too early makes some
/// systems throw away what the client has not read yet.
async fn hang_up(mut socket: TcpSocket<'_>) {
    socket.close();
    let closed = async {
        let mut rest = [0; 64];
        socket.flush().await?;
        while socket.read(&mut rest).await? > 0 {}
        Ok::<(), Error>(())
    };
    match with_timeout(timer_duration(HANG_UP_TIME), closed).await {
        Ok(Ok(())) => {}
        Ok(Err(Error::ConnectionReset)) | Err(_) => reset(socket).await,
    }
}

/// Gives up a client that does not take part any more.
async fn reset(mut socket: TcpSocket<'_>) {
    socket.abort();
    // Waits until the reset is out, which without a link may take for ever.
    let _ = with_timeout(timer_duration(HANG_UP_TIME), socket.flush()).await;
}

/// Bytes of each of the two buffers of a TCP socket: the payload of one full Ethernet frame fits.
const TCP_BUFFER: usize = 1536;
