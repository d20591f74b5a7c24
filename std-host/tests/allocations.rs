//! Counts the allocations of a server that echoes. As nothing else may run meanwhile, this is a program
//! without a test harness.

use std::error::Error;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::num::NonZero;

use dhat::HeapStats;
use rand::Rng as _;
use rand::rngs::StdRng;
use wirelet::{Client, Connection, Header, Message};
use wirelet_host::{Builder, Echo};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() -> Result<(), Box<dyn Error>> {
    let _profiler = dhat::Profiler::builder().testing().build();
    let runtime = tokio::runtime::Runtime::new()?;
    let builder = Builder::new().threads(NonZero::<usize>::MIN).listen("127.0.0.1:0");
    let server = runtime.block_on(builder.bind(Echo))?;
    let mut stream = TcpStream::connect(server.addresses()[0].tcp().expect("it is of TCP"))?;
    runtime.spawn(server.run());
    open(&mut stream)?;
    stream.set_nonblocking(true)?;

    let text = "Grüße, 世界 ".repeat(50_000);
    for len in [0, 20, 125, 126, 1024, 4096, 65_536, 300_000, 1 << 20] {
        let binary = vec![7; len];
        let text: String = text.chars().take(len / 2).collect();
        steady_state(&mut stream, Message::Binary(&binary), 1)?;
        steady_state(&mut stream, Message::Text(&text), 1)?;
        if len <= 1024 {
            steady_state(&mut stream, Message::Binary(&binary), 32)?;
        }
    }
    // As other tests say it.
    println!("test no_message_is_worth_an_allocation_once_there_were_some_like_it ... ok");
    Ok(())
}

/// Sends `depth` messages at a time, and checks that after a while the server allocates nothing more.
fn steady_state(
    stream: &mut TcpStream,
    message: Message<'_>,
    depth: usize,
) -> Result<(), Box<dyn Error>> {
    let mut frame = vec![0; message.as_bytes().len() + Header::MAX_LEN];
    let mut rng: StdRng = rand::make_rng();
    let random = |bytes: &mut [u8]| rng.fill_bytes(bytes);
    let n = Connection::new(Client(random)).send(message, &mut frame)?;
    let batch = frame[..n].repeat(depth);
    // What comes back has no masking key.
    let mut echo = vec![0; (n - 4) * depth];
    let mut exchanges = |times| -> Result<u64, Box<dyn Error>> {
        let before = HeapStats::get().total_blocks;
        for _ in 0..times {
            exchange(stream, &batch, &mut echo)?;
        }
        Ok(HeapStats::get().total_blocks - before)
    };
    // How much has to wait differs each time, and with it what the buffers must hold.
    for _ in 0..20 {
        if exchanges(50)? == 0 {
            return Ok(());
        }
    }
    let (len, kind) = (message.as_bytes().len(), message.kind());
    Err(format!("{depth} messages of {len} bytes, {kind:?}, take allocations each time").into())
}

/// Sends and receives at once, without another thread, which would allocate.
fn exchange(stream: &mut TcpStream, mut unsent: &[u8], mut echo: &mut [u8]) -> io::Result<()> {
    while !echo.is_empty() {
        match stream.write(unsent) {
            Ok(n) => unsent = &unsent[n..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        match stream.read(echo) {
            Ok(n) => echo = &mut echo[n..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens the connection.
fn open(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    Ok(())
}
