//! The faces of the drivers.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wirelet::handshake::{Acceptance, ClientRequest, Refusal};
use wirelet::{
    Buffers, Chunk, Client, Close, Flush, Kind, Random, Received, Role, SendError, Server, asynch,
    blocking,
};

use super::{Driver, Hear, INTERRUPTED, Outcome, Part, Talk, part, seen};
use crate::common::Seen;
use crate::pipe::{self, End};

fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    poll_once(future).expect("the socket never lets it wait")
}

fn dropped<T>(future: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    poll_once(future).unwrap_or(Err(INTERRUPTED))
}

fn returned<T>(value: T) -> T {
    value
}

macro_rules! faces {
    ($(#[$doc:meta])* $name:ident: $module:ident, $socket:ident, $run:ident, $io:ident) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl Driver for $name {
            const TELLS: bool = faces!(@tells $run);

            type Ws<'b, Ro: Role> = $module::WebSocket<'b, pipe::$socket, Ro>;
            type Rx<'b, Ro: Role> = $module::Receiver<'b, pipe::$socket, Ro>;
            type Tx<'b, Ro: Role> = $module::Sender<'b, pipe::$socket, Ro>;

            fn new<Ro: Role>(end: End, role: Ro, buffers: Buffers<'_>) -> Self::Ws<'_, Ro> {
                $module::WebSocket::new(faces!(@socket $socket, end), role, buffers)
            }

            fn with_flush<Ro: Role>(ws: Self::Ws<'_, Ro>, flush: Flush) -> Self::Ws<'_, Ro> {
                ws.with_flush(flush)
            }

            fn request(ws: &mut Self::Ws<'_, Server>) -> Outcome<(String, String)> {
                let request = $run(ws.request())?;
                Ok((request.method().into(), request.path().into()))
            }

            fn upgrade<'a>(
                ws: &mut Self::Ws<'_, Server>,
                known: &[&'a str],
            ) -> Outcome<Option<&'a str>> {
                Ok($run(ws.upgrade())?.choose_subprotocol(known))
            }

            fn accept(
                ws: &mut Self::Ws<'_, Server>,
                acceptance: &Acceptance<'_>,
            ) -> Outcome<()> {
                $run(ws.accept(acceptance))
            }

            fn refuse(ws: &mut Self::Ws<'_, Server>, refusal: &Refusal<'_>) -> Outcome<()> {
                $run(ws.refuse(refusal))
            }

            fn connect<R: Random>(
                ws: &mut Self::Ws<'_, Client<R>>,
                request: &ClientRequest<'_>,
            ) -> Outcome<Option<String>> {
                Ok($run(ws.connect(request))?.subprotocol().map(str::to_owned))
            }

            fn split<Ro: Role>(ws: Self::Ws<'_, Ro>) -> (Self::Rx<'_, Ro>, Self::Tx<'_, Ro>) {
                ws.split(|socket| (socket.clone(), socket))
            }

            fn unsplit<'b, Ro: Role>(
                receiver: Self::Rx<'b, Ro>,
                sender: Self::Tx<'b, Ro>,
            ) -> Option<Self::Ws<'b, Ro>> {
                $module::WebSocket::unsplit(receiver, sender, |_, socket| socket).ok()
            }

            fn answer<Ro: Role>(
                sender: &mut Self::Tx<'_, Ro>,
                receiver: &mut Self::Rx<'_, Ro>,
            ) -> Outcome<bool> {
                match receiver.reply() {
                    Some(reply) => $run(sender.answer(reply)).map(|()| true),
                    None => Ok(false),
                }
            }

            fn send<Ro: Role>(sender: &mut Self::Tx<'_, Ro>, chunk: Chunk<'_>) -> Outcome<()> {
                $run(sender.send(chunk))
            }
        }

        impl<Ro: Role> Talk for $module::WebSocket<'_, pipe::$socket, Ro> {
            fn receive(&mut self) -> Outcome<Seen> {
                $run(self.receive()).map(|(received, _)| seen(received))
            }

            fn receive_data(&mut self) -> Outcome<Option<Seen>> {
                let (message, _) = $run(self.receive_data())?;
                Ok(message.map(|message| seen(Received::Data(message))))
            }

            fn receive_chunk(&mut self) -> Outcome<Part> {
                $run(self.receive_chunk()).map(|(received, _)| part(received))
            }

            fn send<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Outcome<()> {
                $run(self.send(chunk))
            }

            fn queue<'m>(&mut self, chunk: impl Into<Chunk<'m>>) -> Outcome<()> {
                $run(self.sender().queue(chunk))
            }

            fn ping(&mut self, payload: &[u8]) -> Outcome<()> {
                $run(self.sender().ping(payload))
            }

            fn pong(&mut self, payload: &[u8]) -> Outcome<()> {
                $run(self.sender().pong(payload))
            }

            fn close<'m>(&mut self, close: impl Into<Close<'m>>) -> Outcome<()> {
                $run(self.close(close))
            }

            fn flush(&mut self) -> Outcome<()> {
                $run(self.sender().flush())
            }

            fn finish(&mut self) -> Outcome<()> {
                $run(self.finish())
            }

            fn close_and_finish<'m>(&mut self, close: impl Into<Close<'m>>) -> Outcome<()> {
                $run(self.close_and_finish(close))
            }

            fn message_piece(&mut self, kind: Kind, piece: &[u8]) -> Outcome<usize> {
                $run($io::Write::write(&mut self.sender().message(kind), piece))
            }

            fn message_flush(&mut self, kind: Kind) -> Outcome<()> {
                $run($io::Write::flush(&mut self.sender().message(kind)))
            }

            fn message_end(&mut self, kind: Kind) -> Outcome<()> {
                $run(self.sender().message(kind).finish())
            }

            fn message_of(&mut self, kind: Kind, len: usize) -> Outcome<()> {
                $run(self.sender().message_of(kind, len)).map(drop)
            }

            fn message_of_pieces(
                &mut self,
                kind: Kind,
                len: usize,
                pieces: &[&[u8]],
            ) -> Outcome<()> {
                let mut writer = $run(self.sender().message_of(kind, len))?;
                for piece in pieces {
                    $run($io::Write::write_all(&mut writer, piece))?;
                }
                $run(writer.finish())
            }

            fn write(&mut self, payload: &[u8]) -> Outcome<()> {
                $run(self.sender().write(payload))
            }

            fn unfinished(&mut self) -> usize {
                self.sender().unfinished()
            }

            fn may_begin(&mut self) -> Result<(), SendError> {
                self.sender().may_begin()
            }

            fn bytes_received(&self) -> u64 {
                self.bytes_received()
            }

            fn is_close_sent(&self) -> bool {
                self.is_close_sent()
            }

            fn into_unread(self) -> Vec<u8> {
                self.into_parts().1.to_vec()
            }
        }

        impl<Ro: Role> Hear for $module::Receiver<'_, pipe::$socket, Ro> {
            fn receive(&mut self) -> Outcome<Seen> {
                $run(self.receive()).map(seen)
            }

            fn receive_chunk(&mut self) -> Outcome<Part> {
                $run(self.receive_chunk()).map(part)
            }

            fn has_reply(&mut self) -> bool {
                self.reply().is_some()
            }

            fn bytes_received(&self) -> u64 {
                self.bytes_received()
            }
        }
    };
    (@tells dropped) => { false };
    (@tells $run:ident) => { true };
    (@socket End, $end:ident) => { $end };
    (@socket $socket:ident, $end:ident) => { pipe::$socket($end) };
}

faces!(
    /// The blocking driver, whose socket would block.
    Blocking: blocking, End, returned, embedded_io
);
faces!(
    /// The async driver, whose socket is ready with an error.
    Ready: asynch, Ready, ready, embedded_io_async
);
faces!(
    /// The async driver, whose future is dropped when it has to wait.
    Dropped: asynch, Async, dropped, embedded_io_async
);
