//! The opening handshake of a driver, step by step.

use super::Failure;
use super::receiving::{Receiving, Step, Want};
use super::sending::Waits;
use crate::handshake::{
    Acceptance, ClientRequest, HandshakeError, Head, HeadScanner, Key, MAX_INTERIM_RESPONSES,
    Request, RequestError, Response, SwitchingProtocols, Upgrade,
};
use crate::slice::front;
use crate::{Random, Role, SendError};

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// The peer's head is being read; interim responses have come before it.
    Head(HeadScanner, u8),
    /// The peer's head, of this length, is at the beginning of what was received.
    Whole(usize),
    /// The same, and both heads have been exchanged.
    Opened(usize),
    /// Frames.
    Frames,
    /// The closing handshake has been begun, and so many bytes have been ignored since.
    Closing(usize),
    /// The request is bad, and refused.
    Refused(RequestError),
    /// No handshake, or no connection any more.
    Over,
}

/// The head of a request of any kind.
pub(crate) struct Requested;

/// The head of a handshake.
pub(crate) struct Handshake;

/// The head of a handshake from where it is let in, and the answer to it.
pub(crate) struct Acceptable<'a, 'r>(
    pub(crate) &'a Acceptance<'a>,
    pub(crate) &'a mut SwitchingProtocols<'r>,
);

/// The head of a response.
pub(crate) struct Responded;

/// That this head has been sent.
pub(crate) struct Opening<'h>(pub(crate) &'h dyn Head);

impl Phase {
    pub(super) const START: Self = Self::Head(HeadScanner::new(), 0);
}

impl<Ro: Role> Receiving<'_, Ro> {
    /// Reads the peer's head, and refuses a request that does not pass the `check`.
    pub(super) fn step_head<'s>(
        &'s mut self,
        check: &mut dyn FnMut(&[u8]) -> Result<(), HandshakeError>,
        sending: Waits,
    ) -> Result<Step<'s, Ro>, Failure> {
        loop {
            match &mut self.phase {
                Phase::Head(scanner, n_interim) => {
                    let n_interim = *n_interim;
                    let end = if Ro::IS_CLIENT {
                        scanner.scan_response(self.window.filled_mut())?
                    } else {
                        match scanner.scan(self.window.filled()) {
                            Ok(end) => end,
                            Err(error) => {
                                self.phase = Phase::Refused(error);
                                continue;
                            }
                        }
                    };
                    self.phase = match end {
                        Some(len) if Ro::IS_CLIENT => self.take_response(len, n_interim)?,
                        Some(len) => Phase::Whole(len),
                        None if self.window.space_len() > 0 => return Ok(self.read_after(sending)),
                        None if Ro::IS_CLIENT => return Err(HandshakeError::HeadTooLong.into()),
                        None => Phase::Refused(RequestError::HeadTooLong),
                    };
                }
                Phase::Whole(len) => {
                    let len = *len;
                    match check(self.head(len)) {
                        Ok(()) => return Ok(Step::Done),
                        Err(HandshakeError::Request(error)) => self.phase = Phase::Refused(error),
                        Err(error) => return Err(error.into()),
                    }
                }
                // A client refuses nothing, so that its firmware links no refusal.
                Phase::Refused(_) if Ro::IS_CLIENT => return Err(Failure::Closed),
                Phase::Refused(_) => return self.step_refusal(sending),
                Phase::Opened(_) | Phase::Frames | Phase::Closing(_) => {
                    return Err(SendError::HandshakeOver.into());
                }
                Phase::Over => return Err(Failure::Closed),
            }
        }
    }

    fn step_refusal(&self, sending: Waits) -> Result<Step<'_, Ro>, Failure> {
        let Phase::Refused(error) = &self.phase else { return Ok(Step::Done) };
        match step_opening(error, sending) {
            Step::Done => Err(HandshakeError::from(*error).into()),
            step => Ok(step),
        }
    }

    /// Takes the head of a response: the one that was waited for, or another before it.
    fn take_response(&mut self, len: usize, n_interim: u8) -> Result<Phase, Failure> {
        let response = Response::of_scanned(self.head(len))?;
        if !response.is_interim() || n_interim == MAX_INTERIM_RESPONSES {
            return Ok(Phase::Whole(len));
        }
        // RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received prior
        // to a final response".
        self.window.remove(len);
        Ok(Phase::Head(HeadScanner::new(), n_interim + 1))
    }

    /// The request of the peer, which has come.
    pub(crate) fn request(&self) -> Result<Request<'_>, HandshakeError> {
        Ok(Request::of_scanned(self.head(self.head_len()))?)
    }

    /// The peer's handshake, which was found good.
    pub(crate) fn upgrade(&self) -> Result<Upgrade<'_>, HandshakeError> {
        Ok(self.request()?.upgrade()?)
    }

    /// Begins with frames, as both heads have been exchanged.
    pub(crate) fn open(&mut self) {
        self.phase = Phase::Opened(self.head_len());
    }

    /// Begins with nothing more.
    pub(crate) fn end(&mut self) {
        self.phase = Phase::Over;
    }

    /// Makes `key` that of this handshake, whose nonce is drawn once. It is kept in the receive buffer,
    /// in front of the response, because it is needed again if waiting for that is interrupted.
    pub(crate) fn set_key(
        &mut self,
        random: &mut impl Random,
        key: &mut Key,
    ) -> Result<(), HandshakeError> {
        if self.window.is_fresh() {
            let Some(space) = self.window.space().first_chunk_mut::<NONCE_LEN>() else {
                return Err(HandshakeError::HeadTooLong);
            };
            random.fill(space);
            self.window.fill(NONCE_LEN);
            self.window.consume(NONCE_LEN);
        }
        key.set(self.window.consumed(NONCE_LEN));
        Ok(())
    }

    /// Checks the response and begins with frames.
    pub(crate) fn verify(
        &mut self,
        request: &ClientRequest<'_>,
        key: &Key,
    ) -> Result<Response<'_>, HandshakeError> {
        let len = self.head_len();
        self.phase = Phase::Over;
        let response = request.verify(key, front(self.window.filled(), len))?;
        self.phase = Phase::Opened(len);
        Ok(response)
    }

    /// How long the peer's head is, once it is whole.
    pub(super) const fn head_len(&self) -> usize {
        match self.phase {
            Phase::Whole(len) | Phase::Opened(len) => len,
            _ => 0,
        }
    }

    fn head(&self, len: usize) -> &[u8] {
        front(self.window.filled(), len)
    }
}

