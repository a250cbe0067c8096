//! TIME: the time of the request, in seconds and microseconds. Inside a script it stands still.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "time",
        family: Family::Server,
        arity: Arity::exactly(1),
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        tips: &["nondeterministic_output"],
        since: "2.6.0",
        summary: "Returns the server time.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, _args: Args<'_>) -> Result<(), CommandError> {
    let micros = call.keyspace.now_micros().0;
    call.reply.array(2);
    call.reply.bulk((micros / 1_000_000).to_string().as_bytes());
    call.reply.bulk((micros % 1_000_000).to_string().as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_the_time_of_the_request() {
        let mut rig = Rig::new();
        rig.advance_ms(5);
        rig.check("TIME", "[$1700000000 $5000]");
    }
}
