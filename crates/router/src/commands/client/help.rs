//! CLIENT HELP: what the subcommands of CLIENT do.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::help::{Entry, entry, reply_help};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|help",
        family: Family::Connection,
        arity: Arity::exactly(2),
        flags: Flags::LOADING.union(Flags::STALE),
        since: "5.0.0",
        summary: "Returns helpful text about the different subcommands.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    reply_help(call, "client", ENTRIES);
    Ok(())
}

const ENTRIES: &[Entry] = &[
    entry(
        "caching",
        &[
            "CACHING (YES|NO)",
            "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
        ],
    ),
    entry(
        "getredir",
        &["GETREDIR", "    Return the client ID we are redirecting to when tracking is enabled."],
    ),
    entry("getname", &["GETNAME", "    Return the name of the current connection."]),
    entry("id", &["ID", "    Return the ID of the current connection."]),
    entry("info", &["INFO", "    Return information about the current client connection."]),
    entry(
        "kill",
        &[
            "KILL <ip:port>",
            "    Kill connection made from <ip:port>.",
            "KILL <option> <value> [<option> <value> [...]]",
            "    Kill connections. Options are:",
            "    * ADDR (<ip:port>|<unixsocket>:0)",
            "      Kill connections made from the specified address",
            "    * LADDR (<ip:port>|<unixsocket>:0)",
            "      Kill connections made to specified local address",
            "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
            "      Kill connections by type.",
            "    * USER <username>",
            "      Kill connections authenticated by <username>.",
            "    * SKIPME (YES|NO)",
            "      Skip killing current connection (default: yes).",
            "    * ID <client-id> [<client-id>...]",
            "      Kill connections by client ids.",
            "    * MAXAGE <seconds>, IDLE <seconds>",
            "      Kill connections that are as old, or have been idle for as long.",
            "    * NAME <name>, LIB-NAME <name>, LIB-VER <version>, FLAGS <letters>, IP <ip>, DB <id>",
            "      Kill connections that CLIENT LIST shows so.",
            "    * NOT-<option> <value>",
            "      Kill connections for which an option does not hold; not for SKIPME and ages.",
        ],
    ),
    entry(
        "list",
        &[
            "LIST [options ...]",
            "    Return information about client connections. Options:",
            "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
            "      Return clients of specified type.",
            "    * The other options of KILL; SKIPME is no by default.",
        ],
    ),
    entry("unpause", &["UNPAUSE", "    Stop the current client pause, resuming traffic."]),
    entry(
        "pause",
        &[
            "PAUSE <timeout> [WRITE|ALL]",
            "    Suspend all, or just write, clients for <timeout> milliseconds.",
        ],
    ),
    entry(
        "reply",
        &["REPLY (ON|OFF|SKIP)", "    Control the replies sent to the current connection."],
    ),
    entry("setname", &["SETNAME <name>", "    Assign the name <name> to the current connection."]),
    entry(
        "setinfo",
        &[
            "SETINFO <option> <value>",
            "    Set client meta attr. Options are:",
            "    * LIB-NAME: the client lib name.",
            "    * LIB-VER: the client lib version.",
        ],
    ),
    entry(
        "transaction",
        &[
            "TRANSACTION (ROLLBACK|REDIS)",
            "    Undo a transaction when one of its commands fails, or go on as Redis does (default).",
        ],
    ),
    entry(
        "unblock",
        &["UNBLOCK <clientid> [TIMEOUT|ERROR]", "    Unblock the specified blocked client."],
    ),
    entry(
        "tracking",
        &[
            "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
            "         [OPTIN] [OPTOUT] [NOLOOP]",
            "    Control server assisted client side caching.",
        ],
    ),
    entry(
        "trackinginfo",
        &["TRACKINGINFO", "    Report tracking status for the current connection."],
    ),
    entry(
        "no-evict",
        &["NO-EVICT (ON|OFF)", "    Protect current client connection from eviction."],
    ),
    entry(
        "no-touch",
        &["NO-TOUCH (ON|OFF)", "    Will not touch LRU/LFU stats when this mode is on."],
    ),
];

#[cfg(test)]
mod tests {
    use crate::testing::{Rig, table};

    #[test]
    fn it_lists_all_subcommands_that_there_are_and_no_others() {
        let help = Rig::new().run("CLIENT HELP");
        assert!(help.starts_with(
            "[+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are: +CACHING (YES|NO) +    "
        ));
        assert!(help.ends_with("+HELP +    Prints this help.]"));
        for (_, row) in table().iter() {
            if let Some(("client", name)) = row.spec.container() {
                let name = name.to_ascii_uppercase();
                assert!(help.contains(&format!(" +{name}")), "{name}");
            }
        }
        assert!(help.contains("+LIST"), "the node's");
        assert!(!help.contains("+TRACKING"), "nobody's in this table");
    }
}
