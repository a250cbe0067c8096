//! Users as lines of text: ACL files, and `user` lines of the configuration.

use protocol::decode::split_line;

use super::rule::{RuleError, Rules, has_blanks, merge_selectors};
use super::user::User;

/// Reads users, one `user NAME rule…` a line. `name` is the file's, for complaints.
///
/// # Errors
/// All that is wrong, as Redis says it: then no user is to be changed.
pub fn parse(rules: &Rules<'_>, name: &str, text: &[u8]) -> Result<Vec<User>, String> {
    let mut users: Vec<User> = Vec::new();
    let mut complaints = String::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        match parse_line(rules, line.trim_ascii(), &users) {
            Ok(user) => users.extend(user),
            Err(errors) => {
                for why in errors {
                    complaints.push_str(&format!("{name}:{}: {why}. ", at + 1));
                }
            }
        }
    }
    if complaints.is_empty() {
        return Ok(users);
    }
    complaints.push_str(
        "WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
    );
    Err(complaints)
}

/// The user of a line; none, when it is empty.
fn parse_line(rules: &Rules<'_>, line: &[u8], known: &[User]) -> Result<Option<User>, Vec<String>> {
    if line.is_empty() {
        return Ok(None);
    }
    let wrong = |text: &str| vec![text.to_owned()];
    let (mut text, mut spans) = (Vec::new(), Vec::new());
    split_line(line, &mut text, &mut spans).map_err(|_| wrong("unbalanced quotes in acl line"))?;
    let words: Vec<&[u8]> = spans.iter().map(|span| span.of(&text)).collect();
    let [b"user", name, words @ ..] = words.as_slice() else {
        return Err(wrong("should start with user keyword followed by the username"));
    };
    let shown = String::from_utf8_lossy(name);
    if has_blanks(name) {
        return Err(vec![format!("username '{shown}' contains invalid characters")]);
    }
    if known.iter().any(|user| user.name == *name) {
        return Err(vec![format!("duplicate user '{shown}' found")]);
    }
    let words = merge_selectors(words)
        .map_err(|_| wrong("Unmatched parenthesis in selector definition"))?;
    let mut user = User::new(rules.table, name, rules.all_channels, 0);
    let errors = apply_all(rules, &mut user, &words);
    if errors.is_empty() { Ok(Some(user)) } else { Err(errors) }
}

/// Applies rules; returns what is wrong. Names are no secret, so each that is unknown is told; of
/// the rest only the first, as what follows may be wrong because of it.
fn apply_all(rules: &Rules<'_>, user: &mut User, words: &[Vec<u8>]) -> Vec<String> {
    let mut errors = Vec::new();
    let mut other = false;
    for word in words {
        match rules.apply(user, word) {
            Ok(()) => {}
            Err(error @ RuleError::Unknown) => {
                let word = String::from_utf8_lossy(word);
                errors.push(format!("Error in applying operation '{word}': {error}"));
            }
            Err(error) if !other => {
                other = true;
                errors.push(error.to_string());
            }
            Err(_) => {}
        }
    }
    errors
}

/// Users as text that [`parse`] reads.
pub fn print<'a>(users: impl IntoIterator<Item = &'a User>) -> Vec<u8> {
    let mut text = Vec::new();
    for user in users {
        text.extend(user.line());
        text.push(b'\n');
    }
    text
}
