//! An echo server that streams: the blocking driver, the very one that runs on boards, with 2 KiB
//! of buffers for a connection, through which messages of any length pass.
//!
//! `cargo run -p wirelet-host --example echo_streaming -- 127.0.0.1:8567`; the address may be left
//! out for a free port.

use std::error::Error;
use std::io::{self, Read as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use embedded_io::{Read, Write};
use embedded_io_adapters::std::FromStd;
use wirelet::blocking::WebSocket;
use wirelet::handshake::Acceptance;
use wirelet::{Buffers, Received, Server, Storage};

fn main() -> Result<(), Box<dyn Error>> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(&addr).map_err(|error| format!("{addr}: {error}"))?;
    println!("listening on ws://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = serve(&stream) {
                eprintln!("a connection has ended: {error}");
            }
        });
    }
    Ok(())
}

fn serve(stream: &TcpStream) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    stream.set_write_timeout(Some(TIME_LIMIT))?;
    // MESSAGE is 0: nothing is ever joined.
    let mut storage = Storage::<1024, 0, 1024>::new();
    let echoed = echo(FromStd::new(stream), storage.buffers());
    linger(stream)?;
    Ok(echoed?)
}

/// Sends every chunk back as a fragment as it comes, until the peer has closed.
fn echo<S: Read + Write>(socket: S, buffers: Buffers<'_>) -> Result<(), wirelet::Error<S::Error>> {
    let mut ws = WebSocket::new(socket, Server, buffers);
    ws.accept(&Acceptance::new())?;
    loop {
        match ws.receive_chunk()? {
            (Received::Data(chunk), sender) => sender.send(chunk)?,
            (Received::Ping(_) | Received::Pong(_), _) => {}
            (Received::Close(_), _) => return Ok(()),
        }
    }
}

/// Reads what the peer still sends: TCP would answer bytes that nobody reads by a reset, which can
/// overtake the close frame.
fn linger(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(CLOSE_TIME))?;
    let mut rest = [0; 1024];
    while stream.read(&mut rest)? > 0 {}
    Ok(())
}

/// For each read and each write.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// For each read after the closing handshake.
const CLOSE_TIME: Duration = Duration::from_secs(5);
