//! web-socket, which has neither handshake nor read buffer of its own; with `--batch`, through a write
//! buffer that is flushed when the read buffer is empty.

use echo_servers::{Batch, BoxError, Corked, upgrade};
use tokio::io::{AsyncRead, AsyncWrite, BufReader, BufWriter};
use web_socket::{DataType, Event, MessageType, WebSocket};

fn main() -> std::io::Result<()> {
    let batch = Batch::from_args();
    echo_servers::run(move |mut stream| async move {
        upgrade(&mut stream).await?;
        match batch {
            Batch::No => echo(BufReader::new(stream)).await,
            Batch::Yes => {
                let stream = BufWriter::with_capacity(Corked::CAPACITY, stream);
                echo(BufReader::with_capacity(Corked::CAPACITY, stream)).await
            }
        }
    })
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: BufReader<S>) -> Result<(), BoxError> {
    let mut ws = WebSocket::server(stream);
    loop {
        match ws.recv().await? {
            Event::Data { ty: DataType::Complete(MessageType::Text), data } => {
                ws.send(str::from_utf8(&data)?).await?;
            }
            Event::Data { ty: DataType::Complete(MessageType::Binary), data } => {
                ws.send(&*data).await?;
            }
            Event::Data { ty: DataType::Stream(_), .. } => {
                return Err("the load sends no fragments".into());
            }
            Event::Ping(data) => ws.send_pong(data).await?,
            Event::Pong(_) => {}
            Event::Error(error) => return Err(error.into()),
            Event::Close { .. } => {
                ws.close(()).await?;
                return Ok(());
            }
        }
        if ws.stream.buffer().is_empty() {
            ws.flash().await?;
        }
    }
}
