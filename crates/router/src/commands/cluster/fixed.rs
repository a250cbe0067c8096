//! CLUSTER subcommands that change a cluster, and those about replicas.
//!
//! Who owns which slot follows from the configuration of the nodes and stays so while they run, so
//! changing it is refused with a text that says so. There are no replicas and no failure reports.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, Run, SessionCall};

const FLAGS: Flags = Flags::ADMIN.union(Flags::STALE);

const fn row(
    (name, arity, since): (&'static str, i16, &'static str),
    summary: &'static str,
    complexity: &'static str,
    flags: Flags,
    run: Run,
) -> Command {
    let arity = Arity(arity);
    let family = Family::Cluster;
    let spec =
        CommandSpec { name, family, arity, flags, since, complexity, summary, ..CommandSpec::NEW };
    Command { spec, run }
}

fn refuse(_: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    Err(CommandError::Text(
        "ERR The cluster follows from the configuration of its nodes and cannot be changed while \
         they run",
    ))
}

/// Nothing is kept in a file that the configuration does not have.
fn save_config(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.reply.ok();
    Ok(())
}

fn count_failure_reports(
    call: &mut SessionCall<'_, '_>,
    args: Args<'_>,
) -> Result<(), CommandError> {
    check_node(call, args)?;
    call.reply.int(0);
    Ok(())
}

fn replicas(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    check_node(call, args)?;
    call.reply.array(0);
    Ok(())
}

/// Slots are not moved while the nodes run.
fn no_migrations(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.reply.array(0);
    Ok(())
}

fn nothing_to_cancel(_: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    Err(CommandError::Text("ERR No migrations ongoing"))
}

/// The node is one of the cluster.
fn check_node(call: &SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let id = args.at(2);
    let known = call.view.nodes(call.reply.version());
    if id.len() == 40 && known.windows(id.len()).any(|part| part == id) {
        return Ok(());
    }
    let id = String::from_utf8_lossy(id);
    Err(CommandError::dynamic(format!("ERR Unknown node {id}")))
}

pub(super) const ADDSLOTS: Command = row(
    ("cluster|addslots", -3, "3.0.0"),
    "Assigns new hash slots to a node.",
    "O(N) where N is the total number of hash slot arguments",
    FLAGS,
    refuse,
);

pub(super) const ADDSLOTSRANGE: Command = row(
    ("cluster|addslotsrange", -4, "7.0.0"),
    "Assigns new hash slot ranges to a node.",
    "O(N) where N is the total number of the slots between the start slot and end slot arguments.",
    FLAGS,
    refuse,
);

pub(super) const BUMPEPOCH: Command = row(
    ("cluster|bumpepoch", 2, "3.0.0"),
    "Advances the cluster config epoch.",
    "O(1)",
    FLAGS,
    refuse,
);

pub(super) const CANCELSLOTMIGRATIONS: Command = row(
    ("cluster|cancelslotmigrations", 2, "9.0.0"),
    "Cancel all current ongoing slot migration operations.",
    "O(N), where N is the number of slot migration operations being cancelled.",
    FLAGS,
    nothing_to_cancel,
);

pub(super) const COUNT_FAILURE_REPORTS: Command = row(
    ("cluster|count-failure-reports", 3, "3.0.0"),
    "Returns the number of active failure reports active for a node.",
    "O(N) where N is the number of failure reports",
    FLAGS,
    count_failure_reports,
);

pub(super) const DELSLOTS: Command = row(
    ("cluster|delslots", -3, "3.0.0"),
    "Sets hash slots as unbound for a node.",
    "O(N) where N is the total number of hash slot arguments",
    FLAGS,
    refuse,
);

pub(super) const DELSLOTSRANGE: Command = row(
    ("cluster|delslotsrange", -4, "7.0.0"),
    "Sets hash slot ranges as unbound for a node.",
    "O(N) where N is the total number of the slots between the start slot and end slot arguments.",
    FLAGS,
    refuse,
);

