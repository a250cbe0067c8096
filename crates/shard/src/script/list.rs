//! KEYS and ARGV.

use std::ffi::c_int;

use protocol::args::Args;

use super::raw::Stack;

/// How a script uses KEYS and ARGV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListUse {
    /// It may look at KEYS.
    pub(super) keys: bool,
    /// It may look at ARGV.
    pub(super) argv: bool,
    /// It may change them.
    pub(super) changes: bool,
}

impl ListUse {
    /// Nothing is known.
    pub(super) const ANY: Self = Self { keys: true, argv: true, changes: true };

    /// What `judge` in `sandbox/direct.lua` says.
    pub(super) fn from_bits(bits: u8) -> Self {
        Self { keys: bits & 1 != 0, argv: bits & 2 != 0, changes: bits & 4 != 0 }
    }
}

/// KEYS or ARGV: one table that serves script after script, as long as scripts leave it a plain
/// list. One that a script has made something else of is thrown away.
pub(super) struct List {
    name: &'static [u8],
    anchor: Option<c_int>,
    len: usize,
    /// The most that the table has held.
    room: usize,
    /// The table is not to serve again.
    is_spoilt: bool,
    /// A script that may have changed the table has had it.
    may_differ: bool,
}

/// A table that has held more than this does not serve for much less: looking at it takes time for
/// every place that it has.
const KEPT_ROOM: usize = 256;

impl List {
    pub(super) fn new(name: &'static [u8]) -> Self {
        Self { name, anchor: None, len: 0, room: 0, is_spoilt: false, may_differ: false }
    }

    /// Has the next script get a new table.
    pub(super) fn forget(&mut self) {
        self.is_spoilt = true;
    }

    /// Whether the table must be filled anew even for a script that does not look at it: it may
    /// hold what another has left.
    #[inline]
    pub(super) fn is_stale(&self) -> bool {
        self.is_spoilt || self.may_differ
    }

    /// Notes how the script that gets the table now uses it.
    #[inline]
    pub(super) fn note_use(&mut self, list_use: ListUse) {
        self.may_differ = list_use.changes;
    }

    /// Makes the list hold `count` parts of a request from part `from` on.
    pub(super) fn fill(
        &mut self,
        stack: Stack,
        globals: [c_int; 2],
        (args, from, count): (Args<'_>, usize, usize),
    ) {
        let serves = !self.is_spoilt && (self.room <= KEPT_ROOM || count >= self.room / 4);
        let plain = self.anchor.is_some_and(|anchor| {
            stack.push_anchored(anchor);
            serves && (!self.may_differ || stack.is_plain_list(-1, self.len))
        });
        if !plain {
            self.replace(stack, globals, count);
        }
        for (at, part) in args.iter_from(from).take(count).enumerate() {
            stack.push_bytes(part);
            stack.raw_set_index(-2, at + 1);
        }
        for at in count + 1..=self.len {
            stack.push_nil();
            stack.raw_set_index(-2, at);
        }
        self.len = count;
        self.room = self.room.max(count);
        stack.pop(1);
    }

    /// Puts a new table, which is on top of the stack then, in place of the old one.
    fn replace(&mut self, stack: Stack, globals: [c_int; 2], count: usize) {
        if let Some(old) = self.anchor.take() {
            stack.pop(1);
            stack.release(old);
        }
        stack.push_table(count, 0);
        stack.push_value(-1);
        self.anchor = Some(stack.anchor());
        (self.len, self.room, self.is_spoilt) = (0, 0, false);
        for table in globals {
            stack.push_anchored(table);
            stack.push_value(-2);
            stack.raw_set_name(-2, self.name);
            stack.pop(1);
        }
    }
}

/// Pushes a new table of `count` parts from part `from` on.
pub(super) fn push_list(stack: Stack, args: Args<'_>, from: usize, count: usize) {
    stack.push_table(count, 0);
    for (at, part) in args.iter_from(from).take(count).enumerate() {
        stack.push_bytes(part);
        stack.raw_set_index(-2, at + 1);
    }
}
