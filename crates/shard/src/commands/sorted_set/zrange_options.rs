//! The options of ZRANGE and of its kin, and the ranges that they ask for.

use protocol::args::Args;
use protocol::error::ArgsError;

use super::bounds::{LexRange, RankRange, ScoreRange};
use crate::error::CommandError;
use crate::types::zset::{Pair, ZSet};

/// What members are picked by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Lex,
}

/// What a command has decided by its name; what it has not is up to the request.
#[derive(Clone, Copy)]
pub(super) struct Fixed {
    pub(super) by: Option<By>,
    pub(super) reverse: Option<bool>,
    /// Whether the result is stored, so that scores come along anyway.
    pub(super) stores: bool,
}

/// The options of a request.
struct Options {
    by: By,
    reverse: bool,
    with_scores: bool,
    offset: i64,
    /// Negative: no limit.
    count: i64,
}

impl Options {
    /// Reads the options from part `at` on.
    fn parse(args: Args<'_>, mut at: usize, fixed: Fixed) -> Result<Self, CommandError> {
        let (mut by, mut reverse) = (fixed.by, fixed.reverse);
        let (mut with_scores, mut offset, mut count) = (false, 0, -1);
        while at < args.len() {
            if !fixed.stores && args.is(at, "WITHSCORES") {
                with_scores = true;
            } else if args.is(at, "LIMIT") && at + 2 < args.len() {
                (offset, count) = (args.int(at + 1)?, args.int(at + 2)?);
                at += 2;
            } else if reverse.is_none() && args.is(at, "REV") {
                reverse = Some(true);
            } else if by.is_none() && args.is(at, "BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && args.is(at, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(ArgsError::Syntax.into());
            }
            at += 1;
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if count != -1 && by == By::Rank {
            return Err(CommandError::Text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or \
                 BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(CommandError::Text(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        Ok(Self { by, reverse, with_scores, offset, count })
    }
}

/// The bounds that a request names.
#[derive(Clone, Copy)]
enum Bounds<'a> {
    Rank(RankRange),
    Score(ScoreRange),
    Lex(LexRange<'a>),
}

/// The range of a sorted set that a request asks for.
pub(super) struct Query<'a> {
    bounds: Bounds<'a>,
    options: Options,
}

impl<'a> Query<'a> {
    /// Reads the two bounds at part `at`, and the options after them.
    pub(super) fn parse(args: Args<'a>, at: usize, fixed: Fixed) -> Result<Self, CommandError> {
        let options = Options::parse(args, at + 2, fixed)?;
        // Ranges of scores and members in reverse are given from the greatest to the least.
        let is_swapped = options.reverse && options.by != By::Rank;
        let (min, max) = if is_swapped { (at + 1, at) } else { (at, at + 1) };
        let bounds = match options.by {
            By::Rank => Bounds::Rank(RankRange::parse(args, min, max)?),
            By::Score => Bounds::Score(ScoreRange::parse(args.at(min), args.at(max))?),
            By::Lex => Bounds::Lex(LexRange::parse(args.at(min), args.at(max))?),
        };
        Ok(Self { bounds, options })
    }

    /// Whether scores are replied.
    pub(super) fn with_scores(&self) -> bool {
        self.options.with_scores
    }

    /// The members that are asked for, in the order that is asked for.
    pub(super) fn members<'z>(&self, zset: &'z ZSet) -> Members<'z> {
        let Options { reverse, offset, count, .. } = self.options;
        let (start, end) = match self.bounds {
            Bounds::Rank(range) => range.ranks(zset.len(), reverse),
            Bounds::Score(range) => range.ranks(zset),
            Bounds::Lex(range) => range.ranks(zset),
        };
        if self.options.by == By::Rank {
            return Members { range: zset.range(start, end), reverse };
        }
        let found = end - start;
        // A negative offset is behind all members, a negative count has no end.
        let skipped = usize::try_from(offset).unwrap_or(found).min(found);
        let taken = usize::try_from(count).unwrap_or(found).min(found - skipped);
        let (start, end) = if reverse {
            (end - skipped - taken, end - skipped)
        } else {
            (start + skipped, start + skipped + taken)
        };
        Members { range: zset.range(start, end), reverse }
    }
}

/// Members in the order that a request asks for.
pub(super) struct Members<'z> {
    range: crate::types::zset::Range<'z>,
    reverse: bool,
}

impl<'z> Iterator for Members<'z> {
    type Item = Pair<'z>;

    fn next(&mut self) -> Option<Pair<'z>> {
        if self.reverse { self.range.next_back() } else { self.range.next() }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }
}

impl ExactSizeIterator for Members<'_> {}
