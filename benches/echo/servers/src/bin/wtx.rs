//! wtx, as its benchmarks: one frame read, one frame written; with `--batch`, through a write buffer that is
//! flushed when nothing more has come.

use std::io::IoSlice;

use echo_servers::{Batch, Corked};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wtx::collection::Vector;
use wtx::stream::{Stream, StreamReader, StreamWriter};
use wtx::web_socket::{OpCode, WebSocketAcceptor, WebSocketPayloadOrigin};

fn main() -> std::io::Result<()> {
    match Batch::from_args() {
        Batch::No => echo_servers::run(|mut stream| async move { echo(&mut stream).await }),
        Batch::Yes => echo_servers::run(|stream| async move {
            let mut stream = Buffered(Corked::new(stream));
            echo(&mut stream).await?;
            // The answer to a close is still there.
            Ok::<_, wtx::Error>(stream.0.flush().await?)
        }),
    }
}

async fn echo<S: Stream>(stream: &mut S) -> wtx::Result<()> {
    let mut ws = WebSocketAcceptor::default().accept(stream).await?;
    let (mut common, mut reader, mut writer) = ws.split_mut();
    let mut joined = Vector::new();
    loop {
        let mut frame =
            reader.read_frame(&mut joined, &mut common, WebSocketPayloadOrigin::Adaptive).await?;
        match frame.op_code() {
            OpCode::Text | OpCode::Binary => writer.write_frame(&mut common, &mut frame).await?,
            OpCode::Close => return Ok(()),
            OpCode::Continuation | OpCode::Ping | OpCode::Pong => {}
        }
    }
}

/// A stream for wtx, which knows those of tokio alone.
struct Buffered(Corked);

impl StreamReader for Buffered {
    async fn read(&mut self, bytes: &mut [u8]) -> wtx::Result<usize> {
        Ok(self.0.read(bytes).await?)
    }
}

impl StreamWriter for Buffered {
    async fn write_all(&mut self, bytes: &[u8]) -> wtx::Result<()> {
        Ok(self.0.write_all(bytes).await?)
    }

    async fn write_all_vectored(&mut self, bytes: &[&[u8]]) -> wtx::Result<()> {
        let mut slices: Vec<_> = bytes.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let mut rest = &mut slices[..];
        // Drops those that are empty.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match self.0.write_vectored(rest).await? {
                0 => return Err(wtx::Error::UnexpectedStreamWriteEOF),
                n => IoSlice::advance_slices(&mut rest, n),
            }
        }
        Ok(())
    }
}
