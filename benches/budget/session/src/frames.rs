//! Frames and heads, made by the compiler.

/// Makes a frame, masked as a client's or not as a server's, whose payload is the alphabet.
pub(crate) const fn frame<const LEN: usize>(
    first: u8,
    payload_len: u16,
    key: Option<[u8; 4]>,
) -> [u8; LEN] {
    let mut frame = [0; LEN];
    let mask_bit = if key.is_some() { 0x80 } else { 0 };
    frame[0] = first;
    let mut at = 2;
    let [high, low] = payload_len.to_be_bytes();
    if payload_len < 126 {
        frame[1] = mask_bit | low;
    } else {
        frame[1] = mask_bit | 0x7e;
        frame[2] = high;
        frame[3] = low;
        at = 4;
    }
    let key = match key {
        Some(key) => {
            let mut i = 0;
            while i < 4 {
                frame[at] = key[i];
                at += 1;
                i += 1;
            }
            key
        }
        None => [0; 4],
    };
    assert!(at + payload_len as usize == LEN);
    let mut i = 0;
    while at < LEN {
        frame[at] = ALPHABET[i % ALPHABET.len()] ^ key[i % 4];
        at += 1;
        i += 1;
    }
    frame
}

pub(crate) const KEY: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);

const ALPHABET: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";

/// The request of Chromium 143 to a board.
pub(crate) const REQUEST: &[u8] = b"GET /echo HTTP/1.1\r\n\
    Host: 192.168.1.40\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/143.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: http://192.168.1.40\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate\r\n\
    Accept-Language: en-US,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
    \r\n";

/// The answer to its key (RFC 6455 §1.3).
pub(crate) const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A client's close frame with code 1000.
pub(crate) const CLOSE_OF_CLIENT: &[u8] =
    &[0x88, 0x82, 0x37, 0xfa, 0x21, 0x3d, 0x03 ^ 0x37, 0xe8 ^ 0xfa];

/// The server's answer to it.
pub(crate) const CLOSE: &[u8] = &[0x88, 0x02, 0x03, 0xe8];
