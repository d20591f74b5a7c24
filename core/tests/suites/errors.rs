//! Errors tell who is to blame, in the terms of `core::error` and of embedded-io.

use std::error::Error as _;

use crate::pipe::WouldBlock;
use embedded_io::ErrorKind;
use wirelet::handshake::{BuildError, HandshakeError, RequestError, ResponseError, Status};
use wirelet::{CapacityError, CloseCode, Error, ProtocolError, SendError};

type Failed = Error<WouldBlock>;

const ALL: [Failed; 10] = [
    Error::Protocol(ProtocolError::Masked),
    Error::Capacity(CapacityError),
    Error::Handshake(HandshakeError::Request(RequestError::Key)),
    Error::Send(SendError::Closed),
    Error::MessageInProgress,
    Error::Closed,
    Error::UnexpectedEof,
    Error::Transport(WouldBlock),
    Error::Unflushed(WouldBlock),
    Error::Unfinished(WouldBlock),
];

#[test]
fn an_error_of_the_socket_is_one_of_the_connection() {
    fn read(socket: &mut crate::pipe::End) -> Result<usize, Failed> {
        Ok(embedded_io::Read::read(socket, &mut [0; 1])?)
    }
    let (mut near, _far) = crate::pipe::pipe(crate::pipe::WIDE);
    assert_eq!(read(&mut near), Err(Error::Transport(WouldBlock)));
}

#[test]
fn the_error_of_the_transport_is_had_from_all_that_tell_of_it() {
    let transport = ALL.map(|error| error.transport().is_some());
    let expected = [false, false, false, false, false, false, false, true, true, true];
    assert_eq!(transport, expected);
}

#[test]
fn each_error_that_comes_from_another_names_it() {
    let sources = ALL.map(|error| error.source().map(ToString::to_string));
    for (error, source) in ALL.iter().zip(&sources) {
        let is_own =
            matches!(error, Error::MessageInProgress | Error::Closed | Error::UnexpectedEof);
        assert_eq!(source.is_none(), is_own, "{error:?}");
        if let Some(source) = source {
            assert_eq!(*source, error.to_string());
        }
    }
    let source = ALL[7].source().and_then(|source| source.downcast_ref());
    assert_eq!(source, Some(&WouldBlock));
}

#[test]
fn each_error_has_a_kind_for_code_that_knows_sockets_alone() {
    let kinds = ALL.each_ref().map(embedded_io::Error::kind);
    let expected = [
        ErrorKind::InvalidData,
        ErrorKind::OutOfMemory,
        ErrorKind::InvalidData,
        ErrorKind::InvalidInput,
        ErrorKind::InvalidInput,
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionAborted,
        ErrorKind::TimedOut,
        ErrorKind::TimedOut,
        ErrorKind::TimedOut,
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn what_is_too_long_is_a_matter_of_capacity() {
    assert_eq!(Failed::from(ProtocolError::MessageTooBig), Error::Capacity(CapacityError));
    assert_eq!(Failed::from(HandshakeError::HeadTooLong), Error::Capacity(CapacityError));
    let server = HandshakeError::Response(ResponseError::Malformed);
    assert_eq!(Failed::from(server), Error::Handshake(server));
    assert_eq!(ProtocolError::MessageTooBig.close_code(), CloseCode::MESSAGE_TOO_BIG);
    assert_eq!(ProtocolError::EmptyFragments.close_code(), CloseCode::POLICY_VIOLATION);
    assert_eq!(ProtocolError::StillSending.close_code(), CloseCode::POLICY_VIOLATION);
}

#[test]
fn each_error_says_what_is_wrong_in_words_of_its_own() {
    let mut words: Vec<String> = ALL[..8].iter().map(ToString::to_string).collect();
    for error in [
        SendError::ControlTooLong,
        SendError::MessageInProgress,
        SendError::NoMessageInProgress,
        SendError::OutOfSpace { needed: 7 },
        SendError::ReplyUnfinished,
        SendError::FrameUnfinished,
        SendError::InvalidUtf8,
        SendError::TooLong,
        SendError::ForeignReply,
        SendError::HandshakeOver,
        SendError::HandshakePending,
    ] {
        words.push(Failed::from(error).to_string());
    }
    for error in [
        ProtocolError::EmptyFragments,
        ProtocolError::StillSending,
        ProtocolError::InvalidUtf8,
        ProtocolError::InvalidCloseCode,
        ProtocolError::InvalidClosePayload,
    ] {
        words.push(Failed::from(error).to_string());
    }
    words.sort();
    let n = words.len();
    words.dedup();
    assert_eq!(words.len(), n, "{words:?}");
    assert!(words.iter().all(|words| words.len() > 10 || words == "would block"));
}

#[test]
fn each_error_of_the_handshake_says_what_is_wrong_in_words_of_its_own_and_comes_from_it() {
    let requests = [
        RequestError::HeadTooLong,
        RequestError::TooManyHeaders,
        RequestError::Malformed,
        RequestError::HttpVersion,
        RequestError::Method,
        RequestError::Target,
        RequestError::Host,
        RequestError::Body,
        RequestError::NotUpgrade,
        RequestError::Connection,
        RequestError::Key,
        RequestError::VersionField,
        RequestError::WebSocketVersion,
        RequestError::Origin,
    ];
    let responses = [
        ResponseError::TooManyHeaders,
        ResponseError::Malformed,
        ResponseError::Refused(Status::NOT_FOUND),
        ResponseError::Refused(Status::FORBIDDEN),
        ResponseError::Upgrade,
        ResponseError::Connection,
        ResponseError::Accept,
        ResponseError::Extension,
        ResponseError::Subprotocol,
    ];
    let builds = [
        BuildError::OutOfSpace,
        BuildError::Host,
        BuildError::Target,
        BuildError::HeaderName,
        BuildError::HeaderValue,
        BuildError::Subprotocol,
        BuildError::Status,
        BuildError::Body,
    ];
    let all: Vec<HandshakeError> = (requests.map(Into::into).into_iter())
        .chain(responses.map(Into::into))
        .chain(builds.map(Into::into))
        .collect();
    for error in &all {
        let source = error.source().map(ToString::to_string);
        assert_eq!(source, Some(error.to_string()));
    }
    assert!(HandshakeError::HeadTooLong.source().is_none());
    let mut words: Vec<String> = all.iter().map(ToString::to_string).collect();
    words.push(HandshakeError::HeadTooLong.to_string());
    words.sort();
    let n = words.len();
    words.dedup();
    assert_eq!(words.len(), n, "{words:?}");
    assert!(words.iter().all(|words| words.len() > 10), "{words:?}");
}
