//! CLIENT GETNAME: the name that CLIENT SETNAME gave the connection, or the null.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::FLAGS;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|getname",
        family: Family::Connection,
        arity: Arity::exactly(2),
        flags: FLAGS,
        since: "2.6.9",
        summary: "Returns the name of the connection.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    let name = &call.session.name;
    call.reply.bulk_or_null(Some(&name[..]).filter(|name| !name.is_empty()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn a_connection_has_no_name_until_it_is_given_one() {
        let mut rig = Rig::new();
        rig.check("CLIENT GETNAME", "_");
        rig.session.name = b"me".to_vec();
        rig.check("CLIENT GETNAME", "$me");
    }
}
