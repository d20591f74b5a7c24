//! Errors of the system with what they are about.

use std::error::Error;
use std::fmt;
use std::io;

/// Says what an error is about, and keeps the error itself as its source.
pub(crate) fn located(what: impl fmt::Display, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), Located { what: what.to_string(), error })
}

#[derive(Debug)]
struct Located {
    what: String,
    error: io::Error,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.error)
    }
}

impl Error for Located {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where_and_keeps_its_kind_and_its_source() {
        let error = located("here", io::Error::from_raw_os_error(2));
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with("here: "), "{error}");
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(2));
    }
}
