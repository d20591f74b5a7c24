//! `Connection`, as both roles.

use wirelet::{
    Chunk, Client, Close, CloseCode, Connection, Event, FrameStart, Incoming, Outgoing, Progress,
    ProtocolError, SendError, Server,
};

use crate::socket::Random;

macro_rules! exports {
    ($name:ident, $role:ty) => {
        mod $name {
            use super::*;

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_new"))]
            pub fn new(role: $role) -> Connection<$role> {
                Connection::new(role)
            }

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_receive"))]
            pub fn receive<'b>(
                connection: &mut Connection<$role>,
                input: &'b mut [u8],
            ) -> Result<Progress<'b>, ProtocolError> {
                connection.receive(input)
            }

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_reply"))]
            pub fn reply(connection: &mut Connection<$role>, out: &mut [u8]) -> usize {
                connection.reply(out)
            }

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_send"))]
            pub fn send(
                connection: &mut Connection<$role>,
                chunk: Chunk<'_>,
                out: &mut [u8],
            ) -> Result<usize, SendError> {
                connection.send(chunk, out)
            }

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_start"))]
            pub fn start(
                connection: &mut Connection<$role>,
                chunk: &Chunk<'_>,
                payload: &mut [u8],
                write: fn(&[u8]),
            ) -> Result<FrameStart, SendError> {
                let mut start = connection.start(chunk)?;
                write(start.header());
                start.mask(payload);
                Ok(start)
            }

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_ping"))]
            pub fn ping(
                connection: &mut Connection<$role>,
                payload: &[u8],
                out: &mut [u8],
            ) -> Result<usize, SendError> {
                connection.ping(payload, out)
            }

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_pong"))]
            pub fn pong(
                connection: &mut Connection<$role>,
                payload: &[u8],
                out: &mut [u8],
            ) -> Result<usize, SendError> {
                connection.pong(payload, out)
            }

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_close"))]
            pub fn close(
                connection: &mut Connection<$role>,
                close: Close<'_>,
                out: &mut [u8],
            ) -> Result<usize, SendError> {
                connection.close(close, out)
            }

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_fail"))]
            pub fn fail(connection: &mut Connection<$role>, code: CloseCode) {
                connection.fail(code);
            }

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_state"))]
            pub fn state(connection: &Connection<$role>) -> (&[u8], Option<Close<'_>>, [bool; 3]) {
                (
                    connection.control_payload(),
                    connection.close_received(),
                    [
                        connection.is_close_sent(),
                        connection.is_closed(),
                        connection.closes_tcp_first(),
                    ],
                )
            }

            /// The whole of a server or client that echoes, as firmware writes it.
            #[unsafe(export_name = concat!("connection_", stringify!($name), "_halves"))]
            pub fn halves(
                incoming: &mut Incoming<$role>,
                outgoing: &mut Outgoing<$role>,
                input: &mut [u8],
                out: &mut [u8],
            ) -> Result<usize, ProtocolError> {
                let Progress { consumed, event } = incoming.receive(input)?;
                if let Some(Event::Chunk(chunk)) = event {
                    outgoing.send(chunk, out).ok();
                }
                outgoing.reply(incoming, out);
                Ok(consumed)
            }
        }
    };
}

exports!(server, Server);
exports!(client, Client<Random>);
