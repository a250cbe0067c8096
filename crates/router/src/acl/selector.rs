//! Commands, keys and channels that a user may use together, and the rules that say so.
//!
//! What is allowed can be read off the bits, but not the rules that have led there: `+@read -get`
//! is to stay what it was, and to mean the commands of a later version, too. So the rules about
//! commands are kept as text beside the bits, as far as later ones have not made them void.

use protocol::spec::CommandSpec;
use shard::acl;
use shard::commands::table::{CommandId, CommandTable};

use super::category::belongs;

/// What is allowed together. See the module.
#[derive(Debug, Clone)]
pub struct Selector {
    /// What is allowed.
    pub access: acl::Selector,
    /// The rules begin from all commands, not from none.
    from_all: bool,
    /// The rules since then, `+` or `-` in front, in lower case.
    rules: Vec<Vec<u8>>,
}

impl Selector {
    /// Nothing is allowed, but for channels.
    pub fn new(table: &CommandTable, all_channels: bool) -> Self {
        let mut access = acl::Selector::nothing(table);
        access.all_channels = all_channels;
        Self { access, from_all: false, rules: Vec::new() }
    }

    /// Allows all commands or none.
    pub fn set_all_commands(&mut self, allowed: bool) {
        self.access.set_all_commands(allowed);
        self.from_all = allowed;
        self.rules.clear();
    }

    /// Allows a command with all its subcommands, or takes it away.
    pub fn set_command(&mut self, table: &CommandTable, id: CommandId, allowed: bool) {
        self.access.set_command(id, allowed);
        for subcommand in table.subcommands(id) {
            self.access.set_command(subcommand, allowed);
        }
        self.note(table.spec(id).name.as_bytes(), allowed);
    }

    /// Allows a command with this first argument.
    pub fn allow_first_arg(&mut self, spec: &CommandSpec, id: CommandId, word: &[u8]) {
        self.access.allow_first_arg(id, word);
        self.note(&[spec.name.as_bytes(), b"|", word].concat(), true);
    }

    /// Allows the commands of a category, or takes them away.
    pub fn set_category(&mut self, table: &CommandTable, category: &str, allowed: bool) {
        for (id, _) in table.iter().filter(|(_, row)| belongs(row.spec, category)) {
            self.access.set_command(id, allowed);
        }
        self.note(&[b"@", category.as_bytes()].concat(), allowed);
    }

    /// Keeps a rule. Earlier ones about the same, or about a part of it, are void from now on.
    fn note(&mut self, rule: &[u8], allowed: bool) {
        let rule = rule.to_ascii_lowercase();
        self.rules.retain(|known| match known[1..].strip_prefix(&rule[..]) {
            Some(rest) => !(rest.is_empty() || rest.starts_with(b"|")),
            None => true,
        });
        self.rules.push([if allowed { b"+" } else { b"-" }, &rule[..]].concat());
    }

    /// The commands, as rules.
    pub fn describe_commands(&self) -> Vec<u8> {
        let start = if self.from_all { b"+@all" } else { b"-@all" };
        let mut text = start.to_vec();
        for rule in &self.rules {
            text.push(b' ');
            text.extend_from_slice(rule);
        }
        text
    }

    /// The keys, as rules.
    pub fn describe_keys(&self) -> Vec<u8> {
        if self.access.all_keys {
            return b"~*".to_vec();
        }
        let keys = self.access.keys.iter().map(|key| {
            let head: &[u8] = match (key.read, key.write) {
                (true, false) => b"%R~",
                (false, true) => b"%W~",
                _ => b"~",
            };
            [head, &key.pattern].concat()
        });
        keys.collect::<Vec<_>>().join(&b' ')
    }

    /// The channels, as rules.
    pub fn describe_channels(&self) -> Vec<u8> {
        if self.access.all_channels {
            return b"&*".to_vec();
        }
        let channels = self.access.channels.iter().map(|channel| [b"&", &channel[..]].concat());
        channels.collect::<Vec<_>>().join(&b' ')
    }

    /// All rules.
    pub fn describe(&self) -> Vec<u8> {
        let mut parts = vec![self.describe_keys()];
        if !self.access.all_channels {
            parts.push(b"resetchannels".to_vec());
        }
        parts.push(self.describe_channels());
        parts.push(self.describe_commands());
        parts.retain(|part| !part.is_empty());
        parts.join(&b' ')
    }
}
