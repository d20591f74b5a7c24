//! Log lines that are compiled in by the features `log` and `defmt`, and type-checked always.
//!
//! Both take the same formats: `{}` and `{:?}`, with the arguments behind.

macro_rules! trace {
    ($($arg:tt)*) => {{
        #[cfg(feature = "log")]
        ::log::trace!($($arg)*);
        #[cfg(feature = "defmt")]
        ::defmt::trace!($($arg)*);
        #[cfg(not(any(feature = "log", feature = "defmt")))]
        let _ = || { core::format_args!($($arg)*); };
    }};
}

macro_rules! debug {
    ($($arg:tt)*) => {{
        #[cfg(feature = "log")]
        ::log::debug!($($arg)*);
        #[cfg(feature = "defmt")]
        ::defmt::debug!($($arg)*);
        #[cfg(not(any(feature = "log", feature = "defmt")))]
        let _ = || { core::format_args!($($arg)*); };
    }};
}

pub(crate) use {debug, trace};

#[cfg(all(test, feature = "defmt"))]
mod tests {
    use crate::handshake::{BuildError, HandshakeError, RequestError, ResponseError, Status};
    use crate::{
        Action, CapacityError, Chunk, Client, Close, CloseCode, Deadline, Error, Event, Flush,
        Header, Keepalive, Kind, LengthForm, MaskingKey, Message, Opcode, Progress, ProtocolError,
        Received, SendError, Server, Utf8Validator,
    };

    #[test]
    fn what_one_logs_has_a_defmt_format() {
        fn has_format<T: defmt::Format>() {}
        has_format::<(Header, LengthForm, Opcode, MaskingKey, Utf8Validator)>();
        has_format::<(Kind, Message<'_>, Chunk<'_>, Close<'_>, CloseCode)>();
        has_format::<(
            Event<Chunk<'_>>,
            Progress<'_>,
            Received<'_, Message<'_>>,
            Received<'_, Chunk<'_>>,
        )>();
        has_format::<(ProtocolError, SendError, CapacityError, Error<()>)>();
        has_format::<(HandshakeError, RequestError, ResponseError, BuildError, Status)>();
        has_format::<(Server, Client<()>, Flush, Keepalive, Deadline, Action)>();
    }
}
