//! wtx, as its benchmarks: one frame read, one frame written.

use wtx::collection::Vector;
use wtx::web_socket::{OpCode, WebSocketAcceptor, WebSocketPayloadOrigin};

fn main() -> std::io::Result<()> {
    echo_servers::run(|stream| async move {
        let mut ws = WebSocketAcceptor::default().accept(stream).await?;
        let (mut common, mut reader, mut writer) = ws.split_mut();
        let mut joined = Vector::new();
        loop {
            let mut frame = reader
                .read_frame(&mut joined, &mut common, WebSocketPayloadOrigin::Adaptive)
                .await?;
            match frame.op_code() {
                OpCode::Text | OpCode::Binary => {
                    writer.write_frame(&mut common, &mut frame).await?;
                }
                OpCode::Close => return wtx::Result::Ok(()),
                OpCode::Continuation | OpCode::Ping | OpCode::Pong => {}
            }
        }
    })
}
