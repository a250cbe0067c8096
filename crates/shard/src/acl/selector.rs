//! One selector of a user: commands, keys and channels that are allowed together.

use protocol::args::Args;
use protocol::spec::{CommandSpec, Flags};

use super::Denied;
use super::channel::channels_of;
use super::key::{Needs, needs};
use crate::commands::table::{CommandId, CommandTable};
use crate::glob;

/// Keys that are allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern {
    /// The keys.
    pub pattern: Vec<u8>,
    /// They may be read.
    pub read: bool,
    /// They may be written.
    pub write: bool,
}

/// What is allowed together. See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// One bit for each row of the command table.
    commands: Vec<u64>,
    /// Nothing has been taken away since all commands were allowed.
    all_commands: bool,
    /// Commands that are allowed with these words as their first argument only.
    first_args: Vec<(CommandId, Vec<Vec<u8>>)>,
    /// All keys may be read and written.
    pub all_keys: bool,
    /// The keys that may be used, when it is not all of them.
    pub keys: Vec<KeyPattern>,
    /// All channels are allowed.
    pub all_channels: bool,
    /// The channels that are allowed, when it is not all of them.
    pub channels: Vec<Vec<u8>>,
}

impl Selector {
    /// Nothing is allowed.
    pub fn nothing(table: &CommandTable) -> Self {
        Self {
            commands: vec![0; table.len().div_ceil(64)],
            all_commands: false,
            first_args: Vec::new(),
            all_keys: false,
            keys: Vec::new(),
            all_channels: false,
            channels: Vec::new(),
        }
    }

    /// Whether everything is allowed, so that there is nothing to check.
    pub fn allows_all(&self) -> bool {
        self.all_commands && self.all_keys && self.all_channels
    }

    /// Allows all commands or none.
    pub fn set_all_commands(&mut self, allowed: bool) {
        self.commands.fill(if allowed { u64::MAX } else { 0 });
        self.all_commands = allowed;
        self.first_args.clear();
    }

    /// Allows a command or takes it away, whatever its first argument.
    pub fn set_command(&mut self, id: CommandId, allowed: bool) {
        let (word, bit) = (id.index() / 64, 1 << (id.index() % 64));
        if allowed {
            self.commands[word] |= bit;
        } else {
            self.commands[word] &= !bit;
            self.all_commands = false;
        }
        self.first_args.retain(|(known, _)| *known != id);
    }

    /// Allows a command with this first argument.
    pub fn allow_first_arg(&mut self, id: CommandId, word: &[u8]) {
        let known = self.first_args.iter().position(|(known, _)| *known == id);
        let known = known.unwrap_or_else(|| {
            self.first_args.push((id, Vec::new()));
            self.first_args.len() - 1
        });
        let words = &mut self.first_args[known].1;
        if !words.iter().any(|other| other.eq_ignore_ascii_case(word)) {
            words.push(word.to_vec());
        }
    }

    /// Whether a command is allowed with any arguments.
    pub fn has_command(&self, id: CommandId) -> bool {
        self.commands[id.index() / 64] & (1 << (id.index() % 64)) != 0
    }

    /// Whether a request that fits the arity of its command is allowed.
    pub(super) fn check(
        &self,
        id: CommandId,
        spec: &CommandSpec,
        args: Args<'_>,
    ) -> Result<(), Denied> {
        let free = self.all_commands || spec.flags.contains(Flags::NO_AUTH);
        if !free && !self.has_command(id) && !self.allows_first_arg(id, args) {
            return Err(Denied::Command);
        }
        self.check_keys(spec, args)?;
        self.check_channels(spec, args)
    }

    fn allows_first_arg(&self, id: CommandId, args: Args<'_>) -> bool {
        let words = self.first_args.iter().find(|(known, _)| *known == id);
        let (Some((_, words)), Some(first)) = (words, args.get(1)) else { return false };
        words.iter().any(|word| word.eq_ignore_ascii_case(first))
    }

    fn check_keys(&self, spec: &CommandSpec, args: Args<'_>) -> Result<(), Denied> {
        if self.all_keys || spec.keys.is_empty() {
            return Ok(());
        }
        let mut denied = Ok(());
        // A request that contradicts the specification is refused by its handler.
        let _ = spec.visit_keys(args, |at, key| {
            if denied.is_ok() && !key.notes.contains(&"not_key") {
                let needs = needs(spec, key, args);
                if !self.allows_key(args.at(at), needs) {
                    denied = Err(Denied::Key(at));
                }
            }
        });
        denied?;
        self.check_looked_up(spec, args)
    }

    /// SORT looks keys up that nobody can name beforehand (BY, GET): who may not read all keys may
    /// not have it do so, as in Redis.
    fn check_looked_up(&self, spec: &CommandSpec, args: Args<'_>) -> Result<(), Denied> {
        let reads_all = |known: &KeyPattern| known.read && known.pattern == b"*";
        if !matches!(spec.name, "sort" | "sort_ro") || self.keys.iter().any(reads_all) {
            return Ok(());
        }
        let looks_up = |at: &usize| {
            let option = args.is(at - 1, "BY") || args.is(at - 1, "GET");
            option && args.at(*at).contains(&b'*')
        };
        (3..args.len()).find(looks_up).map_or(Ok(()), |at| Err(Denied::Key(at)))
    }

    /// One pattern has to allow all that is needed.
    fn allows_key(&self, key: &[u8], needs: Needs) -> bool {
        self.keys.iter().any(|known| {
            let enough = (known.read || !needs.read) && (known.write || !needs.write);
            enough && glob::matches(&known.pattern, key, false)
        })
    }

    fn check_channels(&self, spec: &CommandSpec, args: Args<'_>) -> Result<(), Denied> {
        if self.all_channels {
            return Ok(());
        }
        let Some(channels) = channels_of(spec, args) else { return Ok(()) };
        let refused = |at: &usize| {
            args.get(*at).is_some_and(|name| !self.allows_channel(name, channels.literal))
        };
        channels.parts.clone().find(refused).map_or(Ok(()), |at| Err(Denied::Channel(at)))
    }

    /// Whether a channel is allowed. `literal`: it is a pattern, which has to be allowed as it is
    /// written, for nobody can tell which channels it fits.
    pub(super) fn allows_channel(&self, name: &[u8], literal: bool) -> bool {
        let fits = |known: &Vec<u8>| {
            if literal { known == name } else { glob::matches(known, name, false) }
        };
        self.all_channels || self.channels.iter().any(fits)
    }
}
