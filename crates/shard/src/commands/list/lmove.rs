//! LMOVE source destination LEFT|RIGHT LEFT|RIGHT, and RPOPLPUSH: take an element off an end of a
//! list, put it at an end of another or of the same, and reply it.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::{lpush, notify_popped, parse_end};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::list::{Element, End};

pub(super) const LMOVE: Command = Command {
    spec: CommandSpec {
        name: "lmove",
        family: Family::List,
        arity: Arity::exactly(5),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: MOVED_KEYS,
        since: "6.2.0",
        summary: "Returns an element after popping it from one list and pushing it to another. \
                  Deletes the list if the last element was moved.",
        ..CommandSpec::NEW
    },
    run: |call, args| {
        let (from, to) = (parse_end(args, 3)?, parse_end(args, 4)?);
        reply_moved(call, args, from, to)
    },
};

pub(super) const RPOPLPUSH: Command = Command {
    spec: CommandSpec {
        name: "rpoplpush",
        family: Family::List,
        arity: Arity::exactly(3),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: MOVED_KEYS,
        since: "1.2.0",
        summary: "Returns the last element of a list after removing and pushing it to another \
                  list. Deletes the list if the last element was popped.",
        ..CommandSpec::NEW
    },
    run: |call, args| reply_moved(call, args, End::Tail, End::Head),
};

/// The keys of commands that move an element.
pub(super) const MOVED_KEYS: &[KeySpec] =
    &[KeySpec::at(1, Access::Rw, &["access", "delete"]), KeySpec::at(2, Access::Rw, &["insert"])];

fn reply_moved(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    from: End,
    to: End,
) -> Result<(), CommandError> {
    match move_element(call, args, from, to)? {
        Some(element) => call.reply.bulk(&element),
        None => call.reply.null(),
    }
    Ok(())
}

/// Moves an element between the lists at parts 1 and 2; `None` when there is none.
///
/// # Errors
/// [`CommandError::WrongType`] of either; of the second only if there is an element.
pub(super) fn move_element(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    from: End,
    to: End,
) -> Result<Option<Vec<u8>>, CommandError> {
    let (source, destination) = (args.at(1), args.at(2));
    let Some(list) = call.keyspace.list(source)? else { return Ok(None) };
    let element = match from {
        End::Head => list.get(0),
        End::Tail => list.get(list.len() - 1),
    };
    let element = element.map(Element::to_vec).unwrap_or_default();
    call.keyspace.list(destination)?;

    if source == destination && call.keyspace.list(source)?.is_some_and(|list| list.len() == 1) {
        // The list must not go and come back: it would lose its expiry.
        call.keyspace.list_set(source, 0, &element)?;
    } else {
        call.keyspace.list_pop(source, from, 1)?;
        call.keyspace.list_push(destination, to, std::iter::once(&element[..]))?;
    }
    call.keyspace.notify(Events::LIST, lpush::event(to), destination);
    notify_popped(call, source, from);
    Ok(Some(element))
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn from_any_end_to_any_end() {
        for (ends, moved, left, to) in [
            ("LEFT LEFT", "$a", "[$b $c]", "[$a $x $y]"),
            ("LEFT RIGHT", "$a", "[$b $c]", "[$x $y $a]"),
            ("right LEFT", "$c", "[$a $b]", "[$c $x $y]"),
            ("RIGHT right", "$c", "[$a $b]", "[$x $y $c]"),
        ] {
            let mut rig = Rig::new();
            rig.check("RPUSH {t}l a b c", ":3");
            rig.check("RPUSH {t}m x y", ":2");
            rig.check(&format!("LMOVE {{t}}l {{t}}m {ends}"), moved);
            rig.check("LRANGE {t}l 0 -1", left);
            rig.check("LRANGE {t}m 0 -1", to);
        }
    }

    #[test]
    fn within_one_list() {
        let mut rig = Rig::new();
        rig.check("RPUSH l a b c", ":3");
        rig.check("RPOPLPUSH l l", "$c");
        rig.check("LRANGE l 0 -1", "[$c $a $b]");
        rig.check("LMOVE l l LEFT LEFT", "$c");
        rig.check("LRANGE l 0 -1", "[$c $a $b]");
        rig.check("LTRIM l 0 0", "+OK");
        rig.check("EXPIRE l 10", ":1");
        rig.check("RPOPLPUSH l l", "$c");
        rig.check("TTL l", ":10");
    }

    #[test]
    fn the_last_element_takes_the_key_along() {
        let mut rig = Rig::new();
        rig.check("RPUSH {t}l 1", ":1");
        rig.check("RPOPLPUSH {t}l {t}m", "$1");
        rig.check("EXISTS {t}l", ":0");
        rig.check("RPOPLPUSH {t}l {t}m", "_");
        rig.check("LMOVE {t}l {t}m LEFT LEFT", "_");
    }

    #[test]
    fn bad_arguments_and_wrong_types() {
        let mut rig = Rig::new();
        rig.check("SET {t}k v", "+OK");
        rig.check("RPUSH {t}l a", ":1");
        rig.check_error("LMOVE {t}k {t}l LEFT LEFT", "WRONGTYPE");
        rig.check_error("LMOVE {t}l {t}k LEFT LEFT", "WRONGTYPE");
        rig.check_error("RPOPLPUSH {t}l {t}k", "WRONGTYPE");
        rig.check("RPOPLPUSH {t}missing {t}k", "_");
        rig.check("LRANGE {t}l 0 -1", "[$a]");
        rig.check("LMOVE {t}l {t}l UP LEFT", "-ERR syntax error");
        rig.check("LMOVE {t}l {t}l LEFT UP", "-ERR syntax error");
        rig.check("LMOVE l l LEFT", "-ERR wrong number of arguments for 'lmove' command");
        rig.check("RPOPLPUSH l", "-ERR wrong number of arguments for 'rpoplpush' command");
    }
}
