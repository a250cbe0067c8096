//! Random picks from a set, as places ([`Set::with_member`]).

use std::collections::BTreeSet;

use crate::error::CommandError;
use crate::types::set::{Form, Set};

/// Picks between two looks at whether the script is to end.
const PICKS_A_BEAT: usize = 256;

/// Up to `many` places below `len`, each at most once, in random order.
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
    if many > len / 3 {
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

/// `many` places below `len`, which is not 0, with repetition.
///
/// # Errors
/// That of `beat`.
pub(super) fn repeated(
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

/// Calls `visit` with the members at these places.
pub(super) fn visit_places(set: &Set, places: &[u32], mut visit: impl FnMut(&[u8])) {
    if set.form() == Form::Small && places.len() > 4 {
        // A packed set is walked to each of its members: list them once.
        let mut members = Vec::with_capacity(set.len());
        set.for_each(|member| members.push(member.to_vec()));
        places.iter().for_each(|&place| visit(&members[place as usize]));
    } else {
        places.iter().for_each(|&place| set.with_member(place as usize, &mut visit));
    }
}