pub(super) const FAILOVER: Command = row(
    ("cluster|failover", -2, "3.0.0"),
    "Forces a replica to perform a manual failover of its master.",
    "O(1)",
    FLAGS,
    refuse,
);

pub(super) const FLUSHSLOTS: Command = row(
    ("cluster|flushslots", 2, "3.0.0"),
    "Deletes all slots information from a node.",
    "O(1)",
    FLAGS,
    refuse,
);

pub(super) const FORGET: Command = row(
    ("cluster|forget", 3, "3.0.0"),
    "Removes a node from the nodes table.",
    "O(1)",
    FLAGS,
    refuse,
);

pub(super) const GETSLOTMIGRATIONS: Command = row(
    ("cluster|getslotmigrations", 2, "9.0.0"),
    "Gets the status of ongoing and recently finished slot import and export operations.",
    "O(N), where N is the number of active slot import and export jobs.",
    FLAGS,
    no_migrations,
);

pub(super) const MEET: Command = row(
    ("cluster|meet", -4, "3.0.0"),
    "Forces a node to handshake with another node.",
    "O(1)",
    FLAGS,
    refuse,
);

pub(super) const MIGRATESLOTS: Command = row(
    ("cluster|migrateslots", -4, "9.0.0"),
    "Migrate the given slots from this node to the specified nodes.",
    "O(N) where N is the total number of the slots between all start slot and end slot arguments.",
    FLAGS,
    refuse,
);

pub(super) const REPLICAS: Command = row(
    ("cluster|replicas", 3, "5.0.0"),
    "Lists the replica nodes of a master node.",
    "O(N) where N is the number of replicas.",
    FLAGS,
    replicas,
);

pub(super) const REPLICATE: Command = row(
    ("cluster|replicate", 3, "3.0.0"),
    "Configure a node as replica of a master node.",
    "O(1)",
    FLAGS,
    refuse,
);

pub(super) const RESET: Command = row(
    ("cluster|reset", -2, "3.0.0"),
    "Resets a node.",
    "O(N) where N is the number of known nodes.",
    FLAGS.union(Flags::NOSCRIPT),
    refuse,
);

pub(super) const SAVECONFIG: Command = row(
    ("cluster|saveconfig", 2, "3.0.0"),
    "Forces a node to save the cluster configuration to disk.",
    "O(1)",
    FLAGS,
    save_config,
);

pub(super) const SET_CONFIG_EPOCH: Command = row(
    ("cluster|set-config-epoch", 3, "3.0.0"),
    "Sets the configuration epoch for a new node.",
    "O(1)",
    FLAGS,
    refuse,
);

pub(super) const SETSLOT: Command =
    row(("cluster|setslot", -4, "3.0.0"), "Binds a hash slot to a node.", "O(1)", FLAGS, refuse);

pub(super) const SLAVES: Command = row(
    ("cluster|slaves", 3, "3.0.0"),
    "Lists the replica nodes of a master node.",
    "O(N) where N is the number of replicas.",
    FLAGS,
    replicas,
);

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn changing_the_cluster_is_refused_and_replicas_are_none() {
        let mut rig = Rig::new();
        for line in ["ADDSLOTS 1", "MEET 127.0.0.1 7000", "RESET", "SETSLOT 1 STABLE", "FAILOVER"] {
            let reply = rig.run(&format!("CLUSTER {line}"));
            assert!(reply.starts_with("-ERR The cluster follows from"), "{reply}");
        }
        let id = rig.run("CLUSTER MYID");
        let id = id.trim_start_matches('$');
        rig.check(&format!("CLUSTER REPLICAS {id}"), "[]");
        rig.check(&format!("CLUSTER COUNT-FAILURE-REPORTS {id}"), ":0");
        rig.check("CLUSTER SLAVES abc", "-ERR Unknown node abc");
        rig.check("CLUSTER SAVECONFIG", "+OK");
        rig.check("CLUSTER GETSLOTMIGRATIONS", "[]");
        rig.check("CLUSTER CANCELSLOTMIGRATIONS", "-ERR No migrations ongoing");
    }
}
