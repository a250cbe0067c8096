//! The language of rules: what ACL SETUSER, `user` lines and ACL files say about a user.

use protocol::decode::split_line;
use shard::acl::KeyPattern;
use shard::commands::table::{CommandId, CommandTable};

use super::category::category;
use super::password::Digest;
use super::selector::Selector;
use super::user::User;

/// What is wrong with a rule. Displays as Redis says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No such command or category.
    #[error("Unknown command or category name in ACL")]
    Unknown,
    /// It is no rule.
    #[error("Syntax error")]
    Syntax,
    /// A pattern of keys when all are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not \
         have any effect. Try 'resetkeys' to start with an empty list of patterns"
    )]
    AllKeys,
    /// A pattern of channels when all are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does \
         not have any effect. Try 'resetchannels' to start with an empty list of channels"
    )]
    AllChannels,
    /// A password to be removed that is none of the user's.
    #[error("The password you are trying to remove from the user does not exist")]
    NoSuchPassword,
    /// A digest that is none.
    #[error(
        "The password hash must be exactly 64 characters and contain only lowercase hexadecimal \
         characters"
    )]
    BadDigest,
    /// A first argument of a subcommand.
    #[error("Allowing first-arg of a subcommand is not supported")]
    FirstArgOfSubcommand,
}

/// What rules are applied with.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The commands that they can name.
    pub table: &'a CommandTable,
    /// New users and selectors may use all channels.
    pub all_channels: bool,
}

/// Joins the words of selectors that were written with blanks in them: from one that opens a
/// parenthesis to one that closes it.
///
/// # Errors
/// The word that opens a parenthesis which nobody closes.
pub fn merge_selectors<'a>(words: &[&'a [u8]]) -> Result<Vec<Vec<u8>>, &'a [u8]> {
    let mut merged = Vec::new();
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for word in words {
        let closes = word.last() == Some(&b')');
        match &mut open {
            Some((_, text)) => {
                text.push(b' ');
                text.extend_from_slice(word);
                if closes {
                    merged.extend(open.take().map(|(_, text)| text));
                }
            }
            None if word.first() == Some(&b'(') && !closes => open = Some((word, word.to_vec())),
            None => merged.push(word.to_vec()),
        }
    }
    open.map_or(Ok(merged), |(word, _)| Err(word))
}

/// Whether a name or a pattern has what ends a word: a blank or a NUL.
pub fn has_blanks(text: &[u8]) -> bool {
    text.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, 0 | 0x0b))
}

