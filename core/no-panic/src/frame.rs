//! What knows no connection: headers, masking, text, closes, joining and time.

use core::fmt::{self, Write};
use core::time::Duration;

use embedded_io::{Error as _, ErrorKind};
use wirelet::{
    Action, Buffers, CapacityError, Chunk, Close, CloseCode, Deadline, Error, Header, Inbox,
    Keepalive, Kind, LengthForm, MaskingKey, Message, Opcode, ProtocolError, SendError, Storage,
    Store, Utf8Validator,
};

use crate::socket::Failed;

#[unsafe(no_mangle)]
pub fn header_decode(input: &[u8]) -> Result<Option<(Header, usize)>, ProtocolError> {
    Header::decode(input)
}

#[unsafe(no_mangle)]
pub fn header_encode<'b>(header: &Header, out: &'b mut [u8; Header::MAX_LEN]) -> &'b [u8] {
    header.encode(out)
}

#[unsafe(no_mangle)]
pub fn header_decode_any(input: &[u8]) -> Option<(Header, usize)> {
    Header::decode_any(input)
}

#[unsafe(no_mangle)]
pub fn header_encode_as<'b>(
    header: &Header,
    form: LengthForm,
    out: &'b mut [u8; Header::MAX_LEN],
) -> Option<&'b [u8]> {
    header.encode_as(form, out)
}

#[unsafe(no_mangle)]
pub fn opcode_bits(bits: u8, opcode: Opcode) -> (Opcode, u8, bool) {
    (Opcode::from_bits(bits), opcode.bits(), opcode.is_control())
}

#[unsafe(no_mangle)]
pub fn masking_key_apply(key: &mut MaskingKey, payload: &mut [u8]) {
    key.apply(payload);
}

#[unsafe(no_mangle)]
pub fn masking_key_advance(key: &mut MaskingKey, len: usize) {
    key.advance(len);
}

#[unsafe(no_mangle)]
pub fn utf8_validator_push(
    validator: &mut Utf8Validator,
    piece: &[u8],
) -> Result<(), ProtocolError> {
    validator.push(piece)
}

#[unsafe(no_mangle)]
pub fn close_decode(payload: &[u8]) -> Result<Close<'_>, ProtocolError> {
    Close::decode(payload)
}

#[unsafe(no_mangle)]
pub fn close_with_reason(code: u16, reason: &str) -> Option<Result<Close<'_>, SendError>> {
    CloseCode::new(code).map(|code| Close::with_reason(code, reason))
}

#[unsafe(no_mangle)]
pub fn chunk_as_str<'b>(chunk: &Chunk<'b>) -> (Option<&'b str>, Option<Message<'b>>) {
    (chunk.as_str(), chunk.message())
}

#[unsafe(no_mangle)]
pub fn chunk_eq(one: &Chunk<'_>, other: &Chunk<'_>) -> bool {
    one == other
}

#[unsafe(no_mangle)]
pub fn inbox_vec_push<'m>(
    inbox: &'m mut Inbox<heapless::Vec<u8, 256>>,
    chunk: Chunk<'m>,
) -> Result<Option<Message<'m>>, CapacityError> {
    inbox.push(chunk)
}

#[unsafe(no_mangle)]
pub fn inbox_vec_view_push<'m>(
    inbox: &'m mut Inbox<&mut heapless::VecView<u8>>,
    chunk: Chunk<'m>,
) -> Result<Option<Message<'m>>, CapacityError> {
    inbox.push(chunk)
}

#[unsafe(no_mangle)]
pub fn inbox_vec_clear(inbox: &mut Inbox<heapless::Vec<u8, 256>>) -> usize {
    inbox.clear();
    inbox.store().room()
}

#[unsafe(no_mangle)]
pub fn inbox_vec_push_stored(
    inbox: &mut Inbox<heapless::Vec<u8, 256>>,
    kind: Kind,
    is_last: bool,
) -> Option<Message<'_>> {
    inbox.push_stored(kind, is_last)
}

#[unsafe(no_mangle)]
pub fn storage_buffers(storage: &mut Storage<1024, 4096, 256>) -> Buffers<'_> {
    *storage = Storage::new();
    storage.buffers()
}

#[unsafe(no_mangle)]
pub fn buffers_new<'b>(
    receive: &'b mut [u8],
    message: &'b mut [u8],
    transmit: &'b mut [u8],
) -> Option<Buffers<'b>> {
    Buffers::new(receive, message, transmit)
}

#[unsafe(no_mangle)]
pub fn keepalive_new(interval: Duration, timeout: Duration, now: Duration) -> Keepalive {
    Keepalive::new(interval, timeout, now)
}

#[unsafe(no_mangle)]
pub fn keepalive_poll(keepalive: &mut Keepalive, now: Duration) -> Action {
    keepalive.poll(now)
}

#[unsafe(no_mangle)]
pub fn keepalive_heard(keepalive: &mut Keepalive, now: Duration) -> Duration {
    keepalive.heard(now);
    keepalive.remaining(now)
}

#[unsafe(no_mangle)]
pub fn keepalive_progress(keepalive: &mut Keepalive, n_received: u64, now: Duration) {
    keepalive.progress(n_received, now);
}

#[unsafe(no_mangle)]
pub fn deadline_remaining(limit: Duration, now: Duration, then: Duration) -> Option<Duration> {
    Deadline::after(limit, now).remaining(then)
}

#[unsafe(no_mangle)]
pub fn error_transport(error: Error<Failed>) -> Option<Failed> {
    error.transport()
}

#[unsafe(no_mangle)]
pub fn error_from(error: Failed) -> (Error<Failed>, ErrorKind) {
    let error = Error::from(error);
    (error, error.kind())
}

/// An error shown to people.
#[unsafe(no_mangle)]
pub fn error_display(error: &Error<Failed>, out: &mut dyn Write) -> fmt::Result {
    write!(out, "{error}")
}
