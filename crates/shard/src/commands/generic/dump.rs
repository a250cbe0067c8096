//! DUMP key: reply with the value as a payload that RESTORE takes, there or in Redis.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::rdb::payload;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "dump",
        family: Family::Generic,
        arity: Arity::exactly(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output"],
        since: "2.6.0",
        complexity: "O(1) to access the key and additional O(N*M) to serialize it, where N is the \
                     number of Redis objects composing the value and M their average size. For small \
                     string values the time complexity is thus O(1)+O(1*M) where M is small, so \
                     simply O(1).",
        summary: "Returns a serialized representation of the value stored at a key.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (now, mut beats) = (call.keyspace.now(), call.beats());
    match call.keyspace.whole(args.at(1)) {
        Some(value) => call.reply.bulk(&payload::write(value, now, || beats.beat())?),
        None => call.reply.null(),
    }
    Ok(())
}

#[cfg(test)]
#[path = "dump_test.rs"]
mod tests;
