//! The async driver, as both roles.

use core::hint::black_box;
use core::pin::{Pin, pin};

use embedded_io_async::{Read, Write};
use wirelet::asynch::{Pending, Receiver, Sender, WebSocket};
use wirelet::handshake::{Acceptance, ClientRequest, Refusal, Request, RequestError, Response};
use wirelet::{
    Buffers, Chunk, Client, Close, Error, Flush, Message, Received, Reply, Server, Storage,
};

use crate::socket::{Failed, Random, Socket, run};

macro_rules! exports {
    ($name:ident, $role:ty) => { mod $name {
        use super::*;

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_new"))]
        pub fn new<'b>(socket: Socket, role: $role, buffers: Buffers<'b>, flush: Flush) -> WebSocket<'b, Socket, $role> {
            WebSocket::new(socket, role, buffers).with_flush(flush)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_receive"))]
        pub fn receive<'w, 'b>(ws: &'w mut WebSocket<'b, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<(Received<'w, Message<'w>>, &'w mut Sender<'b, Socket, $role>), Error<Failed>>> {
            run(ws.receive(), goes_on)
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
        pub fn finish(ws: WebSocket<'_, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<Socket, Error<Failed>>> {
            run(ws.finish(), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_split"))]
        pub fn split<'b>(ws: WebSocket<'b, Socket, $role>, halves: fn(Socket) -> (Socket, Socket)) -> (Receiver<'b, Socket, $role>, Sender<'b, Socket, $role>) {
            ws.split(halves)
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

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_flush"))]
        pub fn sender_flush(sender: &mut Sender<'_, Socket, $role>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(sender.flush(), goes_on)
        }

        #[unsafe(export_name = concat!("asynch_", stringify!($name), "_sender_answer"))]
        pub fn sender_answer(sender: &mut Sender<'_, Socket, $role>, reply: Reply<'_, $role>, goes_on: fn() -> bool) -> Option<Result<(), Error<Failed>>> {
            run(sender.answer(reply), goes_on)
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
    }};
}

exports!(server, Server);
exports!(client, Client<Random>);

#[unsafe(no_mangle)]
pub fn asynch_server_accept<'b>(
    socket: Socket,
    buffers: Buffers<'b>,
    goes_on: fn() -> bool,
) -> Option<Result<WebSocket<'b, Socket, Server>, Error<Failed>>> {
    run(WebSocket::accept(socket, buffers), goes_on)
}

#[unsafe(no_mangle)]
pub fn asynch_client_connect<'b>(
    socket: Socket,
    request: &ClientRequest<'_>,
    random: Random,
    buffers: Buffers<'b>,
    goes_on: fn() -> bool,
) -> Option<Result<WebSocket<'b, Socket, Client<Random>>, Error<Failed>>> {
    run(WebSocket::connect(socket, request, random, buffers), goes_on)
}

#[unsafe(no_mangle)]
pub fn asynch_client_connect_with<'b>(
    socket: Socket,
    request: &ClientRequest<'_>,
    random: Random,
    buffers: Buffers<'b>,
    inspect: fn(&Response<'_>),
    goes_on: fn() -> bool,
) -> Option<Result<WebSocket<'b, Socket, Client<Random>>, Error<Failed>>> {
    run(WebSocket::connect_with(socket, request, random, buffers, inspect), goes_on)
}

#[unsafe(no_mangle)]
pub fn asynch_pending_read<'b>(
    socket: Socket,
    buffers: Buffers<'b>,
    goes_on: fn() -> bool,
) -> Option<Result<Pending<'b, Socket>, Error<Failed>>> {
    run(Pending::read(socket, buffers), goes_on)
}

#[unsafe(no_mangle)]
pub fn asynch_pending_request<'p>(
    pending: &'p Pending<'_, Socket>,
) -> Result<Request<'p>, RequestError> {
    pending.request()
}

#[unsafe(no_mangle)]
pub fn asynch_pending_accept<'b>(
    pending: Pending<'b, Socket>,
    acceptance: &Acceptance<'_>,
    goes_on: fn() -> bool,
) -> Option<Result<WebSocket<'b, Socket, Server>, Error<Failed>>> {
    run(pending.accept(acceptance), goes_on)
}

#[unsafe(no_mangle)]
pub fn asynch_pending_refuse(
    pending: Pending<'_, Socket>,
    refusal: &Refusal<'_>,
    goes_on: fn() -> bool,
) -> Option<Result<Socket, Error<Failed>>> {
    run(pending.refuse(refusal), goes_on)
}

#[unsafe(no_mangle)]
pub fn asynch_pending_into_socket(pending: Pending<'_, Socket>) -> Socket {
    pending.into_socket()
}

/// The whole of a server that echoes, as firmware writes it.
#[unsafe(no_mangle)]
pub fn asynch_server_echo(
    socket: Socket,
    goes_on: fn() -> bool,
) -> Option<Result<Socket, Error<Failed>>> {
    run(echo(socket), goes_on)
}

async fn echo(socket: Socket) -> Result<Socket, Error<Failed>> {
    let mut storage = Storage::<1024, 4096, 256>::new();
    let mut ws = WebSocket::accept(socket, storage.buffers()).await?;
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
