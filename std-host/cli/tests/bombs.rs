//! Messages that are short on the wire and long behind it: 1009 at the limit, and no memory for what is beyond.

mod harness;

use std::io::Write as _;

use harness::{CLOSE, Running, ended, frame, read_frame, read_head, tcp, upgrade_request};
use zlib_rs::{Deflate, DeflateFlush};

const MIB: usize = 1 << 20;

/// Zeros that make 1,000 of each byte: so many times 1 MiB, each in blocks of its own.
fn bomb(mib: usize) -> Vec<u8> {
    let mut deflate = Deflate::new(9, false, 15);
    let mut block = vec![0; MIB];
    deflate.compress(&vec![0; MIB], &mut block, DeflateFlush::SyncFlush).unwrap();
    block.truncate(usize::try_from(deflate.total_out()).unwrap());
    assert!(block.len() * 900 < MIB, "{} bytes", block.len());
    let mut bomb = block.repeat(mib);
    bomb.truncate(bomb.len() - 4); // RFC 7692 §7.2.1
    bomb
}

/// In so many frames.
fn in_frames(message: &[u8], n: usize) -> Vec<u8> {
    let pieces: Vec<&[u8]> = message.chunks(message.len().div_ceil(n)).collect();
    let mut frames = Vec::new();
    for (i, piece) in pieces.iter().enumerate() {
        let (first, last) = (i == 0, i + 1 == pieces.len());
        let byte = if first { 0x42 } else { 0x00 } | if last { 0x80 } else { 0 };
        frames.extend(frame(byte, piece));
    }
    frames
}

#[test]
fn a_bomb_is_closed_with_1009_and_takes_no_memory() {
    // Far beyond the limit, and just beyond it in one block.
    let bombs = [bomb(500), bomb(2)];
    for deflate in ["--deflate", "--deflate=15"] {
        let args = ["--mode", "echo", "--max-message", "1MiB", "--threads", "2", deflate];
        let mut server = Running::serve(&args);
        let before = server.rss_kib();
        for bomb in &bombs {
            for n_frames in [1, 2, 100] {
                let frames = in_frames(bomb, n_frames);
                let mut sockets: Vec<_> = (0..10)
                    .map(|_| {
                        let mut socket = tcp(server.addr);
                        let head = upgrade_request();
                        let head = head.trim_end();
                        let offer = "Sec-WebSocket-Extensions: permessage-deflate";
                        write!(socket, "{head}\r\n{offer}\r\n\r\n").unwrap();
                        assert!(read_head(&mut socket).contains("permessage-deflate"));
                        socket
                    })
                    .collect();
                for socket in &mut sockets {
                    // It may be refused before it has wholly left.
                    let _ = socket.write_all(&frames);
                }
                for socket in &mut sockets {
                    let (first, payload) = read_frame(socket);
                    assert_eq!((first, &payload[..2]), (CLOSE, &b"\x03\xf1"[..]), "{n_frames}");
                    ended(socket);
                }
            }
        }
        let grown = server.peak_kib().saturating_sub(before);
        assert!(grown < 16 * 1024, "{deflate}: {grown} KiB");
        server.signal("TERM");
        assert_eq!(server.wait(), Some(0));
    }
}
