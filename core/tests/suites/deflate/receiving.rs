//! Messages that are deflated, through a connection (RFC 7692 §6, §7.2.2).

use wirelet::deflate::{Deflate, Inflate, Position, Window};
use wirelet::{CloseCode, Connection, Event, Extension as _, Kind, ProtocolError, Role};

use super::inflating::{How, Zlib};
use super::messages;
use crate::common::{TestRole, on_both_roles};

/// What a connection brings.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Brought {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
}

const RSV1: u8 = 0x40;
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const PING: u8 = 0x89;
const FIN: u8 = 0x80;

/// A receiver with the memory for a ring.
struct Receiver<Ro> {
    connection: Connection<Ro, Inflate>,
    memory: Vec<u8>,
    at: Position,
    message: Vec<u8>,
}

impl<Ro: TestRole + Role> Receiver<Ro> {
    fn new(agreed: Deflate, memory: usize) -> Self {
        let direction = if Ro::IS_CLIENT { agreed.server() } else { agreed.client() };
        let mut memory = vec![0; memory];
        let at = Window::ring(&mut memory).position();
        let connection = Connection::with_extension(Ro::role(), Inflate::new(direction));
        Self { connection, memory, at, message: Vec::new() }
    }

    /// Receives what comes in pieces of `cut` bytes.
    fn receive(&mut self, stream: &[u8], cut: usize) -> Result<Vec<Brought>, ProtocolError> {
        let mut all = Vec::new();
        for piece in stream.chunks(cut) {
            let mut piece = piece.to_vec();
            let mut at = 0;
            while at < piece.len() {
                let progress = self.connection.receive(&mut piece[at..])?;
                at += progress.consumed;
                match progress.event {
                    Some(Event::Chunk(chunk)) => {
                        let (kind, mut bytes) = (chunk.kind(), chunk.as_bytes());
                        let extension = self.connection.extension_mut();
                        if !extension.transforms() {
                            self.message.extend_from_slice(bytes);
                            if chunk.is_last() {
                                all.push(Brought::Message(kind, std::mem::take(&mut self.message)));
                            }
                            continue;
                        }
                        assert_eq!(kind, Kind::Binary, "what was not inflated is no text");
                        let mut window = Window::at(&mut self.memory, self.at);
                        loop {
                            let more =
                                extension.inflate(&mut bytes, chunk.is_last(), &mut window)?;
                            self.message.extend_from_slice(window.fresh());
                            window.take();
                            if !more {
                                break;
                            }
                        }
                        self.at = window.position();
                        if chunk.is_last() {
                            let message = std::mem::take(&mut self.message);
                            all.push(Brought::Message(extension.kind(), message));
                        }
                    }
                    Some(Event::Ping) => {
                        all.push(Brought::Ping(self.connection.control_payload().to_vec()));
                        while self.connection.reply(&mut [0; 200]) > 0 {}
                    }
                    _ => {}
                }
            }
        }
        Ok(all)
    }
}

/// A deflated message in frames of so many bytes, with a ping before each but the first.
fn frames<Ro: TestRole>(opcode: u8, deflated: &[u8], len: usize) -> Vec<u8> {
    let pieces: Vec<&[u8]> = deflated.chunks(len).collect();
    let mut stream = Vec::new();
    for (i, piece) in pieces.iter().enumerate() {
        let first = if i == 0 { opcode & !FIN | RSV1 } else { 0 };
        let fin = if i + 1 == pieces.len() { FIN } else { 0 };
        if i > 0 {
            stream.extend(Ro::received(PING, b"between"));
        }
        stream.extend(Ro::received(first | fin, piece));
    }
    stream
}

fn deflated_messages_come_out_with_plain_ones_and_pings_between<Ro: TestRole + Role>() {
    for takes_over in [true, false] {
        let mut agreed = Deflate::new();
        if !takes_over {
            agreed = agreed.client_no_context_takeover().server_no_context_takeover();
        }
        let mut zlib = Zlib::new(How::BEST);
        let (mut stream, mut wanted) = (Vec::new(), Vec::new());
        for (i, message) in messages().into_iter().enumerate() {
            let is_text = std::str::from_utf8(&message).is_ok();
            let (opcode, kind) = if is_text { (TEXT, Kind::Text) } else { (BINARY, Kind::Binary) };
            if !takes_over {
                zlib = Zlib::new(How::BEST);
            }
            let deflated = zlib.deflate(&message);
            let len = [usize::MAX, 100, 7][i % 3].min(deflated.len());
            stream.extend(frames::<Ro>(opcode, &deflated, len));
            wanted.extend(
                (len..deflated.len()).step_by(len).map(|_| Brought::Ping(b"between".into())),
            );
            wanted.push(Brought::Message(kind, message));
            // It leaves the window as it is.
            stream.extend(Ro::received(TEXT, b"plain"));
            wanted.push(Brought::Message(Kind::Text, b"plain".to_vec()));
        }
        for cut in [1, 13, 4096] {
            let mut receiver = Receiver::<Ro>::new(agreed, 1 << 15);
            assert!(receiver.receive(&stream, cut) == Ok(wanted.clone()), "cut at {cut}");
        }
    }
}

