//! FLUSHALL and FLUSHDB: remove all keys.
//!
//! There is one database, so the two do the same. ASYNC and SYNC are accepted and make no
//! difference either: a shard is one thread.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family, FanOut, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const FLUSHALL: Command = command(
    "flushall",
    "O(N) where N is the total number of keys in all databases",
    "Removes all keys from all databases.",
);

pub(super) const FLUSHDB: Command = command(
    "flushdb",
    "O(N) where N is the number of keys in the selected database",
    "Remove all keys from the current database.",
);

const fn command(name: &'static str, complexity: &'static str, summary: &'static str) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::Server,
            arity: Arity::at_least(1),
            flags: Flags::WRITE,
            fan_out: FanOut::AllOk,
            acl_extra: &["keyspace", "dangerous"],
            tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
            complexity,
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let known = args.is(1, "ASYNC") || args.is(1, "SYNC");
    if args.len() > 2 || (args.len() == 2 && !known) {
        return Err(ArgsError::Syntax.into());
    }

    call.keyspace.flush();
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn removes_all_keys() {
        for line in ["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC", "FLUSHDB sync"] {
            let mut rig = Rig::new();
            rig.check("SET a 1", "+OK");
            rig.check("HSET b f v", ":1");
            rig.check("EXPIRE b 10", ":1");
            rig.check(line, "+OK");
            rig.check("DBSIZE", ":0");
            rig.check("EXISTS a", ":0");
            rig.check(line, "+OK");
        }
    }

    #[test]
    fn bad_arguments_leave_everything() {
        let mut rig = Rig::new();
        rig.check("SET a 1", "+OK");
        for line in ["FLUSHALL now", "FLUSHDB ASYNC SYNC", "FLUSHALL SYNC SYNC"] {
            rig.check(line, "-ERR syntax error");
        }
        rig.check("DBSIZE", ":1");
    }
}
