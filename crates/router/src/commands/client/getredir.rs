//! CLIENT GETREDIR: where invalidations of tracked keys go. -1 without tracking.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::FLAGS;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|getredir",
        family: Family::Connection,
        arity: Arity::exactly(2),
        flags: FLAGS,
        since: "6.0.0",
        summary: "Returns the client ID to which the connection's tracking notifications are \
            redirected.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    let redirect = call.session.tracking.as_ref().map(|tracking| tracking.redirect as i64);
    call.reply.int(redirect.unwrap_or(-1));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::session::Tracking;
    use crate::testing::Rig;

    #[test]
    fn replies_the_id_of_the_other_client() {
        let mut rig = Rig::new();
        rig.check("CLIENT GETREDIR", ":-1");
        rig.session.tracking = Some(Tracking::default());
        rig.check("CLIENT GETREDIR", ":0");
        rig.session.tracking = Some(Tracking { redirect: 7, ..Tracking::default() });
        rig.check("CLIENT GETREDIR", ":7");
    }
}
