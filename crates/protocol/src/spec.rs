//! What is known of a command without running it: one [`CommandSpec`] a command.
//!
//! Routing, arity errors, COMMAND, ACL categories, and the permission to run in a script or a
//! transaction are all derived from this row. The vocabulary is that of Redis's own command table
//! (`COMMAND INFO`, key specifications of Redis 7.0), so that clients can be told from it.

mod family;
mod keys;

pub use family::Family;
pub use keys::{Access, Begin, Find, KeySpec, KeysError};

use std::ops::Range;

use crate::args::Args;
use crate::slot::Slot;

bitflags::bitflags! {
    /// What a command may do and where it may run; the names are Redis's.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// May change the keyspace.
        const WRITE = 1;
        /// Reads keys and never changes them.
        const READONLY = 1 << 1;
        /// May use more memory: refused when there is none left.
        const DENYOOM = 1 << 2;
        /// For operators.
        const ADMIN = 1 << 3;
        /// Publish and subscribe.
        const PUBSUB = 1 << 4;
        /// Not allowed in scripts.
        const NOSCRIPT = 1 << 5;
        /// May wait for data.
        const BLOCKING = 1 << 6;
        /// Allowed while data is loaded at start.
        const LOADING = 1 << 7;
        /// Allowed on a replica whose data is old.
        const STALE = 1 << 8;
        /// Not shown by MONITOR.
        const SKIP_MONITOR = 1 << 9;
        /// Not logged by SLOWLOG.
        const SKIP_SLOWLOG = 1 << 10;
        /// Served on an importing slot without ASKING.
        const ASKING = 1 << 11;
        /// Costs O(1) or O(log n).
        const FAST = 1 << 12;
        /// Allowed before authentication.
        const NO_AUTH = 1 << 13;
        /// May send effects to replicas without writing.
        const MAY_REPLICATE = 1 << 14;
        /// Runs although its key list may be empty or broken (EVAL).
        const NO_MANDATORY_KEYS = 1 << 15;
        /// Key positions are not a plain range.
        const MOVABLEKEYS = 1 << 16;
        /// Not allowed in MULTI.
        const NO_MULTI = 1 << 17;
        /// Allowed while the shard is busy with a script.
        const ALLOW_BUSY = 1 << 18;
        /// Has subcommands and does nothing by itself. Not shown to clients.
        const CONTAINER = 1 << 19;
    }
}

/// How many parts a request of this command has, its name included, as Redis writes it: `n` for
/// exactly n, `-n` for at least n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arity(pub i16);

impl Arity {
    /// Exactly `count` parts.
    pub const fn exactly(count: i16) -> Self {
        Self(count)
    }

    /// At least `count` parts.
    pub const fn at_least(count: i16) -> Self {
        Self(-count)
    }

    /// Whether a request of `count` parts fits.
    #[inline]
    pub fn fits(self, count: usize) -> bool {
        let needed = usize::from(self.0.unsigned_abs());
        if self.0 >= 0 { count == needed } else { count >= needed }
    }
}

/// How a command without keys is answered when a node has several shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FanOut {
    /// It is not: one shard answers.
    None,
    /// All shards do it, then OK is replied.
    AllOk,
    /// All shards answer a number; the reply is their sum.
    Sum,
    /// All shards answer an array; the reply is all of them.
    Concat,
    /// The cursor says which shard goes on.
    Cursor,
    /// A shard that has keys answers.
    AnyKey,
}

