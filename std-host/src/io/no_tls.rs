//! What stands for TLS where the feature `tls` is off: nothing, so that no code asks whether it is.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};

/// A session of TLS, of which there is none.
#[derive(Debug)]
pub(crate) enum Tls {}

/// The certificate of a server, of which there is none.
#[derive(Clone, Debug)]
pub(crate) enum Certificates {}

impl Certificates {
    pub(crate) const fn start(&self) -> io::Result<Tls> {
        match *self {}
    }
}

impl Tls {
    pub(crate) fn read(
        &mut self,
        _stream: &mut (impl Read + Write),
        _bufs: &mut [IoSliceMut<'_>],
    ) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) const fn is_drained(&self) -> bool {
        match *self {}
    }

    pub(crate) fn write(
        &mut self,
        _stream: &mut impl Write,
        _bufs: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn flush(&mut self, _stream: &mut impl Write) -> io::Result<bool> {
        match *self {}
    }

    pub(crate) const fn wants_write(&self) -> bool {
        match *self {}
    }

    pub(crate) fn shutdown(&mut self, _stream: &mut impl Write) -> io::Result<()> {
        match *self {}
    }
}

/// Tells whether TLS is what failed.
#[cfg(feature = "server")]
pub(crate) const fn is_failure(_error: &io::Error) -> bool {
    false
}
