//! Commands that open a connection or change it as a whole.

mod auth;
mod hello;
mod reset;
mod select;

use protocol::spec::Flags;
use shard::acl::{Context, Incident};
use shard::error::CommandError;

use super::{Command, SessionCall};

/// Sorted by name.
pub const COMMANDS: &[&Command] =
    &[&auth::COMMAND, &hello::COMMAND, &reset::COMMAND, &select::COMMAND];

/// Of what a client may send before it has authenticated.
const LOGIN: Flags = Flags::NOSCRIPT
    .union(Flags::LOADING)
    .union(Flags::STALE)
    .union(Flags::FAST)
    .union(Flags::NO_AUTH)
    .union(Flags::ALLOW_BUSY);

/// Makes the connection that of a user, if the password is right. `verb` is what the client has
/// called this, for ACL LOG.
fn authenticate(
    call: &mut SessionCall<'_, '_>,
    verb: &[u8],
    user: &[u8],
    password: &[u8],
) -> Result<(), CommandError> {
    if let Some(known) = call.acl.authenticate(user, password) {
        call.acl.log_in(call.session, known);
        return Ok(());
    }
    if let Some(witness) = &call.session.witness {
        let context = Context::TopLevel;
        witness.note(Incident { reason: "auth", context, object: verb, user });
    }
    Err(CommandError::Text("WRONGPASS invalid username-password pair or user is disabled."))
}
