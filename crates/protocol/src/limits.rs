//! Every bound of the wire, and why it is there.

/// Longest bulk string that a client may send, in bytes (Redis: `proto-max-bulk-len`).
pub const BULK_LEN_MAX: usize = 512 * 1024 * 1024;

/// Most arguments in one request. Redis 7.0 and later: `INT_MAX`; a request that is larger than
/// the query buffer fails there first. We bound it where a span list would reach 8 GiB.
pub const ARGUMENT_COUNT_MAX: i64 = 1024 * 1024 * 1024;

/// Longest inline request and longest length line, in bytes (Redis: `PROTO_INLINE_MAX_SIZE`).
pub const INLINE_LEN_MAX: usize = 64 * 1024;

/// Most unparsed bytes that one connection may hold (Redis: `client-query-buffer-limit`). Also
/// keeps every offset within a `u32`, which is what a [`crate::args::Span`] holds.
pub const QUERY_BUFFER_MAX: usize = 1024 * 1024 * 1024;

/// Before a client has authenticated it may send only small requests (Redis: 10 arguments).
pub const UNAUTHENTICATED_ARGUMENTS_MAX: i64 = 10;

/// Before a client has authenticated it may send only small requests (Redis: 16 KiB).
pub const UNAUTHENTICATED_BULK_LEN_MAX: usize = 16 * 1024;

const _: () = assert!(BULK_LEN_MAX < QUERY_BUFFER_MAX);
const _: () = assert!(QUERY_BUFFER_MAX < u32::MAX as usize);
