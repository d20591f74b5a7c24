//! The async driver, as both roles.

use core::hint::black_box;
use core::pin::{Pin, pin};

use embedded_io_async::{Read, Write};
use wirelet::asynch::{Receiver, Sender, WebSocket, Writer};
use wirelet::handshake::{Acceptance, ClientRequest, Refusal, Request, Response, Upgrade};
use wirelet::{
    Buffers, Chunk, Client, Close, Error, Flush, Kind, Message, Received, Reply, SendError, Server,
    Storage,
};

use crate::socket::{Failed, Random, Socket, run};

macro_rules! exports {
    ($name:ident, $role:ty) => { mod $name {
        use super::*;

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_new"))]
        pub fn new<'b>(socket: Socket, role: $role, buffers: Buffers<'b>, flush: Flush) -> WebSocket<'b, Socket, $role> {
            WebSocket::new(socket, role, buffers).with_flush(flush)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_into_parts"))]
        pub fn into_parts<'b>(ws: WebSocket<'b, Socket, $role>) -> (Socket, &'b mut [u8]) {
            ws.into_parts()
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_state"))]
        pub fn state<'w>(ws: &'w WebSocket<'_, Socket, $role>) -> (Option<Close<'w>>, bool, u64, &'w Socket) {
            (ws.close_received(), ws.is_close_sent(), ws.bytes_received(), ws.socket())
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_receive"))]
        pub fn receive<'w, 'b>(ws: &'w mut WebSocket<'b, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<(Received<'w, Message<'w>>, &'w mut Sender<'b, Socket, $role>), Error<Failed>>> {
            run(ws.receive(), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_receive_data"))]
        pub fn receive_data<'w, 'b>(ws: &'w mut WebSocket<'b, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<(Option<Message<'w>>, &'w mut Sender<'b, Socket, $role>), Error<Failed>>> {
            run(ws.receive_data(), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_receive_chunk"))]
        pub fn receive_chunk<'w, 'b>(ws: &'w mut WebSocket<'b, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<(Received<'w, Chunk<'w>>, &'w mut Sender<'b, Socket, $role>), Error<Failed>>> {
            run(ws.receive_chunk(), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_send"))]
        pub fn send(ws: &mut WebSocket<'_, Socket, $role>, chunk: Chunk<'_>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(ws.send(chunk), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_close"))]
        pub fn close(ws: &mut WebSocket<'_, Socket, $role>, close: Close<'_>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(ws.close(close), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_finish"))]
        pub fn finish(ws: &mut WebSocket<'_, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(ws.finish(), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_close_and_finish"))]
        pub fn close_and_finish(ws: &mut WebSocket<'_, Socket, $role>, close: Close<'_>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(ws.close_and_finish(close), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_split"))]
        pub fn split<'b>(ws: WebSocket<'b, Socket, $role>, halves: fn(Socket) -> (Socket, Socket)) -> (Receiver<'b, Socket, $role>, Sender<'b, Socket, $role>) {
            ws.split(halves)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_unsplit"))]
        pub fn unsplit<'b>(receiver: Receiver<'b, Socket, $role>, sender: Sender<'b, Socket, $role>, join: fn(Socket, Socket) -> Socket) -> Result<WebSocket<'b, Socket, $role>, (Receiver<'b, Socket, $role>, Sender<'b, Socket, $role>)> {
            WebSocket::unsplit(receiver, sender, join)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_send"))]
        pub fn sender_send(sender: &mut Sender<'_, Socket, $role>, chunk: Chunk<'_>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(sender.send(chunk), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_queue"))]
        pub fn sender_queue(sender: &mut Sender<'_, Socket, $role>, chunk: Chunk<'_>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(sender.queue(chunk), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_ping"))]
        pub fn sender_ping(sender: &mut Sender<'_, Socket, $role>, payload: &[u8], goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(sender.ping(payload), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_pong"))]
        pub fn sender_pong(sender: &mut Sender<'_, Socket, $role>, payload: &[u8], goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(sender.pong(payload), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_close"))]
        pub fn sender_close(sender: &mut Sender<'_, Socket, $role>, close: Close<'_>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(sender.close(close), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_message"))]
        pub fn sender_message<'s, 'b>(sender: &'s mut Sender<'b, Socket, $role>, kind: Kind) -> Writer<'s, 'b, Socket, $role> {
            sender.message(kind)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_message_of"))]
        pub fn sender_message_of<'s, 'b>(sender: &'s mut Sender<'b, Socket, $role>, kind: Kind, len: usize, goes_on: fn() -> bool) -> Option<Result<Writer<'s, 'b, Socket, $role>, Error<Failed>>> {
            run(sender.message_of(kind, len), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_write"))]
        pub fn sender_write(sender: &mut Sender<'_, Socket, $role>, payload: &[u8], goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(sender.write(payload), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_state"))]
        pub fn sender_state(sender: &Sender<'_, Socket, $role>) -> (Result<(), SendError>, usize) {
            (sender.may_begin(), sender.unfinished())
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_flush"))]
        pub fn sender_flush(sender: &mut Sender<'_, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(sender.flush(), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_answer"))]
        pub fn sender_answer(sender: &mut Sender<'_, Socket, $role>, reply: Reply<'_, $role>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(sender.answer(reply), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_writer_write"))]
        pub fn writer_write(writer: &mut Writer<'_, '_, Socket, $role>, bytes: &[u8], goes_on: fn() -> bool) -> Option<Result<usize, Error<Failed>>> {
            run(writer.write(bytes), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_writer_flush"))]
        pub fn writer_flush(writer: &mut Writer<'_, '_, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(writer.flush(), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_writer_finish"))]
        pub fn writer_finish(writer: Writer<'_, '_, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(writer.finish(), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_receiver_receive"))]
        pub fn receiver_receive<'r>(receiver: &'r mut Receiver<'_, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<Received<'r, Message<'r>>, Error<Failed>>> {
            run(receiver.receive(), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_receiver_receive_chunk"))]
        pub fn receiver_receive_chunk<'r>(receiver: &'r mut Receiver<'_, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<Received<'r, Chunk<'r>>, Error<Failed>>> {
            run(receiver.receive_chunk(), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_receiver_reply"))]
        pub fn receiver_reply<'r>(receiver: &'r mut Receiver<'_, Socket, $role>) -> Option<Reply<'r, $role>> {
            receiver.reply()
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_receiver_bytes_received"))]
        pub fn receiver_bytes_received(receiver: &Receiver<'_, Socket, $role>) -> u64 {
            receiver.bytes_received()
        }
    }};
}

exports!(server, Server);
exports!(client, Client<Random>);

#[unsafe(no_mangle)]
pub fn asynch_server_request<'w>(
    ws: &'w mut WebSocket<'_, Socket, Server>,
    goes_on: fn() -> bool,
) -> Option<Result<Request<'w>, Error<Failed>>> {
    run(ws.request(), goes_on)
}

#[unsafe(no_mangle)]
pub fn asynch_server_upgrade<'w>(
    ws: &'w mut WebSocket<'_, Socket, Server>,
    goes_on: fn() -> bool,
) -> Option<Result<Upgrade<'w>, Error<Failed>>> {
    run(ws.upgrade(), goes_on)
}

#[unsafe(no_mangle)]
pub fn asynch_server_accept(
    ws: &mut WebSocket<'_, Socket, Server>,
    acceptance: &Acceptance<'_>,
    goes_on: fn() -> bool,
) -> Option<Result<(), Error<Failed>>> {
    run(ws.accept(acceptance), goes_on)
}

#[unsafe(no_mangle)]
pub fn asynch_server_refuse(
    ws: &mut WebSocket<'_, Socket, Server>,
    refusal: &Refusal<'_>,
    goes_on: fn() -> bool,
) -> Option<Result<(), Error<Failed>>> {
    run(ws.refuse(refusal), goes_on)
}

#[unsafe(no_mangle)]
pub fn asynch_client_connect<'w>(
    ws: &'w mut WebSocket<'_, Socket, Client<Random>>,
    request: &ClientRequest<'_>,
    goes_on: fn() -> bool,
) -> Option<Result<Response<'w>, Error<Failed>>> {
    run(ws.connect(request), goes_on)
}

/// The whole of a server that echoes, as firmware writes it.
#[unsafe(no_mangle)]
pub fn asynch_server_echo(
    socket: Socket,
    goes_on: fn() -> bool,
) -> Option<Result<(), Error<Failed>>> {
    run(echo(socket), goes_on)
}

async fn echo(socket: Socket) -> Result<(), Error<Failed>> {
    let mut storage = Storage::<1024, 4096, 256>::new();
    let mut ws = WebSocket::new(socket, Server, storage.buffers());
    ws.accept(&Acceptance::new()).await?;
    loop {
        match ws.receive().await? {
            (Received::Data(message), sender) => sender.send(message).await?,
            (Received::Ping(_) | Received::Pong(_), _) => {}
            (Received::Close(_), _) => return ws.finish().await,
        }
    }
}

/// An echo without `wirelet`, polled as executors poll: through a pointer to a task of which they
/// know nothing. The panics that it holds are those of the language, and all that `asynch` may hold.
#[unsafe(no_mangle)]
pub fn control_async_task(socket: Socket, goes_on: fn() -> bool) -> Option<Result<(), Failed>> {
    let mut task = pin!(echo_raw(socket));
    let task: Pin<&mut dyn Future<Output = _>> = task.as_mut();
    run(black_box(task), goes_on)
}

async fn echo_raw(mut socket: Socket) -> Result<(), Failed> {
    let mut bytes = [0; 64];
    loop {
        let n = socket.read(&mut bytes).await?;
        socket.write(bytes.get(..n).unwrap_or_default()).await?;
    }
}
