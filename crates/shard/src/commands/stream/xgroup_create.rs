//! XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD n]: add a group.
//! XGROUP SETID key group id | $ [ENTRIESREAD n]: set how far a group has read.

use protocol::args::Args;
use protocol::spec::{Arity, Flags};

use super::consumer::group_at;
use super::id::parse;
use super::xgroup::{INSERTED, NEEDS_KEY, UPDATED, about_key};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::stream::group::Progress;
use crate::types::stream::id::StreamId;
use crate::types::stream::{Position, Stream};

pub(super) const CREATE: Command = about_key(
    "xgroup|create",
    Arity::at_least(5),
    Flags::WRITE.union(Flags::DENYOOM),
    INSERTED,
    "Creates a consumer group.",
    create,
);

pub(super) const SETID: Command = about_key(
    "xgroup|setid",
    Arity::at_least(5),
    Flags::WRITE,
    UPDATED,
    "Sets the last-delivered ID of a consumer group.",
    set_id,
);

/// What may follow the id.
#[derive(Default)]
struct Options {
    /// It is CREATE, which does not take `-` and `+`.
    creates: bool,
    make: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(args: Args<'_>, creates: bool) -> Result<Self, CommandError> {
        let mut options = Self { creates, ..Self::default() };
        let mut at = 5;
        while at < args.len() {
            if creates && args.is(at, "MKSTREAM") {
                options.make = true;
                at += 1;
            } else if args.is(at, "ENTRIESREAD") && at + 1 < args.len() {
                options.entries_read = match args.int(at + 1)? {
                    -1 => None,
                    read => Some(u64::try_from(read).map_err(|_| {
                        CommandError::Text("ERR value for ENTRIESREAD must be positive or -1")
                    })?),
                };
                at += 2;
            } else {
                return Err(super::unknown_form(args, "XGROUP"));
            }
        }
        Ok(options)
    }

    fn progress(&self, id: &[u8], position: Position) -> Result<Progress, CommandError> {
        let last = match id {
            b"$" => position.last,
            b"-" if !self.creates => StreamId::MIN,
            b"+" if !self.creates => StreamId::MAX,
            id => parse(id)?,
        };
        Ok(Progress { last, entries_read: self.entries_read })
    }
}

fn create(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, group) = (args.at(2), args.at(3));
    let options = Options::parse(args, true)?;
    let stream = call.keyspace.stream(key)?;
    let missing = stream.is_none();
    if missing && !options.make {
        return Err(NEEDS_KEY);
    }
    // Redis reads options that are there twice, and then finds that the words are too many.
    if args.len() > 8 {
        return Err(super::unknown_form(args, "XGROUP"));
    }
    let position = stream.map(Stream::position).unwrap_or_default();
    let exists = stream.is_some_and(|stream| stream.group(group).is_some());
    let progress = options.progress(args.at(4), position)?;
    if exists {
        return Err(CommandError::Text("BUSYGROUP Consumer Group name already exists"));
    }

    if missing {
        call.keyspace.stream_set_position(key, position)?;
    }
    call.keyspace.stream_group_create(key, group, progress);
    call.keyspace.notify(Events::STREAM, "xgroup-create", key);
    call.reply.ok();
    Ok(())
}

fn set_id(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, group) = (args.at(2), args.at(3));
    let options = Options::parse(args, false)?;
    let (stream, _) = group_at(call.keyspace, key, group, NEEDS_KEY)?;
    if args.len() > 7 {
        return Err(super::unknown_form(args, "XGROUP"));
    }
    let progress = options.progress(args.at(4), stream.position())?;

    call.keyspace.stream_group_set(key, group, progress);
    call.keyspace.notify(Events::STREAM, "xgroup-setid", key);
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn a_group_begins_where_it_is_told_to() {
        let mut rig = Rig::new();
        rig.check_error("XGROUP CREATE s g $", "ERR The XGROUP subcommand requires the key");
        rig.check("XGROUP CREATE s g $ MKSTREAM", "+OK");
        rig.check("XLEN s", ":0");
        rig.check("EXISTS s", ":1");
        rig.check("XGROUP CREATE s g 0", "-BUSYGROUP Consumer Group name already exists");
        rig.check("XADD s 5 f v", "$5-0");
        rig.check("XGROUP CREATE s h $ ENTRIESREAD 1", "+OK");
        rig.check_error("XGROUP CREATE s i +", "ERR Invalid stream ID");
        rig.check("XGROUP SETID s g +", "+OK");
        rig.check("XGROUP SETID s g 3-1 ENTRIESREAD -1", "+OK");
        rig.check(
            "XINFO GROUPS s",
            "[[$name $g $consumers :0 $pending :0 $last-delivered-id $3-1 $entries-read _ \
             $lag :1] [$name $h $consumers :0 $pending :0 $last-delivered-id $5-0 \
             $entries-read :1 $lag :0]]",
        );
    }

    #[test]
    fn errors() {
        let mut rig = Rig::new();
        rig.check("XADD s 5 f v", "$5-0");
        rig.check_error("XGROUP CREATE s g x", "ERR Invalid stream ID");
        rig.check(
            "XGROUP CREATE s g 0 ENTRIESREAD",
            "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.",
        );
        rig.check(
            "XGROUP CREATE s g 0 ENTRIESREAD -2",
            "-ERR value for ENTRIESREAD must be positive or -1",
        );
        rig.check("XGROUP SETID s g 0", "-NOGROUP No such consumer group 'g' for key name 's'");
        rig.check_error("XGROUP SETID none g 0", "ERR The XGROUP subcommand requires the key");
        rig.check_error("XGROUP SETID s g 0 MKSTREAM", "ERR unknown subcommand or wrong number");
        let twice = "ENTRIESREAD 1 ENTRIESREAD 1";
        let error = "ERR unknown subcommand or wrong number";
        rig.check_error(&format!("XGROUP CREATE s h x {twice}"), error);
        rig.check_error(&format!("XGROUP SETID s g x {twice}"), "NOGROUP");
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.check_error(&format!("XGROUP SETID s g x {twice}"), error);
        rig.check("SET k v", "+OK");
        rig.check_error("XGROUP CREATE k g 0 MKSTREAM", "WRONGTYPE");
        rig.check_error("XGROUP SETID k g 0", "WRONGTYPE");
    }
}
