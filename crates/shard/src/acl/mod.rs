//! What the user of a request may do, as dispatch and scripts ask it.
//!
//! The rules of users are parsed and kept elsewhere (`router::acl`); here is what is left of them
//! when a request comes: bits, patterns, and who is to be told of a refusal. It lies in this crate
//! because scripts ask, too: what a script calls is checked as its caller's.
//!
//! A user who may do everything is no [`RestrictedUser`]: requests of such users carry `None`, and
//! nothing here runs for them.

mod channel;
mod key;
mod selector;

pub use key::{Needs, needs};
use std::fmt;
use std::sync::Arc;

use protocol::args::Args;
use protocol::spec::CommandSpec;

pub use selector::{KeyPattern, Selector};

use crate::channels::ChannelKind;
use crate::commands::table::CommandId;

/// What a user may do: what any of the selectors allows.
#[derive(Debug, Clone)]
pub struct Permissions {
    /// Whose they are.
    pub user: Box<[u8]>,
    /// Each allows requests as a whole: the parts of several do not add up.
    pub selectors: Vec<Selector>,
}

/// Why a request was refused. A later variant says more about what was wrong than an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// The user may not run the command.
    Command,
    /// The user may not use the key in this part of the request as the command does.
    Key(usize),
    /// The user may not use the channel in this part of the request.
    Channel(usize),
}

/// Where a request came from that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// From a client.
    TopLevel,
    /// From a client, in a transaction.
    Multi,
    /// From a script.
    Script,
}

impl Context {
    /// The name in ACL LOG.
    pub fn name(self) -> &'static str {
        match self {
            Self::TopLevel => "toplevel",
            Self::Multi => "multi",
            Self::Script => "lua",
        }
    }
}

/// What ACL LOG is told.
#[derive(Debug, Clone, Copy)]
pub struct Incident<'a> {
    /// `command`, `key`, `channel` or `auth`.
    pub reason: &'static str,
    /// Where the request came from.
    pub context: Context,
    /// The command, key or channel.
    pub object: &'a [u8],
    /// The user's name.
    pub user: &'a [u8],
}

/// Who is told of refusals: one for each client.
pub trait Witness: fmt::Debug + Send + Sync {
    /// Notes a refusal.
    fn note(&self, incident: Incident<'_>);
}

/// The user of a request who may not do everything, and who is told of refusals.
#[derive(Debug)]
pub struct RestrictedUser {
    permissions: Arc<Permissions>,
    witness: Arc<dyn Witness>,
}

impl Permissions {
    /// Whether the user may run a request that fits the arity of its command.
    ///
    /// # Errors
    /// Why not. Of several selectors' reasons the one that came closest.
    pub fn check(&self, id: CommandId, spec: &CommandSpec, args: Args<'_>) -> Result<(), Denied> {
        let mut closest = Denied::Command;
        for selector in &self.selectors {
            match selector.check(id, spec, args) {
                Ok(()) => return Ok(()),
                Err(denied) => closest = closest.max(denied),
            }
        }
        Err(closest)
    }

    /// Whether the user may subscribe to a channel.
    pub fn may_listen(&self, kind: ChannelKind, name: &[u8]) -> bool {
        let literal = kind == ChannelKind::Pattern;
        self.selectors.iter().any(|selector| selector.allows_channel(name, literal))
    }
}

impl Denied {
    /// What was refused: the command's name, or a part of the request.
    pub fn object<'a>(self, spec: &'a CommandSpec, args: Args<'a>) -> &'a [u8] {
        match self {
            Self::Command => spec.name.as_bytes(),
            Self::Key(at) | Self::Channel(at) => args.get(at).unwrap_or_default(),
        }
    }

    /// The name in ACL LOG.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Key(_) => "key",
            Self::Channel(_) => "channel",
        }
    }

    /// What a client is told, without the code in front. It is not told which key it was: that may
    /// be none of its business.
    pub fn text(self, user: &[u8], spec: &CommandSpec) -> String {
        match self {
            Self::Command => {
                let user = String::from_utf8_lossy(user);
                format!("User {user} has no permissions to run the '{}' command", spec.name)
            }
            Self::Key(_) => "No permissions to access a key".into(),
            Self::Channel(_) => "No permissions to access a channel".into(),
        }
    }

    /// What who asks about a user is told (ACL DRYRUN).
    pub fn text_in_full(self, user: &[u8], spec: &CommandSpec, args: Args<'_>) -> Vec<u8> {
        let what = match self {
            Self::Command => return self.text(user, spec).into_bytes(),
            Self::Key(_) => &b"key"[..],
            Self::Channel(_) => b"channel",
        };
        let object = self.object(spec, args);
        [b"User ", user, b" has no permissions to access the '", object, b"' ", what].concat()
    }

    /// Why a command of a transaction is not run by EXEC although it was queued.
    pub fn text_at_exec(self) -> String {
        let reason = match self {
            Self::Command => "no permission to execute the command or subcommand",
            Self::Key(_) => "no permission to touch the specified keys",
            Self::Channel(_) => {
                "no permission to access one of the channels used as arguments to the command"
            }
        };
        format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the \
             EXEC call. This command is no longer allowed for the following reason: {reason}"
        )
    }
}

impl RestrictedUser {
    /// A user with these permissions; `witness` is told of refusals.
    pub fn new(permissions: Arc<Permissions>, witness: Arc<dyn Witness>) -> Self {
        Self { permissions, witness }
    }

    /// The user's name.
    pub fn user(&self) -> &[u8] {
        &self.permissions.user
    }

    /// What the user may do.
    pub fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// Whether the user may run a request. A refusal is noted.
    ///
    /// # Errors
    /// Why not.
    pub fn check(
        &self,
        id: CommandId,
        spec: &CommandSpec,
        args: Args<'_>,
        context: Context,
    ) -> Result<(), Denied> {
        self.permissions.check(id, spec, args).inspect_err(|denied| {
            self.witness.note(Incident {
                reason: denied.reason(),
                context,
                object: denied.object(spec, args),
                user: self.user(),
            });
        })
    }
}

#[cfg(test)]
#[path = "acl_test.rs"]
mod tests;
