//! WAIT: how many replicas have what this connection has written.
//!
//! There are no replicas, so the answer is none; who asks for more waits until the time is up, as
//! with Redis's replicas that do not answer.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command, blocking};
use crate::error::CommandError;

pub(super) const WAIT: Command = Command {
    spec: CommandSpec {
        name: "wait",
        family: Family::Generic,
        arity: Arity::exactly(3),
        flags: Flags::BLOCKING,
        acl_extra: &["connection"],
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        since: "3.0.0",
        summary: "Blocks until the asynchronous replication of all preceding write commands sent \
                  by the connection is completed.",
        ..CommandSpec::NEW
    },
    run: wait,
};

fn wait(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let replicas = args.int(1)?;
    blocking::millis(args, 2)?;
    if replicas > 0 {
        return Err(CommandError::WouldBlock);
    }
    call.reply.int(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn nobody_confirms() {
        let mut rig = Rig::new();
        rig.check("WAIT 0 0", ":0");
        // Where nothing can wait, the time is up at once.
        rig.check("WAIT 1 0", ":0");
        rig.check("EVAL \"return redis.call('WAIT', 1, 0)\" 0", ":0");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("WAIT x 0", "-ERR value is not an integer or out of range");
        rig.check("WAIT 1 x", "-ERR timeout is not an integer or out of range");
        rig.check("WAIT 1 -1", "-ERR timeout is negative");
    }
}
