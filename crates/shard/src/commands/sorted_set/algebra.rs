//! Unions, intersections and differences of sorted sets: what their commands share.
//!
//! Inputs are looked at one after the other. What a key holds that members with scores can be read
//! from is up to [`crate::keyspace::Scored`]: a further type becomes an input there.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::number::parse_f64;

use super::{store, write_pairs};
use crate::commands::Call;
use crate::error::CommandError;
use crate::keyspace::Scored;
use crate::script::beat;
use crate::types::zset::ZSet;

/// What is made of the inputs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Union,
    Inter,
    Diff,
}

/// What becomes of the scores of a member that several inputs have.
#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

/// One input.
struct Input<'a> {
    key: &'a [u8],
    weight: f64,
    len: usize,
}

/// A request: its inputs and options.
struct Request<'a> {
    inputs: Vec<Input<'a>>,
    aggregate: Aggregate,
    with_scores: bool,
}

/// ZUNION, ZINTER, ZDIFF: replies the result.
pub(super) fn reply_result(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    name: &'static str,
    operation: Operation,
) -> Result<(), CommandError> {
    let (inputs, options) = read_inputs(call, args, 1, name)?;
    let request = Request::parse(args, inputs, options, operation, false)?;
    let result = compute(call, &request, operation)?;
    write_pairs(call.reply, result.iter(), request.with_scores);
    Ok(())
}

/// ZUNIONSTORE, ZINTERSTORE, ZDIFFSTORE: stores the result and replies how many members it has.
pub(super) fn store_result(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    name: &'static str,
    operation: Operation,
) -> Result<(), CommandError> {
    let (inputs, options) = read_inputs(call, args, 2, name)?;
    let request = Request::parse(args, inputs, options, operation, true)?;
    let result = compute(call, &request, operation)?;
    store(call, args.at(1), result, name);
    Ok(())
}

/// ZINTERCARD: how many members all keys have, counted up to `limit` (0: all), which is read from
/// the options after the keys.
pub(super) fn intersection_len(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    name: &'static str,
) -> Result<usize, CommandError> {
    let (inputs, mut at) = read_inputs(call, args, 1, name)?;
    let mut limit = 0;
    while at < args.len() {
        if !args.is(at, "LIMIT") || at + 1 == args.len() {
            return Err(ArgsError::Syntax.into());
        }
        let wanted = args.int(at + 1).ok().and_then(|limit| usize::try_from(limit).ok());
        limit = wanted.ok_or(CommandError::Text("ERR LIMIT can't be negative"))?;
        at += 2;
    }
    let request = Request { inputs, aggregate: Aggregate::Sum, with_scores: false };
    let len = intersect(call, &request)?.len();
    Ok(if limit == 0 { len } else { len.min(limit) })
}

/// The keys whose number part `at` holds, with how many members each has, and the part after them.
/// Redis tells of a wrong type before it looks at the options.
fn read_inputs<'a>(
    call: &mut Call<'_, '_>,
    args: Args<'a>,
    at: usize,
    name: &'static str,
) -> Result<(Vec<Input<'a>>, usize), CommandError> {
    let count = args.int(at)?;
    if count < 1 {
        return Err(CommandError::dynamic(format!(
            "ERR at least 1 input key is needed for '{name}' command"
        )));
    }
    let end = usize::try_from(count).ok().and_then(|count| count.checked_add(at + 1));
    let end = end.filter(|end| *end <= args.len()).ok_or(ArgsError::Syntax)?;
    let mut inputs = Vec::with_capacity(end - at - 1);
    for key in (at + 1..end).map(|at| args.at(at)) {
        let len = call.keyspace.scored(key)?.map_or(0, |scored| scored.len());
        inputs.push(Input { key, weight: 1.0, len });
    }
    Ok((inputs, end))
}

impl<'a> Request<'a> {
    /// Reads the options from part `at` on.
    fn parse(
        args: Args<'a>,
        inputs: Vec<Input<'a>>,
        mut at: usize,
        operation: Operation,
        stores: bool,
    ) -> Result<Self, CommandError> {
        let mut request = Self { inputs, aggregate: Aggregate::Sum, with_scores: false };
        let has_scores = operation != Operation::Diff;
        while at < args.len() {
            let left = args.len() - at;
            if has_scores && left > request.inputs.len() && args.is(at, "WEIGHTS") {
                for input in &mut request.inputs {
                    at += 1;
                    let bad = CommandError::Text("ERR weight value is not a float");
                    input.weight = parse_f64(args.at(at)).ok_or(bad)?;
                }
            } else if has_scores && left >= 2 && args.is(at, "AGGREGATE") {
                at += 1;
                request.aggregate = Aggregate::parse(args, at)?;
            } else if !stores && args.is(at, "WITHSCORES") {
                request.with_scores = true;
            } else {
                return Err(ArgsError::Syntax.into());
            }
            at += 1;
        }
        Ok(request)
    }
}

