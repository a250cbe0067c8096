//! CLUSTER HELP: what the subcommands of CLUSTER do.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::help::{Entry, entry, reply_help};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "cluster|help",
        family: Family::Cluster,
        arity: Arity::exactly(2),
        flags: Flags::LOADING.union(Flags::STALE),
        since: "5.0.0",
        summary: "Returns helpful text about the different subcommands.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    reply_help(call, "cluster", ENTRIES);
    Ok(())
}

const ENTRIES: &[Entry] = &[
    entry("addslots", &["ADDSLOTS <slot> [<slot> ...]", "    Assign slots to current node."]),
    entry(
        "addslotsrange",
        &[
            "ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
            "    Assign slots which are between <start-slot> and <end-slot> to current node.",
        ],
    ),
    entry("bumpepoch", &["BUMPEPOCH", "    Advance the cluster config epoch."]),
    entry(
        "count-failure-reports",
        &["COUNT-FAILURE-REPORTS <node-id>", "    Return number of failure reports for <node-id>."],
    ),
    entry(
        "countkeysinslot",
        &["COUNTKEYSINSLOT <slot>", "    Return the number of keys in <slot>."],
    ),
    entry(
        "delslots",
        &["DELSLOTS <slot> [<slot> ...]", "    Delete slots information from current node."],
    ),
    entry(
        "delslotsrange",
        &[
            "DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
            "    Delete slots information which are between <start-slot> and <end-slot> from \
             current node.",
        ],
    ),
    entry(
        "failover",
        &["FAILOVER [FORCE|TAKEOVER]", "    Promote current replica node to being a master."],
    ),
    entry("forget", &["FORGET <node-id>", "    Remove a node from the cluster."]),
    entry(
        "getkeysinslot",
        &["GETKEYSINSLOT <slot> <count>", "    Return key names stored by current node in a slot."],
    ),
    entry("flushslots", &["FLUSHSLOTS", "    Delete current node own slots information."]),
    entry(
        "flushslot",
        &["FLUSHSLOT <slot> [ASYNC|SYNC]", "    Delete all keys of <slot> from current node."],
    ),
    entry(
        "migrateslots",
        &[
            "MIGRATESLOTS SLOTSRANGE start-slot end-slot [start-slot end-slot ...] NODE node-id \
             [SLOTSRANGE start-slot end-slot [start-slot end-slot ...] NODE node-id ...]",
            "    Migrate the specified slot ranges from this node to the specified node.",
        ],
    ),
    entry("cancelslotmigrations", &["CANCELSLOTMIGRATIONS", "    Cancel all migrations."]),
    entry(
        "getslotmigrations",
        &[
            "GETSLOTMIGRATIONS",
            "    Get information about ongoing and recently finished slot imports and exports.",
        ],
    ),
    entry("info", &["INFO", "    Return information about the cluster."]),
    entry("keyslot", &["KEYSLOT <key>", "    Return the hash slot for <key>."]),
    entry("meet", &["MEET <ip> <port> [<bus-port>]", "    Connect nodes into a working cluster."]),
    entry("myid", &["MYID", "    Return the node id."]),
    entry("myshardid", &["MYSHARDID", "    Return the node's shard id."]),
    entry(
        "nodes",
        &[
            "NODES",
            "    Return cluster configuration seen by node. Output format:",
            "    <id> <ip:port@bus-port[,hostname]> <flags> <master> <pings> \
             <pongs> <epoch> <link> <slot> ...",
        ],
    ),
    entry(
        "replicate",
        &["REPLICATE <node-id>", "    Configure current node as replica to <node-id>."],
    ),
    entry("reset", &["RESET [HARD|SOFT]", "    Reset current node (default: soft)."]),
    entry(
        "set-config-epoch",
        &["SET-CONFIG-EPOCH <epoch>", "    Set config epoch of current node."],
    ),
    entry(
        "setslot",
        &[
            "SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)",
            "    Set slot state.",
        ],
    ),
    entry("replicas", &["REPLICAS <node-id>", "    Return <node-id> replicas."]),
    entry("saveconfig", &["SAVECONFIG", "    Force saving cluster configuration on disk."]),
    entry(
        "slot-stats",
        &[
            "SLOT-STATS SLOTSRANGE <start slot> <end slot>",
            "SLOT-STATS ORDERBY <metric> [LIMIT <limit>] [ASC|DESC]",
            "    Return an array of slot usage statistics for slots assigned to the current node.",
        ],
    ),
    entry(
        "slots",
        &[
            "SLOTS",
            "    Return information about slots range mappings. Each range is made of:",
            "    start, end, master and replicas IP addresses, ports and ids",
        ],
    ),
    entry(
        "shards",
        &[
            "SHARDS",
            "    Return information about slot range mappings and the nodes associated with them.",
        ],
    ),
    entry(
        "links",
        &[
            "LINKS",
            "    Return information about all network links between this node and its peers.",
            "    Output format is an array where each array element is a map containing \
             attributes of a link",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use crate::testing::{Rig, table};

    #[test]
    fn it_lists_all_subcommands_that_there_are() {
        let help = Rig::new().run("CLUSTER HELP");
        assert!(help.starts_with("[+CLUSTER <subcommand> "));
        for (_, row) in table().iter() {
            if let Some(("cluster", name)) = row.spec.container() {
                // SLAVES is the old name of REPLICAS, which Redis does not tell either.
                let name = if name == "slaves" { "replicas" } else { name };
                let name = name.to_ascii_uppercase();
                assert!(help.contains(&format!(" +{name}")), "{name}");
            }
        }
    }
}
