//! ACL GETUSER user: what rules have made of a user.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;
use shard::reply::Reply;

use super::ADMIN;
use crate::acl::selector::Selector;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "acl|getuser",
        family: Family::Server,
        arity: Arity::exactly(3),
        flags: ADMIN,
        since: "6.0.0",
        complexity: "O(N). Where N is the number of password, command and pattern rules that the \
                     user has.",
        summary: "Lists the ACL rules of a user.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let reply = &mut *call.reply;
    let Some(user) = call.acl.user(args.at(2)) else {
        reply.null();
        return Ok(());
    };
    reply.map(6);
    reply.bulk(b"flags");
    let flags = user.flags();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(user.passwords.len());
    user.passwords.iter().for_each(|password| reply.bulk(password.hex().as_bytes()));
    for (at, selector) in user.selectors.iter().enumerate() {
        if at == 1 {
            reply.bulk(b"selectors");
            reply.array(user.selectors.len() - 1);
        }
        if at > 0 {
            reply.map(3);
        }
        reply_selector(reply, selector);
    }
    if user.selectors.len() == 1 {
        reply.bulk(b"selectors");
        reply.array(0);
    }
    Ok(())
}

fn reply_selector(reply: &mut Reply<'_>, selector: &Selector) {
    reply.bulk(b"commands");
    reply.bulk(&selector.describe_commands());
    reply.bulk(b"keys");
    reply.bulk(&selector.describe_keys());
    reply.bulk(b"channels");
    reply.bulk(&selector.describe_channels());
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn all_of_a_user_is_shown() {
        let mut rig = Rig::new().resp3();
        rig.check("ACL GETUSER nobody", "_");
        rig.check(
            "ACL GETUSER default",
            "%{$flags:~[$on $nopass $sanitize-payload] $passwords:[] $commands:$+@all $keys:$~* \
             $channels:$&* $selectors:[]}",
        );
        rig.set_user("bob", "on +get %R~a ~b (%W~c +set) (&d +@read)");
        rig.check(
            "ACL GETUSER bob",
            "%{$flags:~[$on $sanitize-payload] $passwords:[] $commands:$-@all +get $keys:$%R~a ~b \
             $channels:$ $selectors:[%{$commands:$-@all +set $keys:$%W~c $channels:$} \
             %{$commands:$-@all +@read $keys:$ $channels:$&d}]}",
        );
    }
}
