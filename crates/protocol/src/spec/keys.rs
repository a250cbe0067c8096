//! Key specifications: where the keys of a request are.

use crate::args::Args;
use crate::number::parse_i64;

/// Where the search for keys begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this part.
    Index(u8),
    /// After this word, searched from part `from`; negative: backwards from the end.
    Keyword {
        /// The word, upper-case.
        word: &'static str,
        /// Where the search starts.
        from: i8,
    },
}

/// Which parts from there on are keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// From the beginning to `last` (relative; negative: from the end of the request), each
    /// `step`-th; `limit` 2 means only the first half of what remains.
    Range {
        /// Last key, relative to the first; -1 is the last part of the request.
        last: i8,
        /// Distance between keys.
        step: u8,
        /// 0 or 1: no limit; 2: half of what remains.
        limit: u8,
    },
    /// A part holds the number of keys.
    KeyNum {
        /// The part with the number, relative to the beginning.
        index: u8,
        /// The first key, relative to the beginning.
        first: u8,
        /// Distance between keys.
        step: u8,
    },
}

/// What is done with the keys (Redis: RO, RW, OW, RM).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read.
    Ro,
    /// Read and written.
    Rw,
    /// Overwritten whatever they hold.
    Ow,
    /// Removed.
    Rm,
}

impl Access {
    /// The name in COMMAND INFO.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ro => "RO",
            Self::Rw => "RW",
            Self::Ow => "OW",
            Self::Rm => "RM",
        }
    }
}

/// One group of keys of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// Where the search begins.
    pub begin: Begin,
    /// Which parts are keys.
    pub find: Find,
    /// What is done with them.
    pub access: Access,
    /// What is done with their values: `access`, `update`, `insert`, `delete`, `not_key`,
    /// `incomplete`, `variable_flags`, as COMMAND INFO lists them.
    pub notes: &'static [&'static str],
    /// What COMMAND INFO tells people besides, if anything.
    pub remark: &'static str,
}

impl KeySpec {
    /// One key at part `index`.
    pub const fn at(index: u8, access: Access, notes: &'static [&'static str]) -> Self {
        Self {
            begin: Begin::Index(index),
            find: Find::Range { last: 0, step: 1, limit: 0 },
            access,
            notes,
            remark: "",
        }
    }

    /// Keys from part `index` to the end of the request, each `step`-th.
    pub const fn rest(index: u8, step: u8, access: Access, notes: &'static [&'static str]) -> Self {
        Self {
            begin: Begin::Index(index),
            find: Find::Range { last: -1, step, limit: 0 },
            access,
            notes,
            remark: "",
        }
    }

    /// As many keys as part `index` says, right after it.
    pub const fn counted(index: u8, access: Access, notes: &'static [&'static str]) -> Self {
        Self {
            begin: Begin::Index(index),
            find: Find::KeyNum { index: 0, first: 1, step: 1 },
            access,
            notes,
            remark: "",
        }
    }

    /// The same with a remark.
    pub const fn remark(self, remark: &'static str) -> Self {
        Self { remark, ..self }
    }

    /// The parts of `args` that are keys: first, last (inclusive) and step. `None` when there
    /// are none, an error when the request contradicts the specification.
    pub(super) fn range(&self, args: Args<'_>) -> Result<Option<(usize, usize, usize)>, KeysError> {
        let Some(first) = self.begin_at(args) else { return Ok(None) };
        match self.find {
            Find::Range { last, step, limit } => {
                if first >= args.len() {
                    return Ok(None);
                }
                let last = match last {
                    0.. => first + usize::from(last.unsigned_abs()),
                    _ if limit >= 2 => {
                        let count = (args.len() - first) / usize::from(limit);
                        if count == 0 {
                            return Ok(None);
                        }
                        first + count - 1
                    }
                    _ => {
                        args.len().checked_sub(usize::from(last.unsigned_abs())).ok_or(KeysError)?
                    }
                };
                if last >= args.len() || last < first {
                    return Err(KeysError);
                }
                Ok(Some((first, last, usize::from(step))))
            }
            Find::KeyNum { index, first: offset, step } => {
                let text = args.get(first + usize::from(index)).ok_or(KeysError)?;
                let count = parse_i64(text).filter(|count| *count >= 0).ok_or(KeysError)?;
                if count == 0 {
                    return Ok(None);
                }
                let first = first + usize::from(offset);
                let step = usize::from(step);
                let last = usize::try_from(count - 1)
                    .ok()
                    .and_then(|more| more.checked_mul(step))
                    .and_then(|more| more.checked_add(first))
                    .filter(|last| *last < args.len())
                    .ok_or(KeysError)?;
                Ok(Some((first, last, step)))
            }
        }
    }

    fn begin_at(&self, args: Args<'_>) -> Option<usize> {
        match self.begin {
            Begin::Index(index) => Some(usize::from(index)),
            Begin::Keyword { word, from } if from >= 0 => (usize::from(from.unsigned_abs())
                ..args.len())
                .find(|&at| args.is(at, word))
                .map(|at| at + 1),
            Begin::Keyword { word, from } => {
                let last = args.len().checked_sub(usize::from(from.unsigned_abs()))?;
                (1..=last).rev().find(|&at| args.is(at, word)).map(|at| at + 1)
            }
        }
    }
}

/// The request contradicts the key specification of its command, such as a number of keys that
/// is larger than the arguments left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysError;
