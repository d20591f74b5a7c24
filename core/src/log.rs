//! Log lines that are compiled in by the feature `log`, and type-checked always.

macro_rules! trace {
    ($($arg:tt)*) => {{
        #[cfg(feature = "log")]
        ::log::trace!($($arg)*);
        #[cfg(not(feature = "log"))]
        let _ = || { core::format_args!($($arg)*); };
    }};
}

macro_rules! debug {
    ($($arg:tt)*) => {{
        #[cfg(feature = "log")]
        ::log::debug!($($arg)*);
        #[cfg(not(feature = "log"))]
        let _ = || { core::format_args!($($arg)*); };
    }};
}

pub(crate) use {debug, trace};
