//! Why a command did not run.

use protocol::error::ArgsError;

/// Why a command did not run. Becomes exactly one error reply; the state is unchanged.
///
/// The texts are Redis 7.2's and part of the contract with clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The key holds another type than the command works on.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// An argument does not parse.
    #[error(transparent)]
    Args(#[from] ArgsError),
    /// The request has the wrong number of parts.
    #[error("ERR wrong number of arguments for '{0}' command")]
    Arity(&'static str),
    /// The result of an increment would not fit 64 bits.
    #[error("ERR increment or decrement would overflow")]
    IncrementOverflow,
    /// The result of an increment would be no number.
    #[error("ERR increment would produce NaN or Infinity")]
    IncrementNotFinite,
    /// The stored field is not an integer.
    #[error("ERR hash value is not an integer")]
    HashValueNotAnInteger,
    /// The stored field is not a number.
    #[error("ERR hash value is not a float")]
    HashValueNotAFloat,
    /// The key is missing and the command needs it.
    #[error("ERR no such key")]
    NoSuchKey,
    /// An expiry that is zero, negative or too far away.
    #[error("ERR invalid expire time in '{0}' command")]
    InvalidExpire(&'static str),
    /// A string would grow past `proto-max-bulk-len`.
    #[error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")]
    StringTooLong,
    /// An offset below zero.
    #[error("ERR offset is out of range")]
    OffsetOutOfRange,
    /// A number that must lie in a range.
    #[error("ERR value is out of range")]
    OutOfRange,
    /// A number that must be positive.
    #[error("ERR value is out of range, must be positive")]
    MustBePositive,
    /// A scan cursor that is not a number.
    #[error("ERR invalid cursor")]
    InvalidCursor,
    /// A subcommand that its container does not have.
    #[error("ERR unknown subcommand '{name}'. Try {container} HELP.")]
    UnknownSubcommand {
        /// What the client asked for, cut to 128 bytes.
        name: String,
        /// The container, upper-case.
        container: String,
    },
    /// `maxmemory` is reached and the command needs memory.
    #[error("OOM command not allowed when used memory > 'maxmemory'.")]
    OutOfMemory,
    /// There are fewer replicas than `min-replicas-to-write` asks for.
    #[error("NOREPLICAS Not enough good replicas to write.")]
    NoReplicas,
    /// What is written cannot be made to last: the disk is full.
    #[error("MISCONF Errors writing to the AOF file: No space left on device")]
    NoDisk,
    /// The script that called the command is to end. Nobody sees the text: the script's error is
    /// why it was to end.
    #[error("ERR the script is to end")]
    Interrupted,
    /// EVALSHA of a script that the node does not know.
    #[error("NOSCRIPT No matching script. Please use EVAL.")]
    NoScript,
    /// Not for clients: the script has touched nothing yet and is to run on the shard of this slot,
    /// where its first key lives.
    #[error("ERR Script attempted to access a non local key in a cluster node")]
    Relocate(protocol::slot::Slot),
    /// Not for clients: there is nothing yet, and the command can wait. See
    /// [`crate::commands::blocking`].
    #[error("ERR the command would have to wait")]
    WouldBlock,
    /// A text that one command alone has.
    #[error("{0}")]
    Text(&'static str),
    /// A text with parts that are known only at run time.
    #[error("{0}")]
    Dynamic(Box<str>),
}

impl CommandError {
    /// A text with parts that are known only at run time.
    pub fn dynamic(text: impl Into<Box<str>>) -> Self {
        Self::Dynamic(text.into())
    }
}
