//! Commands that open a connection or change it as a whole.

mod auth;
mod hello;
mod reset;
mod select;

use protocol::spec::Flags;
use shard::error::CommandError;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] =
    &[&auth::COMMAND, &hello::COMMAND, &reset::COMMAND, &select::COMMAND];

/// The version of Redis whose behaviour clients may expect (HELLO, INFO). Some refuse to work with
/// less.
pub const REDIS_VERSION: &str = "7.2.4";

/// Of what a client may send before it has authenticated.
const LOGIN: Flags = Flags::NOSCRIPT
    .union(Flags::LOADING)
    .union(Flags::STALE)
    .union(Flags::FAST)
    .union(Flags::NO_AUTH)
    .union(Flags::ALLOW_BUSY);

/// Whether this user may come in with this password. There is only the user `default`, who needs
/// no password (Redis: `nopass`), so any password is right.
fn authenticate(user: &[u8], _password: &[u8]) -> Result<(), CommandError> {
    if user == b"default" {
        return Ok(());
    }
    Err(CommandError::Text("WRONGPASS invalid username-password pair or user is disabled."))
}
