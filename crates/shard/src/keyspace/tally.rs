//! Commands that scripts have called, by their rows in the command table, and how they failed.
//!
//! What clients send is counted and timed where it is dispatched. Calls of scripts take a few dozen
//! nanoseconds, so they are only counted: one addition each.

use std::collections::BTreeMap;

use super::Keyspace;
use crate::commands::table::CommandId;
use crate::time::Micros;

/// Codes of errors that are told apart; scripts can make up codes.
const CODES_MAX: usize = 128;

/// The calls of scripts. See the module.
#[derive(Debug, Default)]
pub struct Tally {
    /// By row.
    calls: Vec<u64>,
    failures: BTreeMap<usize, Failures>,
    /// Error replies by their code and by the row of the command where there is one, but for those
    /// that were the reply of the script, too.
    errors: BTreeMap<String, BTreeMap<Option<usize>, u64>>,
    /// The last call that failed has been counted as one that ran.
    ran: bool,
    /// The last error: when, its text, and the row of its command.
    last_error: Option<(Micros, String, Option<usize>)>,
}

/// How calls of a command have failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    /// They were refused before they ran.
    pub rejected: u64,
    /// They ran and replied an error.
    pub failed: u64,
}

impl Tally {
    /// Counts a call that runs now.
    #[inline]
    pub fn note(&mut self, id: CommandId) {
        if let Some(calls) = self.calls.get_mut(id.index()) {
            *calls += 1;
        }
    }

    /// The call that has been counted last failed.
    #[cold]
    pub fn note_failed(&mut self, id: CommandId) {
        self.failures.entry(id.index()).or_default().failed += 1;
        self.ran = true;
    }

    /// A script is told an error; when its call did not run, `id` is what it would have called.
    #[cold]
    fn note_error(&mut self, now: Micros, text: &str, id: Option<CommandId>) {
        if !std::mem::take(&mut self.ran)
            && let Some(id) = id
        {
            self.failures.entry(id.index()).or_default().rejected += 1;
        }
        let (code, row) = (code_of(text), id.map(CommandId::index));
        if self.errors.len() < CODES_MAX || self.errors.contains_key(code) {
            *self.errors.entry(code.to_owned()).or_default().entry(row).or_default() += 1;
            self.last_error = Some((now, text.to_owned(), row));
        }
    }

    /// A script has replied this error. When it is that of a command, who counts the reply of the
    /// script counts it.
    #[cold]
    fn forget_error(&mut self, now: Micros, reply: &str) {
        let Some((when, text, row)) = self.last_error.take() else { return };
        if when == now
            && reply.starts_with(&text)
            && let Some(rows) = self.errors.get_mut(code_of(&text))
            && let Some(count) = rows.get_mut(&row)
        {
            *count = count.saturating_sub(1);
        }
    }

    /// Calls, by row.
    pub fn calls(&self) -> &[u64] {
        &self.calls
    }

    /// Calls of a command that failed.
    pub fn failures(&self, id: CommandId) -> Failures {
        self.failures.get(&id.index()).copied().unwrap_or_default()
    }

    /// Error replies by their code and the row of their command.
    pub fn errors(&self) -> impl Iterator<Item = (&str, Option<usize>, u64)> {
        self.errors.iter().flat_map(|(code, rows)| {
            let counted = rows.iter().filter(|(_, count)| **count > 0);
            counted.map(|(row, count)| (code.as_str(), *row, *count))
        })
    }

    /// Forgets everything.
    pub(super) fn reset(&mut self, commands: usize) {
        *self = Self { calls: vec![0; commands], ..Self::default() };
    }
}

fn code_of(text: &str) -> &str {
    text.split_ascii_whitespace().next().unwrap_or_default()
}

impl Keyspace {
    /// The calls of scripts.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The calls of scripts.
    #[inline]
    pub fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// Has calls counted of so many commands, from nothing.
    pub fn count_calls(&mut self, commands: usize) {
        self.tally.reset(commands);
    }

    /// A script is told an error of a command: see [`Tally`].
    #[cold]
    pub fn note_script_error(&mut self, text: &str, id: Option<CommandId>) {
        self.tally.note_error(self.now, text, id);
    }

    /// A script has replied an error: see [`Tally`].
    #[cold]
    pub fn note_script_reply(&mut self, reply: &str) {
        self.tally.forget_error(self.now, reply);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rig;

    fn rows(rig: &mut Rig, name: &str) -> (u64, u64, u64) {
        let id = rig.shard().table().lookup(name.as_bytes()).unwrap();
        let tally = rig.shard().keyspace().tally();
        let Failures { rejected, failed } = tally.failures(id);
        (tally.calls()[id.index()], rejected, failed)
    }

    fn errors(rig: &mut Rig) -> Vec<(String, u64)> {
        let tally = rig.shard().keyspace().tally();
        let mut errors = BTreeMap::<String, u64>::new();
        for (code, _, count) in tally.errors() {
            *errors.entry(code.to_owned()).or_default() += count;
        }
        errors.into_iter().collect()
    }

    fn reset(rig: &mut Rig) {
        let commands = rig.shard().table().len();
        rig.shard().keyspace_mut().count_calls(commands);
    }

    #[test]
    fn calls_and_failures_of_scripts_are_counted() {
        let mut rig = Rig::new();
        rig.check("SET s v", "+OK");
        reset(&mut rig);
        let eval = |body: &str| format!("EVAL \"{body}\" 1 s");
        rig.run(&eval("redis.call('GET', KEYS[1]) return redis.call('GET', KEYS[1])"));
        let runs = rows(&mut rig, "get").0 / 2;
        assert!(runs >= 1 && rows(&mut rig, "set") == (0, 0, 0));
        reset(&mut rig);
        // Caught: an error of the command alone.
        rig.run(&eval("redis.pcall('INCR', KEYS[1]) redis.pcall('INCR') redis.pcall('NO')"));
        assert_eq!(rows(&mut rig, "incr"), (runs, runs, runs));
        // Of the command that does not exist only the error is known.
        assert_eq!(errors(&mut rig), [("ERR".to_owned(), 3 * runs)]);
        reset(&mut rig);
        // Raised or returned, it is the reply of the script, which is counted by who sends it.
        rig.run(&eval("redis.call('LPUSH', KEYS[1], 'v')"));
        rig.run(&eval("return redis.pcall('LPUSH', KEYS[1], 'v')"));
        assert_eq!(rows(&mut rig, "lpush").2, 2 * runs);
        assert_eq!(errors(&mut rig), []);
    }
}
