//! Responses to plain requests.

use std::borrow::Cow;

use serde::Serialize;
use wirelet::handshake::Request;
use wirelet_host::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use wirelet_host::http::{HeaderName, HeaderValue};
use wirelet_host::{Response, StatusCode};

/// A response of this type.
pub(super) fn content(content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Response {
    let mut response = Response::new(body.into());
    set(&mut response, CONTENT_TYPE, content_type);
    response
}

/// A response with what is known now, and may be otherwise a moment later.
pub(super) fn json(value: &impl Serialize) -> Response {
    let mut response = match serde_json::to_vec(value) {
        Ok(body) => content("application/json", body),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    set(&mut response, CACHE_CONTROL, "no-store");
    set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

/// A response with a line of text.
pub(super) fn text(status: StatusCode, line: impl Into<String>) -> Response {
    let mut line = line.into();
    line.push('\n');
    let mut response = content("text/plain; charset=utf-8", line.into_bytes());
    *response.status_mut() = status;
    response
}

/// Adds a header field.
pub(super) fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// Refuses a request that does not only ask for something.
pub(super) fn refuse_method(request: &Request<'_>) -> Option<Response> {
    let method = request.method();
    let is_known = matches!(method, "GET" | "HEAD");
    (!is_known).then(|| text(StatusCode::METHOD_NOT_ALLOWED, format!("there is no {method} here")))
}
