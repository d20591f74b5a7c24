//! The size of each public type that holds a state or is lent; small enums and errors are left out.

use wirelet::blocking::{Receiver, Sender, WebSocket, Writer};
use wirelet::handshake::{
    Acceptance, ClientRequest, HeadScanner, Key, Refusal, Request, Response, Upgrade,
};
use wirelet::{
    Buffers, Chunk, Client, Close, Connection, Deadline, Error, FrameStart, Header, Incoming,
    Keepalive, MaskingKey, Message, Outgoing, Progress, Received, Server, Storage, Utf8Validator,
};

macro_rules! sizes {
    ($($type:ty),* $(,)?) => { [$((stringify!($type), size_of::<$type>())),*] };
}

pub(super) const ALL: [(&str, usize); 31] = sizes![
    Connection<Server>,
    Connection<Client<()>>,
    Incoming<Server>,
    Outgoing<Server>,
    Outgoing<Client<()>>,
    WebSocket<'_, (), Server>,
    WebSocket<'_, (), Client<()>>,
    Sender<'_, (), Server>,
    Receiver<'_, (), Server>,
    Writer<'_, '_, (), Server>,
    Buffers<'_>,
    Storage<1, 0, 131>,
    Request<'_>,
    Upgrade<'_>,
    Response<'_>,
    ClientRequest<'_>,
    HeadScanner,
    Acceptance<'_>,
    Refusal<'_>,
    Key,
    Header,
    FrameStart,
    Progress<'_>,
    Received<'_, Message<'_>>,
    Received<'_, Chunk<'_>>,
    Close<'_>,
    MaskingKey,
    Utf8Validator,
    Error<()>,
    Keepalive,
    Deadline,
];
