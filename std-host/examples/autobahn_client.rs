//! What the fuzzing server of the Autobahn test suite tests: `autobahn_client WAY ADDR:PORT AGENT`.
//!
//! It asks for the number of cases, echoes what each of them sends, and lets the server write its
//! report on AGENT. The way is `whole`, the client of this crate, or `deflate`, the same with compressed messages,
//! or `streaming`, the blocking driver that runs on boards, with 2 KiB of buffers.
//!
//! A case that ends in an error is no failure here: most want one, and the server judges them.

use std::error::Error;
use std::io::{self, Read as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use embedded_io_adapters::std::FromStd;
use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::runtime::Runtime;
use wirelet::blocking::WebSocket;
use wirelet::handshake::ClientRequest;
use wirelet::{Random, Storage};
use wirelet_host::{Client, ClientError, ClientOptions, Compression, OwnedMessage};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [way, addr, agent] = args.as_slice() else {
        return Err("usage: autobahn_client whole|deflate|streaming ADDR:PORT AGENT".into());
    };
    let runtime = Runtime::new()?;
    let echo = |target: &str| match way.as_str() {
        "whole" => runtime.block_on(echo_whole(addr, target, None)),
        "deflate" => {
            runtime.block_on(echo_whole(addr, target, Some(Compression::new().takeover(15))))
        }
        "streaming" => echo_streaming(addr, target),
        _ => Err(format!("{way}: the way is whole, deflate or streaming").into()),
    };
    let cases = runtime.block_on(case_count(addr))?;
    for case in 1..=cases {
        match echo(&format!("/runCase?case={case}&agent={agent}"))? {
            Ended::Closed => {}
            Ended::Failed(error) => println!("case number {case}: {error}"),
        }
    }
    match echo(&format!("/updateReports?agent={agent}"))? {
        Ended::Closed => Ok(()),
        Ended::Failed(error) => Err(error),
    }
}

/// How a connection ended, once it was open.
enum Ended {
    Closed,
    Failed(Box<dyn Error>),
}

async fn case_count(addr: &str) -> Result<usize, Box<dyn Error>> {
    let mut client = Client::connect(&format!("ws://{addr}/getCaseCount")).await?;
    match client.receive().await? {
        OwnedMessage::Text(count) => Ok(count.parse()?),
        other => Err(format!("the number of cases was expected, {other} came").into()),
    }
}

async fn echo_whole(
    addr: &str,
    target: &str,
    compression: Option<Compression>,
) -> Result<Ended, Box<dyn Error>> {
    let options = ClientOptions { compression, ..ClientOptions::default() };
    let mut client = Client::connect_with(&format!("ws://{addr}{target}"), &options).await?;
    let echoed = echo_messages(&mut client).await;
    // Also after a violation: the server has been told of it. It ends TCP by a reset.
    client.finish(CLOSE_TIME).await.ok();
    Ok(echoed.map_or_else(|error| Ended::Failed(error.into()), |()| Ended::Closed))
}

async fn echo_messages(client: &mut Client) -> Result<(), ClientError> {
    loop {
        match client.receive().await? {
            OwnedMessage::Text(text) => client.send(&*text).await?,
            OwnedMessage::Binary(bytes) => client.send(&*bytes).await?,
            OwnedMessage::Close { .. } => return Ok(()),
            _ => {}
        }
    }
}

fn echo_streaming(addr: &str, target: &str) -> Result<Ended, Box<dyn Error>> {
    let stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    stream.set_write_timeout(Some(TIME_LIMIT))?;
    let request = ClientRequest::new(addr, target);
    let mut rng: StdRng = rand::make_rng();
    let random = |bytes: &mut [u8]| rng.fill_bytes(bytes);
    // MESSAGE is 0: nothing is ever joined.
    let mut storage = Storage::<1024, 0, 1024>::new();
    let mut ws = WebSocket::new(FromStd::new(&stream), wirelet::Client(random), storage.buffers());
    ws.connect(&request)?;
    Ok(match echo_chunks(&mut ws) {
        Ok(()) => {
            // The server ends TCP by a reset.
            ws.finish().ok();
            Ended::Closed
        }
        Err(error) => {
            linger(&stream).ok();
            Ended::Failed(error.into())
        }
    })
}

/// Sends every chunk back as a fragment as it comes, until the server has closed.
fn echo_chunks(
    ws: &mut WebSocket<'_, FromStd<&TcpStream>, wirelet::Client<impl Random>>,
) -> Result<(), wirelet::Error<io::Error>> {
    use wirelet::Received;
    loop {
        match ws.receive_chunk()? {
            (Received::Data(chunk), sender) => sender.send(chunk)?,
            (Received::Ping(_) | Received::Pong(_), _) => {}
            (Received::Close(_), _) => return Ok(()),
        }
    }
}

/// Reads what the server still sends: TCP would answer bytes that nobody reads by a reset, which
/// can overtake the close frame.
fn linger(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(CLOSE_TIME))?;
    let mut rest = [0; 1024];
    while stream.read(&mut rest)? > 0 {}
    Ok(())
}

/// For each read and each write.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// For the server's end of TCP after the closing handshake.
const CLOSE_TIME: Duration = Duration::from_secs(5);
