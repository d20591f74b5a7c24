//! `Connection`, as both roles.

use wirelet::{
    Chunk, Client, Close, CloseCode, Connection, Event, FrameStart, Incoming, Kind, Outgoing,
    Progress, ProtocolError, SendError, Server,
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

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_receive_within"))]
            pub fn receive_within<'b>(
                connection: &mut Connection<$role>,
                limit: usize,
                input: &'b mut [u8],
            ) -> Result<Progress<'b>, ProtocolError> {
                connection.receive_within(limit, input)
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

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_begin"))]
            pub fn begin(
                connection: &mut Connection<$role>,
                kind: Kind,
                is_last: bool,
                len: usize,
            ) -> Result<FrameStart, SendError> {
                connection.begin(kind, is_last, len)
            }

            #[unsafe(export_name = concat!("connection_", stringify!($name), "_payload"))]
            pub fn payload(
                connection: &mut Connection<$role>,
                piece: &[u8],
                out: &mut [u8],
            ) -> Result<usize, SendError> {
                connection.payload(piece, out)
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
            pub fn state(
                connection: &Connection<$role>,
            ) -> (&[u8], Option<Close<'_>>, [bool; 5], usize, u64) {
                (
                    connection.control_payload(),
                    connection.close_received(),
                    [
                        connection.is_close_sent(),
                        connection.is_closed(),
                        connection.closes_tcp_first(),
                        connection.has_more(),
                        connection.may_begin().is_ok(),
                    ],
                    connection.unfinished(),
                    connection.remaining(),
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
