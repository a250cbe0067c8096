//! XSETID key last-id [ENTRIESADDED n] [MAXDELETEDID id]: set what a stream remembers.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::id::parse;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::stream::Position;
use crate::types::stream::id::StreamId;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xsetid",
        family: Family::Stream,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["update"])],
        since: "5.0.0",
        summary: "An internal command for replicating stream values.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let last = parse(args.at(2))?;
    let (mut added, mut max_deleted) = (None, None);
    let mut at = 3;
    while at < args.len() {
        if at + 1 == args.len() {
            return Err(ArgsError::Syntax.into());
        }
        if args.is(at, "ENTRIESADDED") {
            let negative = CommandError::Text("ERR entries_added must be positive");
            added = Some(u64::try_from(args.int(at + 1)?).map_err(|_| negative)?);
        } else if args.is(at, "MAXDELETEDID") {
            let id = parse(args.at(at + 1))?;
            if last < id {
                return Err(CommandError::Text(
                    "ERR The ID specified in XSETID is smaller than the provided \
                     max_deleted_entry_id",
                ));
            }
            max_deleted = Some(id);
        } else {
            return Err(ArgsError::Syntax.into());
        }
        at += 2;
    }

    let stream = call.keyspace.stream(key)?.ok_or(CommandError::NoSuchKey)?;
    let before = stream.position();
    if last < before.max_deleted {
        return Err(CommandError::Text(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if stream.last().is_some_and(|entry| last < entry.id) {
        return Err(CommandError::Text(
            "ERR The ID specified in XSETID is smaller than the target stream top item",
        ));
    }
    if !stream.is_empty() && added.is_some_and(|added| added < stream.len() as u64) {
        return Err(CommandError::Text(
            "ERR The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    // Redis: a largest deleted id of 0-0 leaves what there is.
    let max_deleted = max_deleted.filter(|id| *id != StreamId::MIN).unwrap_or(before.max_deleted);
    let position = Position { last, max_deleted, added: added.unwrap_or(before.added) };
    call.keyspace.stream_set_position(key, position)?;
    call.keyspace.notify(Events::STREAM, "xsetid", key);
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn sets_what_is_remembered() {
        let mut rig = Rig::new();
        rig.check("XSETID s 1", "-ERR no such key");
        rig.check("XADD s 5 f v", "$5-0");
        rig.check_error("XSETID s 4", "ERR The ID specified in XSETID is smaller than the target");
        rig.check("XSETID s 9 ENTRIESADDED 7 MAXDELETEDID 3", "+OK");
        let info = rig.run("XINFO STREAM s");
        for part in ["$last-generated-id $9-0", "$max-deleted-entry-id $3-0", "$entries-added :7"] {
            assert!(info.contains(part), "{part} in {info}");
        }
        rig.check_error("XADD s 9 f v", "ERR The ID specified in XADD is equal or smaller");
        rig.check("XADD s 9-* f v", "$9-1");
    }

    #[test]
    fn errors() {
        let mut rig = Rig::new();
        rig.check("XADD s 5 f v", "$5-0");
        rig.check("XSETID s 6 ENTRIESADDED -1", "-ERR entries_added must be positive");
        rig.check_error("XSETID s 6 ENTRIESADDED 0", "ERR The entries_added specified in XSETID");
        rig.check_error("XSETID s 6 MAXDELETEDID 7", "ERR The ID specified in XSETID is smaller");
        rig.check("XSETID s 6 MAXDELETEDID", "-ERR syntax error");
        rig.check("XSETID s 6 OTHER 1", "-ERR syntax error");
        rig.check("SET k v", "+OK");
        rig.check_error("XSETID k 1", "WRONGTYPE");
    }
}
