//! The commands of a shard: one file each, in a folder for each family.
//!
//! A command file holds its documentation, its [`CommandSpec`], its handler and its tests. To add
//! one: write the file, then two lines in the `mod.rs` of its family (`mod x;` and the row in the
//! table). Lookup, arity, routing, COMMAND, permissions in scripts and transactions and the
//! generated tests all follow from the row.
//!
//! A handler parses all arguments first, then looks at the keyspace, then changes it, then replies
//! once. It never asks for the time (`call.keyspace.now()` is the request's), never rolls dice
//! (`call.keyspace.rng()`), never says MOVED, and changes values only through the keyspace's
//! mutators, which record undo and effect.

pub mod bitmap;
pub mod blocking;
pub mod connection;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod list;
pub mod pubsub;
mod random_picks;
pub mod scripting;
pub mod server;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod string;
pub mod table;
pub mod transactions;

use protocol::args::Args;
use protocol::spec::CommandSpec;

use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::script::{Pulse, ScriptEngine, beat};

/// What a handler works with.
pub struct Call<'a, 'r> {
    /// The shard's keys. The slot of the command's keys has been entered.
    pub keyspace: &'a mut Keyspace,
    /// Where the reply goes: exactly one value, unless the handler returns an error.
    pub reply: &'a mut Reply<'r>,
    /// The script host; none inside a script.
    pub scripts: Option<&'a mut ScriptEngine>,
    /// Inside a script: whether that is to end.
    pub pulse: Option<Pulse<'a>>,
}

impl<'a> Call<'a, '_> {
    /// To be called about every 10 µs by a command that may take longer than milliseconds, and
    /// outside of changes that must be made together.
    ///
    /// # Errors
    /// [`CommandError::Interrupted`]: the script that called the command is to end.
    #[inline]
    pub fn beat(&self) -> Result<(), CommandError> {
        beat(self.pulse)
    }

    /// [`Self::beat`] for commands that look at many elements while they hold the keyspace.
    fn beats(&self) -> Beats<'a> {
        Beats { pulse: self.pulse, count: 0 }
    }
}

/// Looks now and then whether the script that called the command is to end.
struct Beats<'a> {
    pulse: Option<Pulse<'a>>,
    count: u32,
}

/// Elements between two looks: about 10 µs.
const ELEMENTS_A_BEAT: u32 = 64;

impl Beats<'_> {
    /// To be called for each element.
    ///
    /// # Errors
    /// [`CommandError::Interrupted`], see [`Call::beat`].
    #[inline]
    fn beat(&mut self) -> Result<(), CommandError> {
        self.count = self.count.wrapping_add(1);
        match self.pulse {
            Some(pulse) if self.count.is_multiple_of(ELEMENTS_A_BEAT) => pulse.beat(),
            _ => Ok(()),
        }
    }
}

/// The handler of a command.
///
/// # Errors
/// What to reply instead. Nothing has been changed and nothing replied then.
pub type Run = fn(&mut Call<'_, '_>, Args<'_>) -> Result<(), CommandError>;

/// A command of a shard: what it is, and what it does.
pub struct Command {
    /// What is known of it without running it.
    pub spec: CommandSpec,
    /// Its handler.
    pub run: Run,
}

/// All commands of a shard, by family.
pub const FAMILIES: &[&[&Command]] = &[
    bitmap::COMMANDS,
    connection::COMMANDS,
    generic::COMMANDS,
    geo::COMMANDS,
    hash::COMMANDS,
    hyperloglog::COMMANDS,
    list::COMMANDS,
    pubsub::COMMANDS,
    scripting::COMMANDS,
    server::COMMANDS,
    set::COMMANDS,
    stream::COMMANDS,
    sorted_set::COMMANDS,
    string::COMMANDS,
];

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::spec::Flags;

    fn all() -> impl Iterator<Item = &'static Command> {
        FAMILIES.iter().copied().flatten().copied()
    }

    #[test]
    fn each_family_is_sorted_by_name() {
        for family in FAMILIES {
            let names: Vec<&str> = family.iter().map(|command| command.spec.name).collect();
            assert!(names.is_sorted(), "{names:?}");
        }
    }

    #[test]
    fn names_are_unique_and_lower_case() {
        let mut names: Vec<&str> = all().map(|command| command.spec.name).collect();
        assert!(names.iter().all(|name| *name == name.to_ascii_lowercase()));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_command_with_keys_says_whether_it_reads_or_writes() {
        for command in all().filter(|command| !command.spec.keys.is_empty()) {
            let flags = command.spec.flags;
            // The channel of SPUBLISH decides where it runs and is no key.
            if flags.intersects(Flags::NO_MANDATORY_KEYS | Flags::PUBSUB) {
                continue;
            }
            let both = flags.contains(Flags::WRITE) && flags.contains(Flags::READONLY);
            let one = flags.intersects(Flags::WRITE | Flags::READONLY);
            assert!(one && !both, "{}", command.spec.name);
        }
    }

    #[test]
    fn every_row_is_documented() {
        for command in all() {
            let spec = &command.spec;
            assert!(!spec.summary.is_empty() && !spec.complexity.is_empty(), "{}", spec.name);
            assert!(spec.summary.ends_with('.'), "{}", spec.name);
            assert_ne!(spec.arity.0, 0, "{}", spec.name);
        }
    }

    #[test]
    fn keys_lie_within_the_arity() {
        for command in all() {
            let (first, last, _) = command.spec.legacy_range();
            let least = i64::from(command.spec.arity.0.unsigned_abs());
            assert!(first < least && last < least, "{}", command.spec.name);
        }
    }
}
