//! LOLWUT \[VERSION version\] \[…\]: which version this is. Redis's pictures were those of its versions 5
//! and 6; since then it tells its version alone, until it has a new one.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "lolwut",
        family: Family::Server,
        arity: Arity::at_least(1),
        flags: Flags::READONLY.union(Flags::FAST),
        since: "5.0.0",
        summary: "Displays computer art and the Redis version.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    if args.len() > 2 && args.is(1, "VERSION") {
        args.int(2)?;
    }
    let text = format!("Redis ver. {}\n", protocol::REDIS_VERSION);
    call.reply.verbatim(text.as_bytes());
    Ok(())
}