/// Finds the keys of a request where specifications cannot: which of the specifications holds, and
/// the parts that are keys.
pub type FindKeys = fn(Args<'_>) -> Option<(usize, Range<usize>)>;

/// All that is known of a command without running it.
#[derive(Debug)]
pub struct CommandSpec {
    /// Lower-case name; a subcommand is `container|name`.
    pub name: &'static str,
    /// What it is about.
    pub family: Family,
    /// How many parts a request has.
    pub arity: Arity,
    /// What it may do and where it may run.
    pub flags: Flags,
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// What finds its keys instead; `keys` is then what clients are told of them.
    pub find_keys: Option<FindKeys>,
    /// How it is answered when it has no keys.
    pub fan_out: FanOut,
    /// ACL categories beyond those that [`CommandSpec::categories`] derives.
    pub acl_extra: &'static [&'static str],
    /// Hints for clients, as COMMAND INFO shows them.
    pub tips: &'static [&'static str],
    /// The Redis version that first had it.
    pub since: &'static str,
    /// Time complexity, as documented.
    pub complexity: &'static str,
    /// One sentence.
    pub summary: &'static str,
}

impl CommandSpec {
    /// A row with nothing set: what a specification begins from (`..CommandSpec::NEW`).
    pub const NEW: Self = Self {
        name: "",
        family: Family::Generic,
        arity: Arity(0),
        flags: Flags::empty(),
        keys: &[],
        find_keys: None,
        fan_out: FanOut::None,
        acl_extra: &[],
        tips: &[],
        since: "1.0.0",
        complexity: "O(1)",
        summary: "",
    };

    /// Whether it may change the keyspace.
    #[inline]
    pub const fn writes(&self) -> bool {
        self.flags.contains(Flags::WRITE)
    }

    /// The container of a subcommand and its own name in there.
    pub fn container(&self) -> Option<(&'static str, &'static str)> {
        self.name.split_once('|')
    }

