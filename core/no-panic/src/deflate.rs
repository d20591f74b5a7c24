//! `wirelet::deflate`.

use wirelet::deflate::{
    Deflate, Deflater, Inflate, Inflater, Malformed, Position, UnacceptableAnswer, Window,
};
use wirelet::handshake::{Response, Upgrade};
use wirelet::{Connection, Progress, ProtocolError, Server};

#[unsafe(no_mangle)]
pub fn inflater_inflate(
    inflater: &mut Inflater,
    input: &mut &[u8],
    window: &mut Window<'_>,
) -> Result<bool, Malformed> {
    inflater.inflate(input, window)
}

#[unsafe(no_mangle)]
pub fn inflater_end(inflater: &mut Inflater, window: &mut Window<'_>) -> Result<bool, Malformed> {
    inflater.end(window)
}

#[unsafe(no_mangle)]
pub fn inflate_receive<'b>(
    connection: &mut Connection<Server, Inflate>,
    input: &'b mut [u8],
) -> Result<Progress<'b>, ProtocolError> {
    connection.receive(input)
}

#[unsafe(no_mangle)]
pub fn inflate_inflate(
    inflate: &mut Inflate,
    input: &mut &[u8],
    is_last: bool,
    window: &mut Window<'_>,
) -> Result<bool, ProtocolError> {
    inflate.inflate(input, is_last, window)
}

#[unsafe(no_mangle)]
pub fn window_at(memory: &mut [u8], at: Position) -> Window<'_> {
    Window::at(memory, at)
}

#[unsafe(no_mangle)]
pub fn window_take<'w>(window: &'w mut Window<'_>) -> &'w [u8] {
    window.take();
    window.fresh()
}

#[unsafe(no_mangle)]
pub fn deflater_deflate(
    deflater: &mut Deflater<'_>,
    message: &[u8],
    at: usize,
    out: &mut [u8],
) -> (usize, usize) {
    deflater.deflate(message, at, out)
}

#[unsafe(no_mangle)]
pub fn deflater_end(deflater: &mut Deflater<'_>, out: &mut [u8]) -> Option<usize> {
    deflater.end(out)
}

#[unsafe(no_mangle)]
pub fn deflate_accept(wish: &Deflate, upgrade: &Upgrade<'_>) -> Option<Deflate> {
    wish.accept(upgrade.extensions())
}

#[unsafe(no_mangle)]
pub fn deflate_agree(
    offer: &Deflate,
    response: &Response<'_>,
) -> Result<Option<Deflate>, UnacceptableAnswer> {
    offer.agree(response.extensions())
}

#[unsafe(no_mangle)]
pub fn deflate_with_limits(bits: u8) -> Deflate {
    Deflate::new().server_max_window_bits(bits).client_max_window_bits(bits)
}