impl Aggregate {
    fn parse(args: Args<'_>, at: usize) -> Result<Self, ArgsError> {
        let known = [("SUM", Self::Sum), ("MIN", Self::Min), ("MAX", Self::Max)];
        let found = known.into_iter().find(|(word, _)| args.is(at, word));
        found.map(|(_, aggregate)| aggregate).ok_or(ArgsError::Syntax)
    }

    fn of(self, score: f64, other: f64) -> f64 {
        match self {
            // Infinities of either sign add up to 0.
            Self::Sum => number_or_zero(score + other),
            Self::Min if other < score => other,
            Self::Max if other > score => other,
            Self::Min | Self::Max => score,
        }
    }
}

fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The result, in its large form.
fn compute(
    call: &mut Call<'_, '_>,
    request: &Request<'_>,
    operation: Operation,
) -> Result<ZSet, CommandError> {
    match operation {
        Operation::Union => unite(call, request),
        Operation::Inter => intersect(call, request).map(gathered),
        Operation::Diff => subtract(call, request).map(gathered),
    }
}

/// Members with their scores, in no order.
type Members = Vec<(Box<[u8]>, f64)>;

fn gathered(members: Members) -> ZSet {
    let mut result = ZSet::large();
    for (member, score) in members {
        result.set(&member, score);
    }
    result
}

/// The inputs from the smallest to the largest: the order in which Redis adds scores up, which
/// their last digits depend on.
fn smallest_first<'i, 'a>(inputs: &'i [Input<'a>]) -> Vec<&'i Input<'a>> {
    let mut order: Vec<&Input<'_>> = inputs.iter().collect();
    order.sort_by_key(|input| input.len);
    order
}

fn unite(call: &mut Call<'_, '_>, request: &Request<'_>) -> Result<ZSet, CommandError> {
    let pulse = call.pulse;
    let mut result = ZSet::large();
    for input in smallest_first(&request.inputs) {
        let Some(scored) = call.keyspace.scored(input.key)? else { continue };
        scored.try_for_each(|(member, score)| {
            let score = number_or_zero(score * input.weight);
            let score =
                result.score(member).map_or(score, |known| request.aggregate.of(known, score));
            result.set(member, score);
            beat(pulse)
        })?;
    }
    Ok(result)
}

/// All members of an input, with their weighted scores.
fn members_of(call: &mut Call<'_, '_>, input: &Input<'_>) -> Result<Members, CommandError> {
    let pulse = call.pulse;
    let mut members = Members::with_capacity(input.len);
    if let Some(scored) = call.keyspace.scored(input.key)? {
        scored.try_for_each(|(member, score)| {
            members.push((member.into(), number_or_zero(score * input.weight)));
            beat(pulse)
        })?;
    }
    Ok(members)
}

/// Keeps the members of which `keep` says so, which is given an input and may change their scores.
fn retain(
    call: &mut Call<'_, '_>,
    members: &mut Members,
    input: &Input<'_>,
    mut keep: impl FnMut(Option<&Scored<'_>>, &[u8], &mut f64) -> bool,
) -> Result<(), CommandError> {
    let pulse = call.pulse;
    let scored = call.keyspace.scored(input.key)?;
    let mut result = Ok(());
    members.retain_mut(|(member, score)| {
        if result.is_ok() {
            result = beat(pulse);
        }
        result.is_ok() && keep(scored.as_ref(), member, score)
    });
    result
}

fn intersect(call: &mut Call<'_, '_>, request: &Request<'_>) -> Result<Members, CommandError> {
    let order = smallest_first(&request.inputs);
    let Some((first, others)) = order.split_first() else { return Ok(Members::new()) };
    let mut members = members_of(call, first)?;
    for input in others {
        retain(call, &mut members, input, |scored, member, score| {
            let Some(other) = scored.and_then(|scored| scored.score(member)) else { return false };
            *score = request.aggregate.of(*score, other * input.weight);
            true
        })?;
    }
    Ok(members)
}

fn subtract(call: &mut Call<'_, '_>, request: &Request<'_>) -> Result<Members, CommandError> {
    let Some((first, others)) = request.inputs.split_first() else { return Ok(Members::new()) };
    let mut members = members_of(call, first)?;
    for input in others.iter().filter(|input| input.len > 0) {
        retain(call, &mut members, input, |scored, member, _| {
            scored.is_none_or(|scored| scored.score(member).is_none())
        })?;
    }
    Ok(members)
}
