//! A client that can stay connected and do nothing, which `wirelet bench` does not.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use wirelet::handshake::{ClientRequest, HeadScanner, Key};
use wirelet::{Connection, Event, Header, Message, Random};

/// A connection to an echo server.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    /// `None` if plain bytes are exchanged.
    connection: Option<Connection<wirelet::Client<SeededRandom>>>,
}

impl Client {
    /// Connects to a `ws://` or `tcp://` URL.
    pub(crate) fn connect(url: &str) -> Result<Self, Box<dyn Error>> {
        if let Some(addr) = url.strip_prefix("tcp://") {
            return Ok(Self { stream: open(addr)?, connection: None });
        }
        let addr = url.strip_prefix("ws://").ok_or("neither ws:// nor tcp://")?;
        let mut stream = open(addr)?;
        let mut random = SeededRandom(rand::make_rng());
        let mut nonce = [0; 16];
        random.fill(&mut nonce);
        let key = Key::from_nonce(nonce);
        let request = ClientRequest::new(addr, "/");
        let mut head = [0; 1024];
        let n = request.encode(&key, &mut head)?;
        stream.write_all(&head[..n])?;

        let (mut scanner, mut len) = (HeadScanner::new(), 0);
        let head_len = loop {
            match stream.read(&mut head[len..])? {
                0 => return Err("no whole response within 1 KiB".into()),
                n => len += n,
            }
            if let Some(head_len) = scanner.scan(&head[..len])? {
                break head_len;
            }
        };
        request.verify(&key, &head[..head_len])?;
        if head_len < len {
            return Err("an echo server has nothing to say first".into());
        }
        Ok(Self { stream, connection: Some(Connection::new(wirelet::Client(random))) })
    }

    /// Sends a message as it comes over a network, in segments, and receives it back; `buffer` is what is
    /// read into.
    pub(crate) fn exchange(
        &mut self,
        payload: &[u8],
        buffer: &mut [u8],
    ) -> Result<(), Box<dyn Error>> {
        let frame = match &mut self.connection {
            None => payload.to_vec(),
            Some(connection) => {
                let mut frame = vec![0; payload.len() + Header::MAX_LEN];
                let n = connection.send(Message::Binary(payload), &mut frame)?;
                frame.truncate(n);
                frame
            }
        };
        let Self { stream, connection } = self;
        let (mut reader, mut writer) = (&*stream, &*stream);
        thread::scope(|scope| {
            // A server of plain bytes echoes before the end has come: then both directions can fill up.
            let writing = scope.spawn(move || {
                for segment in frame.chunks(SEGMENT_BYTES) {
                    writer.write_all(segment)?;
                    // For the server to read it by itself.
                    thread::sleep(BETWEEN_SEGMENTS);
                }
                Ok::<_, io::Error>(())
            });
            let mut remaining = payload.len();
            while remaining > 0 {
                let n = match reader.read(buffer)? {
                    0 => return Err("the server has left".into()),
                    n => n,
                };
                remaining = remaining
                    .checked_sub(payload_len(connection.as_mut(), &mut buffer[..n])?)
                    .ok_or("more came back than was sent")?;
            }
            writing.join().map_err(|_| "writing panicked")??;
            Ok(())
        })
    }
}

fn open(addr: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What a TCP segment carries over Ethernet.
const SEGMENT_BYTES: usize = 1448;

/// With what the timer adds, about as at 100 Mbit/s.
const BETWEEN_SEGMENTS: Duration = Duration::from_micros(50);

/// Makes masking keys; seeded by the operating system.
#[derive(Debug)]
struct SeededRandom(StdRng);

impl Random for SeededRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// Counts the bytes of payload in received bytes.
fn payload_len(
    connection: Option<&mut Connection<wirelet::Client<SeededRandom>>>,
    mut input: &mut [u8],
) -> Result<usize, Box<dyn Error>> {
    let Some(connection) = connection else { return Ok(input.len()) };
    let mut len = 0;
    while !input.is_empty() {
        let progress = connection.receive(input)?;
        let consumed = progress.consumed;
        match progress.event {
            None => {}
            Some(Event::Chunk(chunk)) => len += chunk.as_bytes().len(),
            Some(event) => return Err(format!("{event:?} instead of an echo").into()),
        }
        input = &mut input[consumed..];
    }
    Ok(len)
}