fn what_refers_to_the_message_before_is_refused_where_nothing_is_taken_over<Ro: TestRole + Role>() {
    let agreed = Deflate::new().client_no_context_takeover().server_no_context_takeover();
    let hello = Ro::received(TEXT | RSV1, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    let again = Ro::received(TEXT | RSV1, &[0xf2, 0x00, 0x11, 0x00, 0x00]);
    let mut receiver = Receiver::<Ro>::new(agreed, 1 << 15);
    assert!(receiver.receive(&hello, 9).is_ok());
    assert_eq!(receiver.receive(&again, 9), Err(ProtocolError::InvalidDeflate));
    let code = CloseCode::INVALID_FRAME_PAYLOAD_DATA;
    assert_eq!(ProtocolError::InvalidDeflate.close_code(), code);
    let mut receiver = Receiver::<Ro>::new(Deflate::new(), 1 << 15);
    let both = [hello, again].concat();
    let wanted = || Brought::Message(Kind::Text, b"Hello".to_vec());
    assert_eq!(receiver.receive(&both, 9), Ok(vec![wanted(), wanted()]));
}

fn the_first_reserved_bit_is_for_the_first_frame_alone<Ro: TestRole + Role>() {
    let first = Ro::received(0x01 | RSV1, &[0xf2, 0x48]);
    for second in [FIN | RSV1, RSV1, 0x20, 0x10, PING | RSV1, 0x88 | RSV1] {
        let stream = [first.clone(), Ro::received(second, &[0xcd])].concat();
        let mut receiver = Receiver::<Ro>::new(Deflate::new(), 1 << 15);
        assert_eq!(receiver.receive(&stream, 99), Err(ProtocolError::ReservedBits), "{second:x}");
    }
    for first in [TEXT | 0x20, BINARY | 0x10, TEXT | 0x70] {
        let mut receiver = Receiver::<Ro>::new(Deflate::new(), 1 << 15);
        let stream = Ro::received(first, &[0]);
        assert_eq!(receiver.receive(&stream, 99), Err(ProtocolError::ReservedBits), "{first:x}");
    }
}

fn text_fails_at_its_first_bad_byte_and_binary_does_not<Ro: TestRole + Role>() {
    let mut bad = "Grüße ".repeat(2000).into_bytes();
    bad[6005] = 0xff;
    let mut cut_off = "Grüße".as_bytes().to_vec();
    cut_off.push(0xc3);
    for (message, may_begin) in [(&bad, true), (&cut_off, false)] {
        let deflated = Zlib::new(How::BEST).deflate(message);
        let frame = Ro::received(TEXT | RSV1, &deflated);
        // Without its last byte, it is known to be bad already.
        let sent = if may_begin { &frame[..frame.len() - 1] } else { &frame[..] };
        for cut in [1, 1000] {
            let mut receiver = Receiver::<Ro>::new(Deflate::new(), 1 << 15);
            assert_eq!(receiver.receive(sent, cut), Err(ProtocolError::InvalidUtf8));
        }
        let mut receiver = Receiver::<Ro>::new(Deflate::new(), 1 << 15);
        let frame = Ro::received(BINARY | RSV1, &deflated);
        let wanted = Ok(vec![Brought::Message(Kind::Binary, message.clone())]);
        assert_eq!(receiver.receive(&frame, 1000), wanted);
    }
}

fn a_message_that_brings_nothing_does_not_go_on_for_ever<Ro: TestRole + Role>() {
    let mut connection =
        Connection::with_extension(Ro::role(), Inflate::new(Deflate::new().client()));
    let nothing = [0, 0, 0, 0xff, 0xff].repeat(20);
    let mut result = Ok(());
    let mut n = 0;
    while result.is_ok() {
        let mut frame = Ro::received(if n == 0 { 0x02 | RSV1 } else { 0 }, &nothing);
        result = connection.receive_within(1000, &mut frame).map(|_| ());
        n += 1;
    }
    assert_eq!((result, n), (Err(ProtocolError::MessageTooBig), 81));
}

on_both_roles!(
    deflated_messages_come_out_with_plain_ones_and_pings_between,
    what_refers_to_the_message_before_is_refused_where_nothing_is_taken_over,
    the_first_reserved_bit_is_for_the_first_frame_alone,
    text_fails_at_its_first_bad_byte_and_binary_does_not,
    a_message_that_brings_nothing_does_not_go_on_for_ever,
);
