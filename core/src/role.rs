//! The two roles of RFC 6455 §5.1, as types.

use rand_core::Rng;

use crate::MaskingKey;

/// Tells the two ends of a connection apart: [`Server`] or [`Client`].
///
/// Sealed: there is no third end.
pub trait Role: sealed::Sealed {
    /// §5.1: "a client MUST mask all frames that it sends to the server".
    const IS_CLIENT: bool;

    /// Draws a key for one frame; `None` for a server, which "MUST NOT mask any frames".
    #[doc(hidden)]
    fn masking_key(&mut self) -> Option<MaskingKey>;
}

/// Marks the end that accepts connections. Takes no memory and needs no random numbers.
///
/// ```
/// use wirelet::{Connection, Server};
///
/// let connection = Connection::new(Server);
/// # let _ = connection;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Server;

/// Marks the end that opens connections; draws a fresh masking key for every frame from `R`.
///
/// §5.3: "the masking key MUST be derived from a strong source of entropy", so give it a
/// [`CryptoRng`](rand_core::CryptoRng) or the random number generator of the chip. What is weaker
/// does no harm to the device, but lets a script confuse proxies between it and the server (§10.3).
///
/// ```
/// use wirelet::{Client, Connection};
/// # use rand_core::{TryRng, utils};
/// # struct ChipRng(u32);
/// # impl TryRng for ChipRng {
/// #     type Error = core::convert::Infallible;
/// #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
/// #         self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
/// #         Ok(self.0)
/// #     }
/// #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
/// #         Ok(u64::from(self.try_next_u32()?))
/// #     }
/// #     fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
/// #         utils::fill_bytes_via_next_word(out, || self.try_next_u32())
/// #     }
/// # }
///
/// let connection = Connection::new(Client(ChipRng(1)));
/// # let _ = connection;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client<R>(pub R);

impl Role for Server {
    const IS_CLIENT: bool = false;

    fn masking_key(&mut self) -> Option<MaskingKey> {
        None
    }
}

impl<R: Rng> Role for Client<R> {
    const IS_CLIENT: bool = true;

    fn masking_key(&mut self) -> Option<MaskingKey> {
        let mut key = [0; 4];
        self.0.fill_bytes(&mut key);
        Some(MaskingKey::new(key))
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Server {}
    impl<R> Sealed for super::Client<R> {}
}
