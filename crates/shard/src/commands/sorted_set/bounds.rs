//! Ranges of sorted sets as requests name them: by rank, by score, by member.

use protocol::args::Args;
use protocol::number::parse_f64;

use crate::error::CommandError;
use crate::types::zset::ZSet;

/// A range of ranks; negative ones count from the end, -1 is the last.
#[derive(Clone, Copy)]
pub(super) struct RankRange {
    first: i64,
    last: i64,
}

/// One end of a range of scores.
#[derive(Clone, Copy)]
struct ScoreBound {
    score: f64,
    exclusive: bool,
}

/// A range of scores.
#[derive(Clone, Copy)]
pub(super) struct ScoreRange {
    min: ScoreBound,
    max: ScoreBound,
}

/// One end of a range of members.
#[derive(Clone, Copy)]
enum LexBound<'a> {
    /// `-`: before all members.
    Lowest,
    /// `+`: after all members.
    Highest,
    /// `[member`.
    Inclusive(&'a [u8]),
    /// `(member`.
    Exclusive(&'a [u8]),
}

/// A range of members, which are ordered by their bytes where all scores are equal.
#[derive(Clone, Copy)]
pub(super) struct LexRange<'a> {
    min: LexBound<'a>,
    max: LexBound<'a>,
}

impl RankRange {
    /// The range that parts `first` and `last` name.
    pub(super) fn parse(args: Args<'_>, first: usize, last: usize) -> Result<Self, CommandError> {
        Ok(Self { first: args.int(first)?, last: args.int(last)? })
    }

    /// The first rank of a set of so many, and one past the last; counted from the end when the
    /// range is of the reverse order.
    pub(super) fn ranks(self, len: usize, reverse: bool) -> (usize, usize) {
        let len = len as i64;
        let from_start = |rank: i64| if rank < 0 { rank.saturating_add(len) } else { rank };
        let first = from_start(self.first).max(0);
        let end = from_start(self.last).saturating_add(1).min(len);
        if first >= end {
            return (0, 0);
        }
        let (first, end) = if reverse { (len - end, len - first) } else { (first, end) };
        (first as usize, end as usize)
    }
}

impl ScoreBound {
    /// A number, after `(` when it is exclusive. Redis reads it with `strtod` alone, which takes
    /// blanks before it, nothing at all for 0, and makes what is too large infinite.
    fn parse(text: &[u8]) -> Option<Self> {
        let (exclusive, number) = match text {
            [b'(', number @ ..] => (true, number),
            _ => (false, text),
        };
        if number.is_empty() {
            return Some(Self { score: 0.0, exclusive });
        }
        let number = number.trim_ascii_start();
        let too_large = || std::str::from_utf8(number).ok()?.parse::<f64>().ok();
        let score = parse_f64(number).or_else(too_large).filter(|score| !score.is_nan())?;
        Some(Self { score, exclusive })
    }
}

impl ScoreRange {
    pub(super) fn parse(min: &[u8], max: &[u8]) -> Result<Self, CommandError> {
        let bad = CommandError::Text("ERR min or max is not a float");
        let range = ScoreBound::parse(min).zip(ScoreBound::parse(max));
        range.map(|(min, max)| Self { min, max }).ok_or(bad)
    }

    /// The first rank within the range, and one past the last.
    pub(super) fn ranks(self, zset: &ZSet) -> (usize, usize) {
        let Self { min, max } = self;
        let first = zset
            .rank_where(|(_, score)| score < min.score || (min.exclusive && score == min.score));
        let end = zset
            .rank_where(|(_, score)| score < max.score || (!max.exclusive && score == max.score));
        (first, end.max(first))
    }
}

impl<'a> LexBound<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        match text {
            b"-" => Some(Self::Lowest),
            b"+" => Some(Self::Highest),
            [b'[', member @ ..] => Some(Self::Inclusive(member)),
            [b'(', member @ ..] => Some(Self::Exclusive(member)),
            _ => None,
        }
    }
}

impl<'a> LexRange<'a> {
    pub(super) fn parse(min: &'a [u8], max: &'a [u8]) -> Result<Self, CommandError> {
        let bad = CommandError::Text("ERR min or max not valid string range item");
        let range = LexBound::parse(min).zip(LexBound::parse(max));
        range.map(|(min, max)| Self { min, max }).ok_or(bad)
    }

    /// The first rank within the range, and one past the last.
    pub(super) fn ranks(self, zset: &ZSet) -> (usize, usize) {
        let first = match self.min {
            LexBound::Lowest => 0,
            LexBound::Highest => zset.len(),
            LexBound::Inclusive(min) => zset.rank_where(|(member, _)| member < min),
            LexBound::Exclusive(min) => zset.rank_where(|(member, _)| member <= min),
        };
        let end = match self.max {
            LexBound::Lowest => 0,
            LexBound::Highest => zset.len(),
            LexBound::Inclusive(max) => zset.rank_where(|(member, _)| member <= max),
            LexBound::Exclusive(max) => zset.rank_where(|(member, _)| member < max),
        };
        (first, end.max(first))
    }
}
