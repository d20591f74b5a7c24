//! The two roles of RFC 6455 §5.1, as types.

use core::fmt;

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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Server;

/// Marks the end that opens connections; draws a fresh masking key for every frame from `R`.
///
/// ```
/// use wirelet::{Client, Connection};
/// # struct ChipRng;
/// # impl ChipRng {
/// #     fn fill_bytes(&mut self, bytes: &mut [u8]) {
/// #         bytes.fill(4);
/// #     }
/// # }
///
/// let mut rng = ChipRng; // of a HAL
/// let connection = Connection::new(Client(|bytes: &mut [u8]| rng.fill_bytes(bytes)));
/// # let _ = connection;
/// ```
///
/// Neither `Debug` nor `defmt::Format` shows what it holds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Client<R>(pub R);

impl<R> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client(..)")
    }
}

#[cfg(feature = "defmt")]
impl<R> defmt::Format for Client<R> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Client(..)");
    }
}

impl Role for Server {
    const IS_CLIENT: bool = false;

    fn masking_key(&mut self) -> Option<MaskingKey> {
        None
    }
}

impl<R: Random> Role for Client<R> {
    const IS_CLIENT: bool = true;

    fn masking_key(&mut self) -> Option<MaskingKey> {
        let mut key = [0; 4];
        self.0.fill(&mut key);
        Some(MaskingKey::new(key))
    }
}

/// Makes the random bytes of a [`Client`]: masking keys, and the key of the opening handshake.
///
/// §5.3: "the masking key MUST be derived from a strong source of entropy", so take the random
/// number generator of the chip, or one that is fit for cryptography and was seeded by it. What is
/// weaker does no harm to the device, but lets a script confuse proxies between it and the server
/// (§10.3).
///
/// Every closure that fills a slice is one. So it does not matter which release of `rand_core` a
/// HAL has implemented, or none: `fill_bytes` of its `RngCore` (up to 0.9) and of its `Rng` (from
/// 0.10 on) are called in the same way.
///
/// ```
/// use rand_core::Rng; // RngCore in 0.6 and 0.9
/// use wirelet::{Client, Connection};
///
/// fn connection(mut rng: impl Rng) -> Connection<impl wirelet::Role> {
///     Connection::new(Client(move |bytes: &mut [u8]| rng.fill_bytes(bytes)))
/// }
/// ```
///
/// A type that must have a name, such as that of a field, implements the trait itself.
///
/// ```
/// use wirelet::{Client, Connection, Random};
/// # fn read_register() -> u32 {
/// #     0x1234_5678
/// # }
///
/// struct ChipRandom;
///
/// impl Random for ChipRandom {
///     fn fill(&mut self, bytes: &mut [u8]) {
///         bytes.fill_with(|| read_register().to_le_bytes()[0]);
///     }
/// }
///
/// struct Sensor {
///     connection: Connection<Client<ChipRandom>>,
/// }
/// # let mut sensor = Sensor { connection: Connection::new(Client(ChipRandom)) };
/// # let mut out = [0; 16];
/// # let n = sensor.connection.send("", &mut out)?;
/// # assert_eq!(out[..n], [0x81, 0x80, 0x78, 0x78, 0x78, 0x78]);
/// # Ok::<(), wirelet::SendError>(())
/// ```
pub trait Random {
    /// Fills `bytes` with random bytes.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Random for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Server {}
    impl<R> Sealed for super::Client<R> {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_does_not_show_its_generator() {
        assert_eq!(format!("{:?}", Client([0x37, 0xfa, 0x21, 0x3d])), "Client(..)");
    }

    #[test]
    fn closures_functions_and_what_is_borrowed_make_keys() {
        fn fixed(bytes: &mut [u8]) {
            bytes.fill(7);
        }
        fn key(random: impl Random) -> Option<MaskingKey> {
            Client(random).masking_key()
        }
        let mut n = 0;
        let mut counting = |bytes: &mut [u8]| {
            n += 1;
            bytes.fill(n);
        };
        assert_eq!(key(&mut counting), Some(MaskingKey::new([1; 4])));
        assert_eq!(key(counting), Some(MaskingKey::new([2; 4])));
        assert_eq!(key(fixed), Some(MaskingKey::new([7; 4])));
        assert_eq!(key(fixed as fn(&mut [u8])), Some(MaskingKey::new([7; 4])));
    }
}