impl Rules<'_> {
    /// Applies one rule to a user.
    ///
    /// # Errors
    /// What is wrong with it; the user may be changed and is not to be used.
    pub fn apply(&self, user: &mut User, rule: &[u8]) -> Result<(), RuleError> {
        match rule.to_ascii_lowercase().as_slice() {
            b"" => {}
            b"on" => user.enabled = true,
            b"off" => user.enabled = false,
            b"nopass" => {
                user.nopass = true;
                user.passwords.clear();
            }
            b"resetpass" => {
                user.nopass = false;
                user.passwords.clear();
            }
            b"skip-sanitize-payload" => user.skip_sanitize = true,
            b"sanitize-payload" => user.skip_sanitize = false,
            b"clearselectors" => user.selectors.truncate(1),
            b"reset" => {
                let fresh = User::new(self.table, &user.name, self.all_channels, user.birth);
                *user = fresh;
            }
            _ => return self.apply_other(user, rule),
        }
        Ok(())
    }

    fn apply_other(&self, user: &mut User, rule: &[u8]) -> Result<(), RuleError> {
        match rule {
            [b'>', password @ ..] => add_password(user, Digest::of(password)),
            [b'#', hex @ ..] => {
                add_password(user, Digest::parse(hex).ok_or(RuleError::BadDigest)?);
            }
            [b'<', password @ ..] => remove_password(user, Digest::of(password))?,
            [b'!', hex @ ..] => {
                remove_password(user, Digest::parse(hex).ok_or(RuleError::BadDigest)?)?;
            }
            [b'(', inner @ .., b')'] => {
                let selector = self.selector(inner)?;
                user.selectors.push(selector);
            }
            _ => self.apply_to_selector(&mut user.selectors[0], rule)?,
        }
        Ok(())
    }

    /// A selector of rules with blanks between them.
    fn selector(&self, rules: &[u8]) -> Result<Selector, RuleError> {
        let (mut text, mut spans) = (Vec::new(), Vec::new());
        split_line(rules, &mut text, &mut spans).map_err(|_| RuleError::Syntax)?;
        let mut selector = Selector::new(self.table, self.all_channels);
        for span in spans {
            self.apply_to_selector(&mut selector, span.of(&text))?;
        }
        Ok(selector)
    }

    fn apply_to_selector(&self, selector: &mut Selector, rule: &[u8]) -> Result<(), RuleError> {
        let access = &mut selector.access;
        match rule.to_ascii_lowercase().as_slice() {
            b"allkeys" | b"~*" => {
                access.all_keys = true;
                access.keys.clear();
            }
            b"resetkeys" => {
                access.all_keys = false;
                access.keys.clear();
            }
            b"allchannels" | b"&*" => {
                access.all_channels = true;
                access.channels.clear();
            }
            b"resetchannels" => {
                access.all_channels = false;
                access.channels.clear();
            }
            b"allcommands" | b"+@all" => selector.set_all_commands(true),
            b"nocommands" | b"-@all" => selector.set_all_commands(false),
            _ => return self.apply_pattern_or_command(selector, rule),
        }
        Ok(())
    }

    fn apply_pattern_or_command(
        &self,
        selector: &mut Selector,
        rule: &[u8],
    ) -> Result<(), RuleError> {
        match rule {
            [b'~' | b'%', ..] => add_keys(selector, rule),
            [b'&', channel @ ..] => add_channel(selector, channel),
            [sign @ (b'+' | b'-'), b'@', name @ ..] => {
                let category = category(name).ok_or(RuleError::Unknown)?;
                selector.set_category(self.table, category, *sign == b'+');
                Ok(())
            }
            [b'+', name @ ..] if name.contains(&b'|') => self.allow_part(selector, name),
            [sign @ (b'+' | b'-'), name @ ..] => {
                let id = self.command(name).ok_or(RuleError::Unknown)?;
                selector.set_command(self.table, id, *sign == b'+');
                Ok(())
            }
            _ => Err(RuleError::Syntax),
        }
    }

    /// `+command|part`: a subcommand, or a command with this first argument.
    fn allow_part(&self, selector: &mut Selector, name: &[u8]) -> Result<(), RuleError> {
        let at = name.iter().rposition(|byte| *byte == b'|').unwrap_or_default();
        let (command, part) = (&name[..at], &name[at + 1..]);
        let id = self.command(command).ok_or(RuleError::Unknown)?;
        let spec = self.table.spec(id);
        if spec.container().is_some() {
            return Err(RuleError::FirstArgOfSubcommand);
        }
        if part.is_empty() {
            return Err(RuleError::Syntax);
        }
        if self.table.subcommands(id).next().is_some() {
            let id = self.command(name).ok_or(RuleError::Unknown)?;
            selector.set_command(self.table, id, true);
        } else {
            selector.allow_first_arg(spec, id, part);
        }
        Ok(())
    }

    fn command(&self, name: &[u8]) -> Option<CommandId> {
        self.table.lookup(name)
    }
}

fn add_password(user: &mut User, digest: Digest) {
    if !user.passwords.contains(&digest) {
        user.passwords.push(digest);
    }
    user.nopass = false;
}

fn remove_password(user: &mut User, digest: Digest) -> Result<(), RuleError> {
    let at = user.passwords.iter().position(|known| *known == digest);
    user.passwords.remove(at.ok_or(RuleError::NoSuchPassword)?);
    Ok(())
}

/// `~pattern` or `%RW~pattern`.
fn add_keys(selector: &mut Selector, rule: &[u8]) -> Result<(), RuleError> {
    if selector.access.all_keys {
        return Err(RuleError::AllKeys);
    }
    let (mut read, mut write) = (true, true);
    let mut pattern = &rule[1..];
    if rule[0] == b'%' {
        (read, write) = (false, false);
        let end = pattern.iter().position(|byte| *byte == b'~');
        let letters = &pattern[..end.unwrap_or(pattern.len())];
        for letter in letters {
            let wanted = match letter {
                b'r' | b'R' => &mut read,
                b'w' | b'W' => &mut write,
                _ => return Err(RuleError::Syntax),
            };
            if std::mem::replace(wanted, true) {
                return Err(RuleError::Syntax);
            }
        }
        // Redis: without a tilde it is the pattern of the empty key; so here.
        pattern = end.map_or(&[], |end| &pattern[end + 1..]);
        if !read && !write {
            return Err(RuleError::Syntax);
        }
    }
    if has_blanks(pattern) {
        return Err(RuleError::Syntax);
    }
    let keys = &mut selector.access.keys;
    match keys.iter_mut().find(|known| known.pattern == pattern) {
        Some(known) => {
            known.read |= read;
            known.write |= write;
        }
        None => keys.push(KeyPattern { pattern: pattern.to_vec(), read, write }),
    }
    Ok(())
}

fn add_channel(selector: &mut Selector, channel: &[u8]) -> Result<(), RuleError> {
    if selector.access.all_channels {
        return Err(RuleError::AllChannels);
    }
    if has_blanks(channel) {
        return Err(RuleError::Syntax);
    }
    if !selector.access.channels.iter().any(|known| known == channel) {
        selector.access.channels.push(channel.to_vec());
    }
    Ok(())
}
