//! XADD key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [MAXLEN | MINID [= | ~] threshold [LIMIT n]]
//! id field value …: add an entry, and trim the stream.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::entries::put_id;
use super::id::NewId;
use super::trim::{Options, trim};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::stream::fields::Pairs;
use crate::types::stream::id::StreamId;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xadd",
        family: Family::Stream,
        arity: Arity::at_least(5),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["update"])
            .remark("UPDATE instead of INSERT because of the optional trimming feature")],
        tips: &["nondeterministic_output"],
        since: "5.0.0",
        complexity: "O(1) when adding a new entry, O(N) when trimming where N being the number of \
                     entries evicted.",
        summary: "Appends a new message to a stream. Creates the key if it doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

/// Longest entry, in bytes of fields and values.
const ENTRY_LEN_MAX: usize = 1 << 30;

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let entries_max = call.keyspace.settings().stream_limits.entries;
    let (options, new_id, at) = Options::of_xadd(args, entries_max)?;
    let fields = at + 1;
    if args.len() < fields + 2 || (args.len() - fields) % 2 == 1 {
        return Err(CommandError::Arity("xadd"));
    }
    if new_id == NewId::Exactly(StreamId::MIN) {
        return Err(CommandError::Text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let last = match call.keyspace.stream(key)? {
        Some(stream) => stream.position().last,
        None if options.no_make => {
            call.reply.null();
            return Ok(());
        }
        None => StreamId::MIN,
    };
    if last == StreamId::MAX {
        return Err(CommandError::Text(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let now = u64::try_from(call.keyspace.now().0).unwrap_or(0);
    let id = new_id.after(last, now).ok_or(CommandError::Text(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    ))?;
    let mut room = Vec::new();
    let pairs = Pairs::write(args.iter_from(fields), &mut room);
    if pairs.texts().len() > ENTRY_LEN_MAX {
        return Err(CommandError::Text("ERR Elements are too large to be stored"));
    }

    call.keyspace.stream_add(key, id, pairs)?;
    call.keyspace.notify(Events::STREAM, "xadd", key);
    if trim(call.keyspace, key, &options) > 0 {
        call.keyspace.notify(Events::STREAM, "xtrim", key);
    }
    put_id(call.reply, id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    const SMALLER: &str =
        "-ERR The ID specified in XADD is equal or smaller than the target stream top item";

    #[test]
    fn ids_of_every_form() {
        let mut rig = Rig::new();
        rig.check("XADD s * f v", "$1700000000000-0");
        rig.check("XADD s * f v", "$1700000000000-1");
        rig.advance_ms(-5);
        rig.check("XADD s * f v", "$1700000000000-2");
        rig.check("XADD s 1700000000000-* f v", "$1700000000000-3");
        rig.check("XADD s 1700000000009-* f v", "$1700000000009-0");
        rig.check("XADD s 1700000000009-7 f v", "$1700000000009-7");
        rig.check("XADD s 1700000000008-* f v", SMALLER);
        rig.check("XADD s 1 f v", SMALLER);
        rig.check("XADD t 0-* f v", "$0-1");
        rig.check("XADD u 0-0 f v", "-ERR The ID specified in XADD must be greater than 0-0");
        rig.check("EXISTS u", ":0");
    }

    #[test]
    fn the_last_id_of_all() {
        let mut rig = Rig::new();
        let max = u64::MAX;
        rig.check(&format!("XADD s {max}-{max} f v"), &format!("${max}-{max}"));
        for id in ["*", "5", "18446744073709551615-*"] {
            rig.check_error(&format!("XADD s {id} f v"), "ERR The stream has exhausted the last");
        }
    }

    #[test]
    fn trims_what_it_adds_to() {
        let mut rig = Rig::new();
        for id in 1..=5 {
            rig.check(&format!("XADD s MAXLEN 3 {id} f v"), &format!("${id}-0"));
        }
        rig.check("XLEN s", ":3");
        rig.check("XADD s MINID = 5 6 f v", "$6-0");
        rig.check("XRANGE s - +", "[[$5-0 [$f $v]] [$6-0 [$f $v]]]");
        rig.check("XADD s MAXLEN 0 7 f v", "$7-0");
        rig.check("XLEN s", ":0");
        rig.check("XADD s NOMKSTREAM 8 f v", "$8-0");
        rig.check("XADD missing NOMKSTREAM 8 f v", "_");
        rig.check("EXISTS missing", ":0");
        rig.check("TYPE s", "+stream");
        rig.check("OBJECT ENCODING s", "$stream");
    }

    #[test]
    fn errors() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("XADD k * f v", "WRONGTYPE");
        for line in ["XADD s * f", "XADD s * f v g", "XADD s MAXLEN 5 *", "XADD s NOMKSTREAM * f"] {
            rig.check(line, "-ERR wrong number of arguments for 'xadd' command");
        }
        rig.check_error("XADD s x f v", "ERR Invalid stream ID specified as stream command");
        rig.check_error("XADD s KEEPREF ACKED 1 f v", "ERR Invalid stream ID");
        rig.check_error(
            "XADD s MAXLEN 5 LIMIT 5 * f v",
            "ERR syntax error, LIMIT cannot be used \
            without the special ~ option",
        );
        rig.check("EXISTS s", ":0");
    }
}