    /// ACL categories, `@` not included: from the family, from the flags, and the extra ones. What
    /// only stands for its subcommands has those of none of them.
    pub fn categories(&self) -> Vec<&'static str> {
        if self.flags.contains(Flags::CONTAINER) && !self.arity.fits(1) {
            return [&["slow"], self.acl_extra].concat();
        }
        let mut categories = Vec::new();
        let mut add = |wanted: bool, name: &'static str| {
            if wanted && !categories.contains(&name) {
                categories.push(name);
            }
        };
        let flags = self.flags;
        let keyed_or_data = !matches!(self.family, Family::Connection | Family::Transactions);
        add(flags.contains(Flags::WRITE), "write");
        let reads = flags.contains(Flags::READONLY) && self.family != Family::Scripting;
        add(reads && keyed_or_data, "read");
        // WAIT is generic and about the connection, SORT about types: neither about keys as such.
        let about_others = |name: &&str| matches!(*name, "connection" | "list");
        let other = self.family == Family::Generic && self.acl_extra.iter().any(about_others);
        if let Some(name) = self.family.category().filter(|_| !other) {
            add(true, name);
        }
        add(flags.contains(Flags::ADMIN), "admin");
        add(flags.contains(Flags::ADMIN), "dangerous");
        add(flags.contains(Flags::PUBSUB), "pubsub");
        add(flags.contains(Flags::FAST), "fast");
        add(!flags.contains(Flags::FAST), "slow");
        add(flags.contains(Flags::BLOCKING), "blocking");
        for name in self.acl_extra {
            add(true, name);
        }
        categories
    }

    /// Calls `visit` for each key of the request, in order, with the part's index.
    ///
    /// # Errors
    /// [`KeysError`] when the request contradicts the specification; keys before that point have
    /// been visited.
    pub fn visit_keys(
        &self,
        args: Args<'_>,
        mut visit: impl FnMut(usize, &KeySpec),
    ) -> Result<(), KeysError> {
        if let Some(find) = self.find_keys {
            if let Some((spec, parts)) = find(args) {
                parts.for_each(|at| visit(at, &self.keys[spec]));
            }
            return Ok(());
        }
        for spec in self.keys {
            if let Some((first, last, step)) = spec.range(args)? {
                for at in (first..=last).step_by(step.max(1)) {
                    visit(at, spec);
                }
            }
        }
        Ok(())
    }

    /// With up to so many parts its requests have one key at most, which is part 1; 0 where that is
    /// never so.
    #[inline]
    pub fn one_key_up_to(&self) -> usize {
        match self.keys {
            [KeySpec { begin: Begin::Index(1), find: Find::Range { last: 0, .. }, .. }] => {
                usize::MAX
            }
            [
                KeySpec {
                    begin: Begin::Index(1),
                    find: Find::Range { last: -1, step, limit: 0 | 1 },
                    ..
                },
            ] => 1 + usize::from(*step),
            _ => 0,
        }
    }

    /// The part that tells how many keys there are, which follow it, if all keys are given that way.
    #[inline]
    fn counted_at(&self) -> Option<usize> {
        match self.keys {
            [
                KeySpec {
                    begin: Begin::Index(at),
                    find: Find::KeyNum { index: 0, first: 1, .. },
                    ..
                },
            ] => Some(usize::from(*at)),
            _ => None,
        }
    }

    /// The one key of the request, as nearly all requests and scripts have one. `None` also where it
    /// takes more than a look to see which parts are keys.
    #[inline]
    pub fn only_key<'a>(&self, args: Args<'a>) -> Option<&'a [u8]> {
        self.only_key_at(args).map(|at| args.at(at))
    }

    /// Which part that is.
    #[inline]
    pub fn only_key_at(&self, args: Args<'_>) -> Option<usize> {
        if args.len() <= self.one_key_up_to() {
            return (args.len() > 1).then_some(1);
        }
        let at = self.counted_at()?;
        (args.get(at)? == b"1" && args.len() > at + 1).then_some(at + 1)
    }

    /// The slots that the keys of the request hash to.
    #[inline]
    pub fn slots(&self, args: Args<'_>) -> Slots {
        match self.only_key(args) {
            Some(key) => Slots::One(Slot::of_key(key)),
            None => self.slots_of_several(args),
        }
    }

    fn slots_of_several(&self, args: Args<'_>) -> Slots {
        let mut slots = Slots::None;
        let complete = self.visit_keys(args, |at, _| {
            let slot = Slot::of_key(args.at(at));
            slots = match slots {
                Slots::None => Slots::One(slot),
                Slots::One(first) if first != slot => Slots::Several { first },
                same => same,
            };
        });
        if complete.is_err() { Slots::None } else { slots }
    }

    /// First key, last key and step, as COMMAND INFO shows them.
    pub fn legacy_range(&self) -> (i64, i64, i64) {
        let mut legacy: Option<(i64, i64, i64)> = None;
        for spec in self.keys {
            let (Begin::Index(begin), Find::Range { last, step, limit: 0 | 1 }) =
                (spec.begin, spec.find)
            else {
                continue;
            };
            let first = i64::from(begin);
            let last = if last >= 0 { first + i64::from(last) } else { i64::from(last) };
            legacy = Some(match legacy {
                None => (first, last, i64::from(step)),
                // Neighbouring groups (RENAME, COPY) make one range.
                Some((start, end, _)) if end + 1 == first => (start, last, 1),
                Some(known) => known,
            });
        }
        legacy.unwrap_or((0, 0, 0))
    }
}

