//! What SINTER, SUNION and SDIFF are made of, their STORE forms and SINTERCARD.

use protocol::args::Args;

use crate::commands::{Beats, Call};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::set::{Set, SetLimits};

/// How sets are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Combine {
    Intersection,
    Union,
    Difference,
}

/// Replies the members of the combination of the sets at the keys from part 1 on.
pub(super) fn reply(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    how: Combine,
) -> Result<(), CommandError> {
    let mut beats = call.beats();
    let sets = call.keyspace.sets(args.iter_from(1))?;
    // Nobody sees the form of this one: it is made for many members.
    let limits = SetLimits { ints: 0, entries: 16, value: 64 };
    let result = combine(&sets, how, limits, &mut beats)?;
    call.reply.set(result.len());
    result.for_each(|member| call.reply.bulk(member));
    Ok(())
}

/// Stores the combination of the sets at the keys from part 2 on at the key of part 1, and replies
/// how many members it has.
pub(super) fn store(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    how: Combine,
    event: &'static str,
) -> Result<(), CommandError> {
    let (mut beats, limits) = (call.beats(), call.keyspace.settings().set_limits);
    let sets = call.keyspace.sets(args.iter_from(2))?;
    let result = combine(&sets, how, limits, &mut beats)?;
    let (key, count) = (args.at(1), result.len());
    let existed = call.keyspace.set_store(key, result);
    if count > 0 {
        call.keyspace.notify(Events::SET, event, key);
    } else if existed {
        call.keyspace.notify(Events::GENERIC, "del", key);
    }
    call.reply.count(count);
    Ok(())
}

fn combine(
    sets: &[Option<&Set>],
    how: Combine,
    limits: SetLimits,
    beats: &mut Beats<'_>,
) -> Result<Set, CommandError> {
    let mut result: Option<Set> = None;
    let put = |member: &[u8]| {
        let set = result.get_or_insert_with(|| Set::new(member, 1, limits));
        set.insert_growing(member, limits);
        true
    };
    match how {
        Combine::Intersection => intersect(sets, beats, put)?,
        Combine::Union => unite(sets, beats, put)?,
        Combine::Difference => subtract(sets, beats, put)?,
    }
    Ok(result.unwrap_or_else(|| Set::new(b"", 0, limits)))
}

/// Visits what is a member of all sets, until `visit` says that it is enough.
pub(super) fn intersect(
    sets: &[Option<&Set>],
    beats: &mut Beats<'_>,
    mut visit: impl FnMut(&[u8]) -> bool,
) -> Result<(), CommandError> {
    let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<&Set>>>() else { return Ok(()) };
    // The smallest is walked through, and the others are asked, the smaller ones first.
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return Ok(()) };
    let walked = smallest.try_for_each(|member| {
        beats.beat().map_err(Some)?;
        let in_all = others.iter().all(|set| set.contains(member));
        if !in_all || visit(member) { Ok(()) } else { Err(None) }
    });
    match walked {
        Err(Some(error)) => Err(error),
        Ok(()) | Err(None) => Ok(()),
    }
}

/// Visits the members of all sets, some of them several times.
fn unite(
    sets: &[Option<&Set>],
    beats: &mut Beats<'_>,
    mut visit: impl FnMut(&[u8]) -> bool,
) -> Result<(), CommandError> {
    for set in sets.iter().copied().flatten() {
        set.try_for_each(|member| {
            visit(member);
            beats.beat()
        })?;
    }
    Ok(())
}

/// Visits the members of the first set that no other one has.
fn subtract(
    sets: &[Option<&Set>],
    beats: &mut Beats<'_>,
    mut visit: impl FnMut(&[u8]) -> bool,
) -> Result<(), CommandError> {
    let Some((Some(first), others)) = sets.split_first() else { return Ok(()) };
    let mut others: Vec<&Set> = others.iter().copied().flatten().collect();
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    // Asking each of many sets for each member may cost more than putting them together first.
    let together: Option<Set> = {
        let asked = first.len().saturating_mul(others.len()) / 2;
        let put = others.iter().map(|set| set.len()).sum::<usize>() + first.len();
        let all: Vec<Option<&Set>> = others.iter().copied().map(Some).collect();
        let limits = SetLimits { ints: 0, entries: 16, value: 64 };
        (asked > put).then(|| combine(&all, Combine::Union, limits, beats)).transpose()?
    };
    if let Some(set) = &together {
        others = vec![set];
    }
    first.try_for_each(|member| {
        if !others.iter().any(|set| set.contains(member)) {
            visit(member);
        }
        beats.beat()
    })
}
