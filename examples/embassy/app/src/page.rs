//! The pages, from flash.

use core::fmt::Write as _;

use embedded_io_async::Write;
use heapless::String;
use wirelet::Error;

use crate::{Counters, MAX_WEB_SOCKETS};

/// Sends the page that opens a WebSocket and shows the counters.
pub(crate) async fn send_page<S: Write>(socket: S) -> Result<(), Error<S::Error>> {
    send(socket, "text/html; charset=utf-8", include_str!("page.html")).await
}

/// Sends the counters as JSON.
pub(crate) async fn send_counters<S: Write>(
    socket: S,
    counters: &Counters,
) -> Result<(), Error<S::Error>> {
    let Counters { open, opened, refused, messages, bytes, pages } = counters;
    let mut json = String::<192>::new(); // all of it, with six numbers of ten digits: 146 bytes
    let fits = write!(
        json,
        "{{\"open\":{open},\"places\":{MAX_WEB_SOCKETS},\"opened\":{opened},\"refused\":{refused},\
         \"messages\":{messages},\"bytes\":{bytes},\"pages\":{pages}}}"
    );
    debug_assert!(fits.is_ok());
    send(socket, "application/json", &json).await
}

async fn send<S: Write>(
    mut socket: S,
    content_type: &str,
    body: &str,
) -> Result<(), Error<S::Error>> {
    let mut head = String::<192>::new();
    let fits = write!(
        head,
        "HTTP/1.1 200 OK\r\n\
         Content-Type: {content_type}\r\n\
         Content-Length: {}\r\n\
         Cache-Control: no-store\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    debug_assert!(fits.is_ok());
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body.as_bytes()).await?;
    socket.flush().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use embassy_futures::block_on;

    use super::*;

    #[test]
    fn the_largest_counters_fit() {
        let max = u32::MAX;
        let counters = Counters {
            open: max,
            opened: max,
            refused: max,
            messages: max,
            bytes: max,
            pages: max,
        };
        let mut sent = [0; 512];
        let mut rest = &mut sent[..];
        block_on(send_counters(&mut rest, &counters)).unwrap();
        let len = 512 - rest.len();

        let (head, body) = str::from_utf8(&sent[..len]).unwrap().split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with("\r\nConnection: close"));
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
        assert_eq!(
            body,
            "{\"open\":4294967295,\"places\":4,\"opened\":4294967295,\"refused\":4294967295,\
             \"messages\":4294967295,\"bytes\":4294967295,\"pages\":4294967295}"
        );
    }
}
