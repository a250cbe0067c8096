//! Random picks from a collection: what SRANDMEMBER, SPOP, HRANDFIELD and ZRANDMEMBER share.
//!
//! A positive count picks each element at most once; a negative one picks that often, with
//! repetition. Picks are made before anything is replied, and a script can be ended meanwhile.

use std::collections::BTreeSet;

use protocol::args::Args;
use protocol::error::ArgsError;

use crate::error::CommandError;

/// Most picks with repetition: a reply of gigabytes would take the node with it. Redis has no
/// such limit.
const PICKS_MAX: usize = 1 << 24;

/// Picks between two looks at whether the script is to end.
const PICKS_A_BEAT: usize = 256;

/// The count, which is argument 2. Negative: with repetition.
///
/// # Errors
/// Redis's.
pub(super) fn parse_count(args: Args<'_>) -> Result<i64, CommandError> {
    match args.int(2)? {
        i64::MIN => Err(CommandError::Text(
            "ERR value is out of range, value must between \
             -9223372036854775807 and 9223372036854775807",
        )),
        count => Ok(count),
    }
}

/// How many pairs are wanted, and what of them.
pub(super) struct Wanted {
    /// Negative: with repetition.
    pub(super) count: i64,
    /// Both halves, not only the first.
    pub(super) both: bool,
}

impl Wanted {
    /// `None` when there is no count. `word` asks for both halves.
    ///
    /// # Errors
    /// Redis's.
    pub(super) fn parse(args: Args<'_>, word: &str) -> Result<Option<Self>, CommandError> {
        if args.len() == 2 {
            return Ok(None);
        }
        let count = parse_count(args)?;
        let both = args.len() == 4 && args.is(3, word);
        if args.len() > 3 && !both {
            return Err(ArgsError::Syntax.into());
        }
        // Twice the count is a length in the reply.
        if both && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
            return Err(CommandError::OutOfRange);
        }
        Ok(Some(Self { count, both }))
    }
}

/// Whether that many picks of so many are so many that a list of all is worth its price.
fn worth_listing(many: usize, len: usize) -> bool {
    many > len / 3
}

/// Places below `len`, which is not 0, as many as `count` says.
///
/// # Errors
/// Too many, or the script is to end.
pub(super) fn places(
    len: usize,
    count: i64,
    rng: &mut fastrand::Rng,
    beat: impl Fn() -> Result<(), CommandError>,
) -> Result<Vec<u32>, CommandError> {
    let many = count.unsigned_abs() as usize;
    if count > 0 {
        distinct(len, many, rng, beat)
    } else if many > PICKS_MAX {
        Err(CommandError::OutOfRange)
    } else {
        repeated(len, many, rng, beat)
    }
}

/// Up to `many` places below `len`, each at most once.
///
/// # Errors
/// That of `beat`.
pub(super) fn distinct(
    len: usize,
    many: usize,
    rng: &mut fastrand::Rng,
    beat: impl Fn() -> Result<(), CommandError>,
) -> Result<Vec<u32>, CommandError> {
    if many >= len {
        return Ok((0..len as u32).collect());
    }
    if worth_listing(many, len) {
        let mut places: Vec<u32> = (0..len as u32).collect();
        for at in 0..many {
            places.swap(at, rng.usize(at..len));
            if at.is_multiple_of(PICKS_A_BEAT) {
                beat()?;
            }
        }
        places.truncate(many);
        return Ok(places);
    }
    // At most a third is taken, so two picks of three are new ones.
    let (mut taken, mut places) = (BTreeSet::new(), Vec::with_capacity(many));
    while places.len() < many {
        let place = rng.u32(..len as u32);
        if taken.insert(place) {
            places.push(place);
            if places.len().is_multiple_of(PICKS_A_BEAT) {
                beat()?;
            }
        }
    }
    Ok(places)
}

fn repeated(
    len: usize,
    many: usize,
    rng: &mut fastrand::Rng,
    beat: impl Fn() -> Result<(), CommandError>,
) -> Result<Vec<u32>, CommandError> {
    let mut places = Vec::with_capacity(many);
    for at in 0..many {
        places.push(rng.u32(..len as u32));
        if at.is_multiple_of(PICKS_A_BEAT) {
            beat()?;
        }
    }
    Ok(places)
}

/// A collection of pairs without places that could be picked.
pub(super) trait Pairs<'a>: Copy {
    /// The second half.
    type Value: Copy;

    /// How many there are; not 0.
    fn len(self) -> usize;

    /// All of them.
    fn list(self) -> Vec<(&'a [u8], Self::Value)>;

    /// Any of them.
    fn random(self, rng: &mut fastrand::Rng) -> Option<(&'a [u8], Self::Value)>;

    /// Whether it is hard to find any.
    fn is_sparse(self) -> bool {
        false
    }
}

/// Pairs that have been picked.
pub(super) struct Picked<'a, V> {
    pairs: Vec<(&'a [u8], V)>,
    /// Which of them, in order.
    places: Vec<u32>,
}

impl<'a, V: Copy> Picked<'a, V> {
    /// Picks as many as `count` says, which is not 0.
    ///
    /// # Errors
    /// Too many, or the script is to end.
    pub(super) fn from<P: Pairs<'a, Value = V>>(
        all: P,
        count: i64,
        rng: &mut fastrand::Rng,
        beat: impl Fn() -> Result<(), CommandError>,
    ) -> Result<Self, CommandError> {
        let many = count.unsigned_abs() as usize;
        if all.is_sparse() || worth_listing(many, all.len()) {
            let places = places(all.len(), count, rng, beat)?;
            return Ok(Self { pairs: all.list(), places });
        }
        let mut taken = BTreeSet::new();
        let mut pairs = Vec::with_capacity(many);
        while pairs.len() < many
            && let Some(pair) = all.random(rng)
        {
            if count < 0 || taken.insert(pair.0) {
                pairs.push(pair);
                if pairs.len().is_multiple_of(PICKS_A_BEAT) {
                    beat()?;
                }
            }
        }
        let places = (0..pairs.len() as u32).collect();
        Ok(Self { pairs, places })
    }

    /// What has been picked.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&'a [u8], V)> {
        self.places.iter().map(|&place| self.pairs[place as usize])
    }
}
