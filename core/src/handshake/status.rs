//! The HTTP statuses that a server answers with.

/// Holds an HTTP status of three digits.
///
/// ```
/// use wirelet::handshake::Status;
///
/// assert_eq!(Status::FORBIDDEN.get(), 403);
/// assert_eq!(Status::new(403), Some(Status::FORBIDDEN));
/// assert_eq!(Status::new(99), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Status(u16);

impl Status {
    /// 200: a page, which is sent as a [`Refusal`](super::Refusal) to open a connection.
    pub const OK: Self = Self(200);
    /// 400.
    pub const BAD_REQUEST: Self = Self(400);
    /// 401.
    pub const UNAUTHORIZED: Self = Self(401);
    /// 403.
    pub const FORBIDDEN: Self = Self(403);
    /// 404.
    pub const NOT_FOUND: Self = Self(404);
    /// 405.
    pub const METHOD_NOT_ALLOWED: Self = Self(405);
    /// 408.
    pub const REQUEST_TIMEOUT: Self = Self(408);
    /// 426.
    pub const UPGRADE_REQUIRED: Self = Self(426);
    /// 429.
    pub const TOO_MANY_REQUESTS: Self = Self(429);
    /// 431.
    pub const REQUEST_HEADER_FIELDS_TOO_LARGE: Self = Self(431);
    /// 500.
    pub const INTERNAL_SERVER_ERROR: Self = Self(500);
    /// 503.
    pub const SERVICE_UNAVAILABLE: Self = Self(503);

    /// Takes a number of three digits.
    #[must_use]
    pub const fn new(status: u16) -> Option<Self> {
        match status {
            100..=999 => Some(Self(status)),
            _ => None,
        }
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Returns the phrase of RFC 9110 for the statuses that have a name here, or an empty one.
    #[must_use]
    pub const fn reason_phrase(self) -> &'static str {
        match self {
            Self::OK => "OK",
            Self::BAD_REQUEST => "Bad Request",
            Self::UNAUTHORIZED => "Unauthorized",
            Self::FORBIDDEN => "Forbidden",
            Self::NOT_FOUND => "Not Found",
            Self::METHOD_NOT_ALLOWED => "Method Not Allowed",
            Self::REQUEST_TIMEOUT => "Request Timeout",
            Self::UPGRADE_REQUIRED => "Upgrade Required",
            Self::TOO_MANY_REQUESTS => "Too Many Requests",
            Self::REQUEST_HEADER_FIELDS_TOO_LARGE => "Request Header Fields Too Large",
            Self::INTERNAL_SERVER_ERROR => "Internal Server Error",
            Self::SERVICE_UNAVAILABLE => "Service Unavailable",
            _ => "",
        }
    }
}
