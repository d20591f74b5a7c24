//! Counts the allocations of a server that echoes, broadcasts, and sends to one. As nothing else may run
//! meanwhile, this is a program without a test harness.

use std::error::Error;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::num::NonZero;
use std::time::Duration;

use dhat::HeapStats;
use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::runtime::Runtime;
use wirelet::{Client, Connection, Header, Message, Server};
use wirelet_host::{Builder, Echo, Handler, Hub, Sink};

/// How often a message is sent to count what it takes.
const TIMES: u64 = 50;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() -> Result<(), Box<dyn Error>> {
    let _profiler = dhat::Profiler::builder().testing().build();
    let runtime = tokio::runtime::Runtime::new()?;
    echo(&runtime)?;
    // As other tests say it.
    println!("test no_message_is_worth_an_allocation_once_there_were_some_like_it ... ok");
    hub(&runtime)?;
    println!("test what_goes_through_the_hub_takes_as_many_allocations_as_are_known ... ok");
    Ok(())
}

fn echo(runtime: &Runtime) -> Result<(), Box<dyn Error>> {
    let (mut streams, _) = serve(runtime, Echo, 1)?;
    let stream = &mut streams[0];
    let text = "Grüße, 世界 ".repeat(50_000);
    for len in [0, 20, 125, 126, 1024, 4096, 65_536, 300_000, 1 << 20] {
        let binary = vec![7; len];
        let text: String = text.chars().take(len / 2).collect();
        steady_state(stream, Message::Binary(&binary), 1)?;
        steady_state(stream, Message::Text(&text), 1)?;
        if len <= 1024 {
            steady_state(stream, Message::Binary(&binary), 32)?;
        }
    }
    Ok(())
}

/// Holds what the hub takes for a message, sent and received, against what is known of it:
///
/// - `send_to`: at most 4 allocations. The frame, which is encoded into a buffer and then shared; and the queue of
///   a connection for which nothing waited, which goes again when it has been emptied.
/// - `send_to_all` to n connections: at most 2 for each, for their queues, and 4 + log2(n) for the frame and for the
///   list of those whose thread is to be told, which grows by doubling.
///
/// The length of the message makes no difference.
fn hub(runtime: &Runtime) -> Result<(), Box<dyn Error>> {
    for n_peers in [1, 10, 100] {
        let (mut streams, hub) = serve(runtime, Sink, n_peers)?;
        let first = hub.connections()[0].id();
        for len in [20, 1024, 20_000] {
            let message = vec![7; len];
            let n = fewest(&mut streams, &message, || {
                assert_eq!(hub.send_to_all(&*message), n_peers);
            })?;
            let most = 2 * n_peers + 4 + n_peers.next_power_of_two().ilog2() as usize;
            assert!(n <= most, "{n} for {len} bytes to all of {n_peers}, which took {most}");
            let n = fewest(&mut streams[..1], &message, || {
                hub.send_to(first, &*message).expect("it is open and reads");
            })?;
            assert!(n <= 4, "{n} for {len} bytes to one of {n_peers}, which took 4");
        }
    }
    Ok(())
}

/// Returns how many allocations a message takes that `send` sends, and that `streams` receive before the next
/// one: of several times the fewest, as there may be others by chance.
fn fewest(
    streams: &mut [TcpStream],
    message: &[u8],
    send: impl Fn(),
) -> Result<usize, Box<dyn Error>> {
    let mut frame = vec![0; message.len() + Header::MAX_LEN];
    let n = Connection::new(Server).send(Message::Binary(message), &mut frame)?;
    let mut received = vec![0; n];
    let mut fewest = u64::MAX;
    for _ in 0..20 {
        let before = HeapStats::get().total_blocks;
        for _ in 0..TIMES {
            send();
            for stream in &mut *streams {
                stream.read_exact(&mut received)?;
                assert_eq!(received, frame[..n]);
            }
        }
        fewest = fewest.min(HeapStats::get().total_blocks - before);
    }
    Ok(usize::try_from(fewest.div_ceil(TIMES))?)
}

/// Starts a server with one thread, and opens connections to it.
fn serve(
    runtime: &Runtime,
    handler: impl Handler,
    n_peers: usize,
) -> Result<(Vec<TcpStream>, Hub), Box<dyn Error>> {
    let builder = Builder::new().threads(NonZero::<usize>::MIN).listen("127.0.0.1:0");
    let server = runtime.block_on(builder.bind(handler))?;
    let addr = server.addresses()[0].tcp().expect("it is of TCP");
    let hub = server.hub();
    runtime.spawn(server.run());
    let streams = (0..n_peers).map(|_| {
        let mut stream = TcpStream::connect(addr)?;
        open(&mut stream)?;
        Ok(stream)
    });
    Ok((streams.collect::<io::Result<_>>()?, hub))
}

/// Sends `depth` messages at a time, and checks that after a while the server allocates nothing more.
fn steady_state(
    stream: &mut TcpStream,
    message: Message<'_>,
    depth: usize,
) -> Result<(), Box<dyn Error>> {
    stream.set_nonblocking(true)?;
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
        let mut is_waiting = true;
        match stream.write(unsent) {
            Ok(n) => {
                is_waiting &= n == 0;
                unsent = &unsent[n..];
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        match stream.read(echo) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                is_waiting = false;
                echo = &mut echo[n..];
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if is_waiting {
            // The processor is the server's, of which there may be no other.
            std::thread::sleep(Duration::from_micros(10));
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
