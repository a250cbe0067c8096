//! SORT key \[BY pattern\] \[LIMIT offset count\] \[GET pattern …\] \[ASC|DESC\] \[ALPHA\]
//! \[STORE destination\], and SORT_RO without STORE: the elements of a list or set in order.
//!
//! Elements are compared as numbers, or as texts with ALPHA; with BY what is compared is what the
//! pattern leads to. Equal numbers are told apart by the text of the element, so the order does
//! not depend on how a set keeps its members.

mod options;
mod order;
mod pattern;
#[cfg(test)]
mod sort_test;

use protocol::args::Args;
use protocol::spec::{Access, Arity, Begin, CommandSpec, Family, Find, Flags, KeySpec};

use crate::commands::{Beats, Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, Keyspace, Kind};
use crate::types::list::Element;
use options::{By, Get, Options};
use order::Weights;

const COMPLEXITY: &str = "O(N+M*log(M)) where N is the number of elements in the list or set to \
    sort, and M the number of returned elements. When the elements are not sorted, complexity is \
    O(N).";

pub(super) const SORT: Command = Command {
    spec: CommandSpec {
        name: "sort",
        family: Family::Generic,
        arity: Arity::at_least(2),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: &[
            KeySpec::at(1, Access::Ro, &["access"]),
            KeySpec {
                begin: Begin::Keyword { word: "STORE", from: -2 },
                find: Find::Range { last: 0, step: 1, limit: 0 },
                access: Access::Ow,
                notes: &["update"],
                remark: "",
            },
        ],
        acl_extra: &["set", "sortedset", "list", "dangerous"],
        complexity: COMPLEXITY,
        summary: "Sorts the elements in a list, a set, or a sorted set, optionally storing the \
                  result.",
        ..CommandSpec::NEW
    },
    run: |call, args| run(call, args, true),
};

pub(super) const SORT_RO: Command = Command {
    spec: CommandSpec {
        name: "sort_ro",
        family: Family::Generic,
        arity: Arity::at_least(2),
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        acl_extra: &["set", "sortedset", "list", "dangerous"],
        since: "7.0.0",
        complexity: COMPLEXITY,
        summary: "Returns the sorted elements of a list, a set, or a sorted set.",
        ..CommandSpec::NEW
    },
    run: |call, args| run(call, args, false),
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>, may_store: bool) -> Result<(), CommandError> {
    let mut options = Options::parse(args, may_store)?;
    let key = args.at(1);
    let mut beats = call.beats();
    let kind = call.keyspace.kind(key);
    // A set has no order: where it would be seen by others it is given one.
    let in_script = call.pulse.is_some();
    if kind == Some(Kind::Set)
        && matches!(options.by, By::Nothing)
        && (options.store.is_some() || in_script)
    {
        options.by = By::Element;
        options.alpha = true;
    }
    let mut elements = elements_of(call.keyspace, key, &mut beats)?;
    let (start, end) = options.range(elements.len());
    let chosen: Vec<u32> = match options.by {
        By::Nothing => {
            if options.descending && kind != Some(Kind::Set) {
                elements.reverse();
            }
            (start as u32..end as u32).collect()
        }
        By::Element | By::Pattern(_) => {
            let weights = Weights::of(&elements, &options, call.keyspace, &mut beats)?;
            order::sorted(&elements, &weights, options.descending, end, &mut beats)?
                .split_off(start)
        }
    };
    let output = output(call.keyspace, &elements, &chosen, &options.get, &mut beats)?;
    match options.store {
        Some(destination) => store(call, destination, &output),
        None => {
            call.reply.array(output.len());
            output.iter().for_each(|value| call.reply.bulk_or_null(value.as_deref()));
        }
    }
    Ok(())
}

/// The elements of the value at a key, in its own order.
fn elements_of(
    keyspace: &mut Keyspace,
    key: &[u8],
    beats: &mut Beats<'_>,
) -> Result<Vec<Vec<u8>>, CommandError> {
    let mut elements = Vec::new();
    match keyspace.kind(key) {
        None => {}
        Some(Kind::List) => {
            if let Some(list) = keyspace.list(key)? {
                for element in list.iter_from(0) {
                    beats.beat()?;
                    elements.push(Element::to_vec(element));
                }
            }
        }
        Some(Kind::Set) => {
            if let Some(set) = keyspace.set(key)? {
                set.try_for_each(|member| {
                    elements.push(member.to_vec());
                    beats.beat()
                })?;
            }
        }
        Some(Kind::ZSet) => {
            if let Some(zset) = keyspace.zset(key)? {
                for (member, _) in zset.iter() {
                    beats.beat()?;
                    elements.push(member.to_vec());
                }
            }
        }
        Some(_) => return Err(CommandError::WrongType),
    }
    Ok(elements)
}

/// What is replied: the chosen elements, or what GET makes of each.
fn output(
    keyspace: &mut Keyspace,
    elements: &[Vec<u8>],
    chosen: &[u32],
    get: &[Get<'_>],
    beats: &mut Beats<'_>,
) -> Result<Vec<Option<Vec<u8>>>, CommandError> {
    let mut output = Vec::with_capacity(chosen.len() * get.len().max(1));
    for &at in chosen {
        let element = &elements[at as usize];
        if get.is_empty() {
            output.push(Some(element.clone()));
        }
        for get in get {
            beats.beat()?;
            output.push(match get {
                Get::Element => Some(element.clone()),
                Get::Pattern(pattern) => pattern::look_up(keyspace, pattern, element),
            });
        }
    }
    Ok(output)
}

/// Stores a list of what was found, and replies how long it is. What was not found is empty.
fn store(call: &mut Call<'_, '_>, destination: &[u8], output: &[Option<Vec<u8>>]) {
    let elements = output.iter().map(|value| value.as_deref().unwrap_or_default());
    let existed = call.keyspace.list_store(destination, elements);
    if !output.is_empty() {
        call.keyspace.notify(Events::LIST, "sortstore", destination);
    } else if existed {
        call.keyspace.notify(Events::GENERIC, "del", destination);
    }
    call.reply.count(output.len());
}
