//! The options of SORT.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::slot::Slot;

use super::pattern;
use crate::error::CommandError;

/// What elements are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By<'a> {
    /// The elements themselves.
    Element,
    /// The values that a pattern leads to.
    Pattern(&'a [u8]),
    /// They are not: a BY pattern without a star.
    Nothing,
}

/// What is replied for an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Get<'a> {
    /// Itself: `#`.
    Element,
    /// The value that a pattern leads to.
    Pattern(&'a [u8]),
}

pub(super) struct Options<'a> {
    pub(super) by: By<'a>,
    pub(super) get: Vec<Get<'a>>,
    /// As texts, not as numbers.
    pub(super) alpha: bool,
    pub(super) descending: bool,
    /// How many are left out, and how many follow; negative: all.
    limit: (i64, i64),
    pub(super) store: Option<&'a [u8]>,
}

const BY_DENIED: CommandError = CommandError::Text(
    "ERR BY option of SORT denied in Cluster mode when keys formed by the pattern may be in \
     different slots.",
);
const GET_DENIED: CommandError = CommandError::Text(
    "ERR GET option of SORT denied in Cluster mode when keys formed by the pattern may be in \
     different slots.",
);

impl<'a> Options<'a> {
    pub(super) fn parse(args: Args<'a>, may_store: bool) -> Result<Self, CommandError> {
        let mut options = Self {
            by: By::Element,
            get: Vec::new(),
            alpha: false,
            descending: false,
            limit: (0, -1),
            store: None,
        };
        let slot = Slot::of_key(args.at(1));
        let denied = |pattern| pattern::slot_of(pattern) != Some(slot);
        let mut at = 2;
        while at < args.len() {
            let operand = args.get(at + 1);
            at += match operand {
                _ if args.is(at, "ASC") => {
                    options.descending = false;
                    1
                }
                _ if args.is(at, "DESC") => {
                    options.descending = true;
                    1
                }
                _ if args.is(at, "ALPHA") => {
                    options.alpha = true;
                    1
                }
                Some(_) if args.is(at, "LIMIT") && at + 2 < args.len() => {
                    options.limit = (args.int(at + 1)?, args.int(at + 2)?);
                    3
                }
                Some(key) if may_store && args.is(at, "STORE") => {
                    options.store = Some(key);
                    2
                }
                Some(pattern) if args.is(at, "BY") => {
                    if !pattern.contains(&b'*') {
                        options.by = By::Nothing;
                    } else if denied(pattern) {
                        return Err(BY_DENIED);
                    } else if options.by != By::Nothing {
                        options.by = By::Pattern(pattern);
                    }
                    2
                }
                Some(b"#") if args.is(at, "GET") => {
                    options.get.push(Get::Element);
                    2
                }
                Some(pattern) if args.is(at, "GET") => {
                    if denied(pattern) {
                        return Err(GET_DENIED);
                    }
                    options.get.push(Get::Pattern(pattern));
                    2
                }
                _ => return Err(ArgsError::Syntax.into()),
            };
        }
        Ok(options)
    }

    /// The first place and the one past the last that LIMIT means among so many.
    pub(super) fn range(&self, len: usize) -> (usize, usize) {
        let (offset, count) = self.limit;
        let start = usize::try_from(offset.max(0)).map_or(len, |start| start.min(len));
        let end = usize::try_from(count).map_or(len, |count| start.saturating_add(count).min(len));
        (start, end)
    }
}
