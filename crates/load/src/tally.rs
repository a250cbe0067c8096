//! What was seen in replies beside their number: errors by class, redirects, what scripts decided.

use std::collections::BTreeMap;

/// For so many of the requests that belong together it is counted apart what they came to.
pub const STEPS: usize = 3;
/// Classes of errors that are told apart; a server that makes up names gets no more.
const CLASSES_MAX: usize = 32;
/// The class of all further errors.
const OTHER: &str = "other";

/// The class of requests that were under way when their connection ended.
pub const LOST: &str = "connection lost";
/// The class of requests whose time came while there was no connection.
pub const UNREACHABLE: &str = "unreachable";

/// What was seen in replies beside their number.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Requests that failed: error replies, also those inside an array, and requests that got none.
    pub errors: u64,
    /// Null replies, also those inside an array: for a workload of hits, a sign of a wrong set-up.
    pub nils: u64,
    /// The text of the first error, without its type byte.
    pub first_error: Option<String>,
    /// The errors by the word they begin with.
    pub classes: BTreeMap<String, ErrorClass>,
    /// MOVED and ASK that were followed; they are no errors.
    pub moved: u64,
    /// See `moved`.
    pub asked: u64,
    /// Requests that were under way when their connection ended. Whether the server did what they
    /// say nobody knows.
    pub lost: u64,
    /// How often a connection ended.
    pub disconnects: u64,
    /// Replies that say that something was done, by the request's step: a status, a number above
    /// 0, a value, a list that is not empty.
    pub done: [u64; STEPS],
}

/// Errors that begin with the same word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorClass {
    /// How many requests.
    pub count: u64,
    /// The text of the first.
    pub first: String,
}

impl Tally {
    /// Adds what another tally has seen.
    pub fn add(&mut self, other: Self) {
        self.errors += other.errors;
        self.nils += other.nils;
        self.moved += other.moved;
        self.asked += other.asked;
        self.lost += other.lost;
        self.disconnects += other.disconnects;
        if self.first_error.is_none() {
            self.first_error = other.first_error;
        }
        for (mine, more) in self.done.iter_mut().zip(other.done) {
            *mine += more;
        }
        for (class, ErrorClass { count, first }) in other.classes {
            self.note_class(&class, count, &first);
        }
    }

    /// Notes an error reply, without its type byte.
    #[cold]
    pub fn note_error(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text).trim_end().to_owned();
        let class = class_of(&text).to_owned();
        self.note_failed(&class, 1, &text);
    }

    /// Notes requests that failed for the same reason.
    #[cold]
    pub fn note_failed(&mut self, class: &str, requests: u64, text: &str) {
        self.errors += requests;
        if self.first_error.is_none() {
            self.first_error = Some(text.to_owned());
        }
        self.note_class(class, requests, text);
    }

    fn note_class(&mut self, class: &str, count: u64, first: &str) {
        let full = self.classes.len() >= CLASSES_MAX && !self.classes.contains_key(class);
        let class = if full { OTHER } else { class };
        let entry = self.classes.entry(class.to_owned());
        let new = || ErrorClass { count: 0, first: first.to_owned() };
        entry.or_insert_with(new).count += count;
    }
}

/// The word that tells errors apart. By custom it is in capitals; a text without is of no class.
fn class_of(text: &str) -> &str {
    let word = text.split(' ').next().unwrap_or_default();
    let is_capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if !word.is_empty() && word.bytes().all(is_capital) { word } else { OTHER }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_their_first_word() {
        let mut tally = Tally::default();
        tally.note_error(b"ERR one\r\n");
        tally.note_error(b"OOM two\r\n");
        let mut other = Tally::default();
        other.note_error(b"ERR three\r\n");
        other.note_error(b"no code\r\n");
        other.note_failed(LOST, 16, "server closed the connection");
        tally.add(other);
        assert_eq!(tally.errors, 20);
        assert_eq!(tally.first_error.as_deref(), Some("ERR one"));
        let seen: Vec<(&str, u64, &str)> = tally
            .classes
            .iter()
            .map(|(class, error)| (class.as_str(), error.count, error.first.as_str()))
            .collect();
        let expected = [
            ("ERR", 2, "ERR one"),
            ("OOM", 1, "OOM two"),
            (LOST, 16, "server closed the connection"),
            (OTHER, 1, "no code"),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn the_number_of_classes_is_limited() {
        let mut tally = Tally::default();
        for number in 0..100 {
            tally.note_error(format!("E{number} x").as_bytes());
        }
        assert_eq!(tally.classes.len(), CLASSES_MAX + 1);
        assert_eq!(tally.classes[OTHER].count, 100 - CLASSES_MAX as u64);
    }
}
