//! CLIENT CACHING YES|NO: whether what the next command or transaction reads is tracked.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::FLAGS;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|caching",
        family: Family::Connection,
        arity: Arity::exactly(3),
        flags: FLAGS,
        since: "6.0.0",
        summary: "Instructs the server whether to track the keys in the next request.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let Some(tracking) = &mut call.session.tracking else {
        return Err(CommandError::Text(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN \
             or OPTOUT mode enabled",
        ));
    };
    tracking.caching = match (args.is(2, "YES"), args.is(2, "NO")) {
        (true, _) if tracking.optin => Some(true),
        (true, _) => {
            return Err(CommandError::Text(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
        (_, true) if tracking.optout => Some(false),
        (_, true) => {
            return Err(CommandError::Text(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
        _ => return Err(ArgsError::Syntax.into()),
    };
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::session::Tracking;
    use crate::testing::Rig;

    #[test]
    fn it_fits_the_mode() {
        let mut rig = Rig::new();
        rig.check(
            "CLIENT CACHING YES",
            "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN \
             or OPTOUT mode enabled",
        );
        rig.session.tracking = Some(Tracking { optin: true, ..Tracking::default() });
        assert!(!rig.session.caller().tracks);
        rig.check("CLIENT CACHING YES", "+OK");
        assert!(rig.session.caller().tracks);
        rig.check(
            "CLIENT CACHING NO",
            "-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
        );
        rig.check("CLIENT CACHING maybe", "-ERR syntax error");
        rig.session.tracking = Some(Tracking { optout: true, ..Tracking::default() });
        assert!(rig.session.caller().tracks);
        rig.check("CLIENT CACHING NO", "+OK");
        assert!(!rig.session.caller().tracks);
    }
}