/// Sends a head.
fn step_opening<'s, Ro>(head: &'s (dyn Head + 's), sending: Waits) -> Step<'s, Ro> {
    if !sending.head {
        Step::Head(head)
    } else if sending.batch {
        Step::Batch
    } else {
        Step::Done
    }
}

impl<Ro: Role> Want<Ro> for Requested {
    fn step<'s>(
        &'s mut self,
        receiving: &'s mut Receiving<'_, Ro>,
        sending: Waits,
    ) -> Result<Step<'s, Ro>, Failure> {
        receiving.step_head(&mut |head| Ok(Request::of_scanned(head).map(|_| ())?), sending)
    }
}

impl<Ro: Role> Want<Ro> for Handshake {
    fn step<'s>(
        &'s mut self,
        receiving: &'s mut Receiving<'_, Ro>,
        sending: Waits,
    ) -> Result<Step<'s, Ro>, Failure> {
        let mut check = |head: &[u8]| Ok(Request::of_scanned(head)?.upgrade().map(|_| ())?);
        receiving.step_head(&mut check, sending)
    }
}

impl<Ro: Role> Want<Ro> for Acceptable<'_, '_> {
    fn step<'s>(
        &'s mut self,
        receiving: &'s mut Receiving<'_, Ro>,
        sending: Waits,
    ) -> Result<Step<'s, Ro>, Failure> {
        let Self(acceptance, response) = self;
        let mut check =
            |head: &[u8]| Request::of_scanned(head)?.upgrade()?.answer(acceptance, response);
        receiving.step_head(&mut check, sending)
    }
}

impl<Ro: Role> Want<Ro> for Responded {
    fn step<'s>(
        &'s mut self,
        receiving: &'s mut Receiving<'_, Ro>,
        sending: Waits,
    ) -> Result<Step<'s, Ro>, Failure> {
        receiving.step_head(&mut |_| Ok(()), sending)
    }
}

impl<Ro: Role> Want<Ro> for Opening<'_> {
    fn step<'s>(
        &'s mut self,
        receiving: &'s mut Receiving<'_, Ro>,
        sending: Waits,
    ) -> Result<Step<'s, Ro>, Failure> {
        match receiving.phase {
            Phase::Opened(_) | Phase::Frames | Phase::Closing(_) => {
                Err(SendError::HandshakeOver.into())
            }
            _ => Ok(step_opening(self.0, sending)),
        }
    }
}

/// Of a key of the handshake (§4.1 item 7).
const NONCE_LEN: usize = 16;
