//! The opening handshake of §1.2 and §1.3.

use wirelet::handshake::{Acceptance, ClientRequest, HeadScanner, Key, Request, ResponseError};

const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\
    \r\n";

const RESPONSE: &[u8; 129] = b"HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    \r\n";

pub(crate) fn the_server_sends_the_accept_value_of_section_1_3() {
    for received in 0..REQUEST.len() {
        assert_eq!(HeadScanner::new().scan(&REQUEST[..received]), Ok(None));
    }
    assert_eq!(HeadScanner::new().scan(REQUEST), Ok(Some(REQUEST.len())));
    let request: Request = Request::parse(REQUEST).expect("it is a request");
    assert_eq!(request.path(), "/chat");
    let upgrade = request.upgrade().expect("it is a handshake");
    let mut out = [0; 256];
    let n = upgrade.accept(&Acceptance::default(), &mut out).expect("there is room");
    assert_eq!(&out[..n], RESPONSE);
}

pub(crate) fn the_client_takes_this_accept_value_and_no_other() {
    let request = ClientRequest::new("server.example.com", "/chat");
    let key = Key::from_nonce(*b"the sample nonce");
    assert_eq!(&key.accept(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert!(request.verify(&key, RESPONSE).is_ok());

    let mut wrong = *RESPONSE;
    let at = wrong.windows(3).position(|bytes| bytes == b"s3p").expect("the value is there");
    wrong[at] ^= 1;
    assert_eq!(request.verify(&key, &wrong).err(), Some(ResponseError::Accept));
}
