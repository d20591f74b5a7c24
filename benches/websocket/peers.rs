//! The other libraries, each by its public API.

pub(crate) mod embedded_websocket;
pub(crate) mod fastwebsockets;
mod hyper;
pub(crate) mod sockudo_ws;
pub(crate) mod soketto;
pub(crate) mod tokio_websockets;
pub(crate) mod tungstenite;
pub(crate) mod web_socket;
pub(crate) mod websocketz;
pub(crate) mod ws_framer;
pub(crate) mod wtx;
pub(crate) mod yawc;
