//! One user, as rules leave it.

use shard::commands::table::CommandTable;

use super::DEFAULT_USER;
use super::password::Digest;
use super::selector::Selector;

/// One user.
#[derive(Debug, Clone)]
pub struct User {
    /// The name.
    pub name: Vec<u8>,
    /// Tells users of one name apart that came one after the other.
    pub birth: u64,
    /// It may come in.
    pub enabled: bool,
    /// Any password is right.
    pub nopass: bool,
    /// What RESTORE is given by this user is believed.
    pub skip_sanitize: bool,
    /// Passwords, in the order in which they were added.
    pub passwords: Vec<Digest>,
    /// What it may do; the first is the user's own, the others are in parentheses.
    pub selectors: Vec<Selector>,
    /// A selector allows everything.
    allows_all: bool,
}

impl User {
    /// A new user, who may not come in and may do nothing.
    pub fn new(table: &CommandTable, name: &[u8], all_channels: bool, birth: u64) -> Self {
        let selectors = vec![Selector::new(table, all_channels)];
        Self { name: name.to_vec(), birth, selectors, ..Self::nobody() }
    }

    /// The user `default` of a server that nobody has configured.
    pub fn default_user(table: &CommandTable) -> Self {
        let mut user = Self::new(table, DEFAULT_USER, true, 0);
        user.enabled = true;
        user.nopass = true;
        let selector = &mut user.selectors[0];
        selector.access.all_keys = true;
        selector.set_all_commands(true);
        user.finish()
    }

    /// A user without a table of commands.
    pub(super) fn nobody() -> Self {
        Self {
            name: DEFAULT_USER.to_vec(),
            birth: 0,
            enabled: false,
            nopass: false,
            skip_sanitize: false,
            passwords: Vec::new(),
            selectors: Vec::new(),
            allows_all: false,
        }
    }

    /// To be called when the last rule has been applied.
    pub(super) fn finish(mut self) -> Self {
        self.allows_all = self.selectors.iter().any(|selector| selector.access.allows_all());
        self
    }

    /// Whether it may do everything.
    pub fn allows_all(&self) -> bool {
        self.allows_all
    }

    /// Whether this password is one of the user's.
    pub fn accepts(&self, password: &[u8]) -> bool {
        if self.nopass {
            return true;
        }
        let digest = Digest::of(password);
        // All of them are looked at: how long it takes says nothing about which is right.
        self.passwords.iter().fold(false, |found, known| known.equals(&digest) | found)
    }

    /// The names of what is set, in Redis's order.
    pub fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.enabled { "on" } else { "off" }];
        if self.nopass {
            flags.push("nopass");
        }
        flags.push(if self.skip_sanitize { "skip-sanitize-payload" } else { "sanitize-payload" });
        flags
    }

    /// The rules that make this user, as one line (ACL LIST, ACL SAVE).
    pub fn describe(&self) -> Vec<u8> {
        let mut line = self.flags().join(" ").into_bytes();
        for password in &self.passwords {
            line.extend_from_slice(b" #");
            line.extend_from_slice(password.hex().as_bytes());
        }
        for (at, selector) in self.selectors.iter().enumerate() {
            line.push(b' ');
            let text = selector.describe();
            match at {
                0 => line.extend(text),
                _ => line.extend([b"(", &text[..], b")"].concat()),
            }
        }
        line
    }

    /// The same with the user's name in front, as in an ACL file.
    pub fn line(&self) -> Vec<u8> {
        [b"user ", &self.name[..], b" ", &self.describe()].concat()
    }
}
