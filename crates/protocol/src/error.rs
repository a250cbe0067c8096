//! Errors of the wire and of arguments.

/// The bytes are not RESP. One reply is sent, then the connection is closed: after a framing
/// error nothing that follows can be trusted. Texts: Redis 7.2, `networking.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A length line or an inline request does not end within its limit.
    #[error("ERR Protocol error: too big mbulk count string")]
    MultibulkCountTooLong,
    /// A bulk length line does not end within its limit.
    #[error("ERR Protocol error: too big bulk count string")]
    BulkCountTooLong,
    /// An inline request does not end within its limit.
    #[error("ERR Protocol error: too big inline request")]
    InlineTooLong,
    /// `*` is followed by something that is not a count, or by one that is too large.
    #[error("ERR Protocol error: invalid multibulk length")]
    InvalidMultibulkLength,
    /// `$` is followed by something that is not a length, or by one that is too large.
    #[error("ERR Protocol error: invalid bulk length")]
    InvalidBulkLength,
    /// An argument does not begin with `$`; holds the byte found instead.
    #[error("ERR Protocol error: expected '$', got '{}'", printable(*.0))]
    ExpectedDollar(u8),
    /// An inline request opens a quote and does not close it.
    #[error("ERR Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// A client that has not authenticated sends more arguments than it may.
    #[error("ERR Protocol error: unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    /// A client that has not authenticated sends a longer argument than it may.
    #[error("ERR Protocol error: unauthenticated bulk length")]
    UnauthenticatedBulkLength,
}

impl DecodeError {
    /// Whether a client that has authenticated may send what is wrong here.
    pub fn is_for_strangers(self) -> bool {
        matches!(self, Self::UnauthenticatedMultibulkLength | Self::UnauthenticatedBulkLength)
    }
}

/// Redis prints the byte with `%c`; a control character in an error line would break the
/// framing of the reply itself, so those are shown as a blank.
fn printable(byte: u8) -> char {
    match byte {
        0x20..=0x7e => byte as char,
        _ => ' ',
    }
}

/// The arguments of a command do not parse. One reply; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// An argument is not a 64-bit integer.
    #[error("ERR value is not an integer or out of range")]
    NotAnInteger,
    /// An argument is not a number.
    #[error("ERR value is not a valid float")]
    NotAFloat,
    /// Options do not fit together, or are unknown.
    #[error("ERR syntax error")]
    Syntax,
}
