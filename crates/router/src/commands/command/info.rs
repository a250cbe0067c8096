//! COMMAND INFO [name …]: these commands, or all; the null for those that do not exist.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::describe::write_command;
use super::{FLAGS, whole};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "command|info",
        family: Family::Server,
        arity: Arity::at_least(2),
        flags: FLAGS,
        acl_extra: &["connection"],
        tips: &["nondeterministic_output_order"],
        since: "2.8.13",
        complexity: "O(N) where N is the number of commands to look up",
        summary: "Returns information about one, multiple or all commands.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    if args.len() == 2 {
        return (whole::COMMAND.run)(call, args);
    }
    call.reply.array(args.len() - 2);
    for name in args.iter_from(2) {
        match call.table.lookup(name) {
            Some(id) => write_command(call.reply, call.table, call.table.spec(id)),
            None => call.reply.null(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    const GET_KEYS: &str = "{$flags:~[+RO +access] $begin_search:%{$type:$index \
        $spec:%{$index::1}} \
        $find_keys:%{$type:$range $spec:%{$lastkey::0 $keystep::1 $limit::0}}}";

    #[test]
    fn a_command_has_ten_elements() {
        let mut rig = Rig::new().resp3();
        rig.check(
            "COMMAND INFO get nosuch",
            &format!(
                "[[$get :2 ~[+readonly +fast] :1 :1 :1 ~[+@read +@string +@fast] ~[] \
                 ~[%{GET_KEYS}] ~[]] _]"
            ),
        );
        let mut rig = Rig::new();
        rig.check(
            "COMMAND INFO GET",
            "[[$get :2 [+readonly +fast] :1 :1 :1 [+@read +@string +@fast] [] \
             [[$flags [+RO +access] $begin_search [$type $index $spec [$index :1]] \
             $find_keys [$type $range $spec [$lastkey :0 $keystep :1 $limit :0]]]] []]]",
        );
        assert_eq!(rig.raw("COMMAND INFO nosuch"), b"*1\r\n$-1\r\n");
    }

    #[test]
    fn as_redis_shows_them() {
        let mut rig = Rig::new().resp3();
        rig.check(
            "COMMAND INFO client|id auth select asking cluster|nodes",
            "[[$client|id :2 ~[+noscript +loading +stale] :0 :0 :0 ~[+@slow +@connection] \
             ~[] ~[] ~[]] \
             [$auth :-2 ~[+noscript +loading +stale +fast +no_auth +allow_busy] :0 :0 :0 \
             ~[+@fast +@connection] ~[] ~[] ~[]] \
             [$select :2 ~[+loading +stale +fast] :0 :0 :0 ~[+@fast +@connection] ~[] ~[] ~[]] \
             [$asking :1 ~[+fast] :0 :0 :0 ~[+@fast +@connection] ~[] ~[] ~[]] \
             [$cluster|nodes :2 ~[+stale] :0 :0 :0 ~[+@slow] ~[$nondeterministic_output] ~[] ~[]]]",
        );
        let client = rig.run("COMMAND INFO client");
        let head = "[[$client :-2 ~[] :0 :0 :0 ~[+@slow] ~[] ~[] [[$client|caching :3 ";
        assert!(client.starts_with(head), "{client}");
        let admin = "[$client|no-evict :3 ~[+admin +noscript +loading +stale] :0 :0 :0 \
                     ~[+@admin +@slow +@dangerous +@connection] ~[] ~[] ~[]]";
        assert!(client.contains(admin), "{client}");
        let command = rig.run("COMMAND INFO command");
        let head = "[[$command :-1 ~[+loading +stale] :0 :0 :0 ~[+@slow +@connection] \
                    ~[$nondeterministic_output_order] ~[] [[$command|count :2 ";
        assert!(command.starts_with(head), "{command}");
    }
}
