//! The opening handshake, both roles.

use wirelet::handshake::{
    Acceptance, AllowList, BuildError, ClientRequest, Extension, HandshakeError, HeadScanner, Key,
    MalformedExtension, ParameterValue, Piece, Refusal, Request, RequestError, Response,
    ResponseError, Status, SwitchingProtocols, Upgrade,
};

#[unsafe(no_mangle)]
pub fn head_scanner_scan(
    scanner: &mut HeadScanner,
    received: &[u8],
) -> Result<Option<usize>, RequestError> {
    scanner.scan(received)
}

#[unsafe(no_mangle)]
pub fn head_scanner_scan_response(
    scanner: &mut HeadScanner,
    received: &mut [u8],
) -> Result<Option<usize>, ResponseError> {
    scanner.scan_response(received)
}

#[unsafe(no_mangle)]
pub fn request_parse(head: &[u8]) -> Result<Request<'_>, RequestError> {
    Request::parse(head)
}

#[unsafe(no_mangle)]
pub fn request_target<'b>(request: &Request<'b>) -> (&'b str, &'b str, Option<&'b str>, bool) {
    (request.method(), request.path(), request.query(), request.is_upgrade())
}

#[unsafe(no_mangle)]
pub fn request_header<'r>(request: &'r Request<'_>, name: &str) -> Option<&'r [u8]> {
    request.header(name)
}

#[unsafe(no_mangle)]
pub fn request_headers(request: &Request<'_>, show: fn(&str, &[u8])) {
    request.headers().for_each(|(name, value)| show(name, value));
}

#[unsafe(no_mangle)]
pub fn request_host<'b>(request: &Request<'b>) -> Result<Option<&'b [u8]>, RequestError> {
    request.host()
}

#[unsafe(no_mangle)]
pub fn request_upgrade<'r>(request: &'r Request<'_>) -> Result<Upgrade<'r>, RequestError> {
    request.upgrade()
}

#[unsafe(no_mangle)]
pub fn upgrade_origin<'r>(upgrade: &Upgrade<'r>) -> (&'r [u8], Option<&'r [u8]>, bool) {
    (upgrade.host(), upgrade.origin(), upgrade.is_same_origin())
}

#[unsafe(no_mangle)]
pub fn upgrade_subprotocols(upgrade: &Upgrade<'_>, show: fn(&str)) {
    upgrade.subprotocols().for_each(show);
}

#[unsafe(no_mangle)]
pub fn upgrade_extensions(
    upgrade: &Upgrade<'_>,
    show: fn(Result<Extension<'_>, MalformedExtension>),
) {
    upgrade.extensions().for_each(show);
}

#[unsafe(no_mangle)]
pub fn extension_parameters(
    extension: &Extension<'_>,
    show: fn(&str, &str, Option<ParameterValue<'_>>),
) {
    extension.parameters().for_each(|(name, value)| show(extension.name(), name, value));
}

#[unsafe(no_mangle)]
pub fn parameter_value_is(value: &ParameterValue<'_>, other: &str) -> bool {
    *value == *other
}

#[unsafe(no_mangle)]
pub fn upgrade_choose_subprotocol<'s>(
    upgrade: &Upgrade<'_>,
    supported: &[&'s str],
) -> Option<&'s str> {
    upgrade.choose_subprotocol(supported)
}

#[unsafe(no_mangle)]
pub fn upgrade_accept(
    upgrade: &Upgrade<'_>,
    acceptance: &Acceptance<'_>,
    out: &mut [u8],
) -> Result<usize, HandshakeError> {
    upgrade.accept(acceptance, out)
}

#[unsafe(no_mangle)]
pub fn upgrade_respond<'a>(
    upgrade: &Upgrade<'_>,
    acceptance: &Acceptance<'a>,
) -> Result<SwitchingProtocols<'a>, HandshakeError> {
    upgrade.respond(acceptance)
}

#[unsafe(no_mangle)]
pub fn switching_protocols_encode_piece(
    response: &SwitchingProtocols<'_>,
    at: usize,
    out: &mut [u8],
) -> Result<Piece, BuildError> {
    response.encode_piece(at, out)
}

#[unsafe(no_mangle)]
pub fn allow_list_permits(list: &AllowList<'_>, value: Option<&[u8]>) -> bool {
    list.permits(value)
}

#[unsafe(no_mangle)]
pub fn allow_list_items(item: &str) -> (bool, bool) {
    (AllowList::is_origin(item), AllowList::is_host(item))
}

#[unsafe(no_mangle)]
pub fn refusal_encode(refusal: &Refusal<'_>, out: &mut [u8]) -> Result<usize, BuildError> {
    refusal.encode(out)
}

#[unsafe(no_mangle)]
pub fn refusal_encode_piece(
    refusal: &Refusal<'_>,
    at: usize,
    out: &mut [u8],
) -> Result<Piece, BuildError> {
    refusal.encode_piece(at, out)
}

#[unsafe(no_mangle)]
pub fn refusal_from_error(error: RequestError) -> Refusal<'static> {
    error.into()
}

#[unsafe(no_mangle)]
pub fn status_new(status: u16) -> Option<(Status, &'static str)> {
    Status::new(status).map(|status| (status, status.reason_phrase()))
}

#[unsafe(no_mangle)]
pub fn key_from_nonce(nonce: [u8; 16]) -> Key {
    Key::from_nonce(nonce)
}

#[unsafe(no_mangle)]
pub fn key_parse(value: &[u8]) -> Option<Key> {
    Key::parse(value)
}

#[unsafe(no_mangle)]
pub fn key_accept(key: &Key) -> [u8; 28] {
    key.accept()
}

#[unsafe(no_mangle)]
pub fn client_request_encode(
    request: &ClientRequest<'_>,
    key: &Key,
    out: &mut [u8],
) -> Result<usize, BuildError> {
    request.encode(key, out)
}

#[unsafe(no_mangle)]
pub fn client_request_encode_piece(
    request: &ClientRequest<'_>,
    key: &Key,
    at: usize,
    out: &mut [u8],
) -> Result<Piece, BuildError> {
    request.encode_piece(key, at, out)
}

#[unsafe(no_mangle)]
pub fn client_request_verify<'b>(
    request: &ClientRequest<'_>,
    key: &Key,
    head: &'b [u8],
) -> Result<Response<'b>, ResponseError> {
    request.verify(key, head)
}

#[unsafe(no_mangle)]
pub fn response_parse(head: &[u8]) -> Result<Response<'_>, ResponseError> {
    Response::parse(head)
}

#[unsafe(no_mangle)]
pub fn response_extensions(
    response: &Response<'_>,
    show: fn(bool, Result<Extension<'_>, MalformedExtension>),
) {
    response.extensions().for_each(|extension| show(response.is_interim(), extension));
}

#[unsafe(no_mangle)]
pub fn response_header<'r>(
    response: &'r Response<'_>,
    name: &str,
) -> (Status, Option<&'r [u8]>, Option<&'r str>) {
    (response.status(), response.header(name), response.subprotocol())
}

#[unsafe(no_mangle)]
pub fn response_headers(response: &Response<'_>, show: fn(&str, &[u8])) {
    response.headers().for_each(|(name, value)| show(name, value));
}