/// The slots of a request's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    /// No keys.
    None,
    /// All keys in one slot.
    One(Slot),
    /// Keys in more than one slot.
    Several {
        /// The slot of the first key.
        first: Slot,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Request;

    const EVAL: CommandSpec = CommandSpec {
        name: "eval",
        keys: &[KeySpec::counted(2, Access::Rw, &[])],
        ..CommandSpec::NEW
    };

    fn keys(spec: &CommandSpec, parts: &[&str]) -> Result<Vec<usize>, KeysError> {
        let request = Request::of(parts);
        let mut found = Vec::new();
        spec.visit_keys(request.args(), |at, _| found.push(at))?;
        Ok(found)
    }

    #[test]
    fn counted_keys() {
        assert_eq!(keys(&EVAL, &["eval", "x", "2", "a", "b", "c"]), Ok(vec![3, 4]));
        assert_eq!(keys(&EVAL, &["eval", "x", "0", "a"]), Ok(vec![]));
        for count in ["3", "-1", "x", "99999999999999999999", "9223372036854775807"] {
            assert_eq!(keys(&EVAL, &["eval", "x", count, "a"]), Err(KeysError), "{count}");
        }
    }

    #[test]
    fn ranges() {
        const MSET: CommandSpec =
            CommandSpec { keys: &[KeySpec::rest(1, 2, Access::Ow, &[])], ..CommandSpec::NEW };
        assert_eq!(keys(&MSET, &["mset", "a", "1", "b", "2"]), Ok(vec![1, 3]));
        const STREAMS: CommandSpec = CommandSpec {
            keys: &[KeySpec {
                begin: Begin::Keyword { word: "STREAMS", from: 1 },
                find: Find::Range { last: -1, step: 1, limit: 2 },
                access: Access::Ro,
                notes: &[],
                remark: "",
            }],
            ..CommandSpec::NEW
        };
        assert_eq!(keys(&STREAMS, &["xread", "streams", "a", "b", "0", "0"]), Ok(vec![2, 3]));
        assert_eq!(keys(&STREAMS, &["xread", "streams", "a", "b", "0"]), Ok(vec![2]));
    }

    #[test]
    fn keys_that_are_found_in_another_way() {
        const LAST: CommandSpec = CommandSpec {
            keys: &[KeySpec::at(1, Access::Rw, &[]), KeySpec::at(2, Access::Ro, &[])],
            find_keys: Some(|args| (args.len() > 3).then(|| (1, 2..args.len()))),
            ..CommandSpec::NEW
        };
        let parts = ["last", "a", "b", "c"];
        assert_eq!(keys(&LAST, &parts[..3]), Ok(vec![]));
        assert_eq!(keys(&LAST, &parts), Ok(vec![2, 3]));
        assert_eq!(LAST.slots(Request::of(&parts[..3]).args()), Slots::None);
        let first = Slot::of_key(b"b");
        assert_eq!(LAST.slots(Request::of(parts).args()), Slots::Several { first });
    }

    #[test]
    fn slots_of_a_request() {
        const DEL: CommandSpec =
            CommandSpec { keys: &[KeySpec::rest(1, 1, Access::Rm, &[])], ..CommandSpec::NEW };
        let slots = |parts: &[&str]| DEL.slots(Request::of(parts).args());
        assert_eq!(slots(&["del", "{t}a", "{t}b"]), Slots::One(Slot::of_key(b"t")));
        assert_eq!(slots(&["del", "a", "b"]), Slots::Several { first: Slot::of_key(b"a") });
        assert_eq!(slots(&["del", "a"]), Slots::One(Slot::of_key(b"a")));
        assert_eq!(slots(&["del"]), Slots::None);
        assert_eq!((DEL.one_key_up_to(), EVAL.one_key_up_to()), (2, 0));
        let slots = |parts: &[&str]| EVAL.slots(Request::of(parts).args());
        assert_eq!(slots(&["eval", "", "1", "a", "b"]), Slots::One(Slot::of_key(b"a")));
        assert_eq!(slots(&["eval", "", "1"]), Slots::None);
        assert_eq!(slots(&["eval", "", "0", "a"]), Slots::None);
    }

    #[test]
    fn legacy_ranges() {
        const RENAME: CommandSpec = CommandSpec {
            keys: &[KeySpec::at(1, Access::Rw, &[]), KeySpec::at(2, Access::Ow, &[])],
            ..CommandSpec::NEW
        };
        assert_eq!(RENAME.legacy_range(), (1, 2, 1));
        assert_eq!(EVAL.legacy_range(), (0, 0, 0));
    }
}
