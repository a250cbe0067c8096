//! All commands of the server, and who answers each.
//!
//! # Invariants
//! - I1. Every row of the table has exactly one home.
//! - I2. Every subcommand has a container, and every container has subcommands: else requests
//!   could not reach them.
//!
//! # Not here
//! What a command is: its specification lies beside its handler, in the crate that answers it.

use protocol::spec::{CommandSpec, Flags};
use shard::commands::table::{CommandId, CommandTable};

use crate::commands::{FAMILIES, Run};

/// Who answers a command.
#[derive(Debug, Clone, Copy)]
pub enum Home<N: 'static> {
    /// A shard: its row in the table has the handler.
    Shard,
    /// The session: this handler.
    Router(Run),
    /// The node: whatever it has said about it.
    Node(N),
}

/// All commands of the server. Built once, at start.
pub struct Registry<N: 'static> {
    table: &'static CommandTable,
    /// By [`CommandId::index`].
    homes: Vec<Home<N>>,
}

impl<N: Copy + 'static> Registry<N> {
    /// The commands of shards and sessions, and those of the node.
    ///
    /// # Panics
    /// When the tables contradict each other: two commands with one name, a subcommand without
    /// its container, a container without subcommands.
    pub fn new(node_commands: &[(&'static CommandSpec, N)]) -> Self {
        let session = || FAMILIES.iter().copied().flatten().copied();
        let specs = session().map(|command| &command.spec);
        let specs = specs.chain(node_commands.iter().map(|(spec, _)| *spec));
        // Leaked on purpose: every shard, connection and queued request refers to the table until
        // the process ends, and a plain reference costs them nothing.
        let table: &'static CommandTable = Box::leak(Box::new(CommandTable::new(specs)));
        let mut homes = vec![Home::Shard; table.len()];
        let mut settle = |spec: &CommandSpec, home| {
            if let Some(id) = table.lookup(spec.name.as_bytes()) {
                homes[id.index()] = home;
            }
        };
        for command in session() {
            settle(&command.spec, Home::Router(command.run));
        }
        for (spec, node) in node_commands {
            settle(spec, Home::Node(*node));
        }
        check(table);
        Self { table, homes }
    }

    /// The table of all commands.
    pub fn table(&self) -> &'static CommandTable {
        self.table
    }

    /// Who answers a command.
    #[inline]
    pub fn home(&self, id: CommandId) -> &Home<N> {
        &self.homes[id.index()]
    }
}

/// I2.
fn check(table: &CommandTable) {
    for (_, row) in table.iter() {
        let spec = row.spec;
        if let Some((container, _)) = spec.container() {
            let id = table.lookup(container.as_bytes());
            let reached = id.is_some_and(|id| table.spec(id).flags.contains(Flags::CONTAINER));
            assert!(reached, "I2: {} has no container", spec.name);
        }
        if spec.flags.contains(Flags::CONTAINER) {
            let mut others = table.iter().filter_map(|(_, row)| row.spec.container());
            assert!(others.any(|(name, _)| name == spec.name), "I2: {} is empty", spec.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{registry, table};

    fn spec_of(name: &str) -> &'static CommandSpec {
        table().spec(table().lookup(name.as_bytes()).expect("a command"))
    }

    #[test]
    fn every_command_has_the_home_that_answers_it() {
        for (id, row) in table().iter() {
            let own = FAMILIES.iter().copied().flatten().any(|own| own.spec.name == row.spec.name);
            match registry().home(id) {
                Home::Shard => assert!(row.run.is_some() && !own, "{}", row.spec.name),
                Home::Router(_) => assert!(row.run.is_none() && own, "{}", row.spec.name),
                Home::Node(name) => assert_eq!((*name, row.spec.name), ("list", "client|list")),
            }
        }
    }

    #[test]
    fn names_are_lower_case_and_unique() {
        let names: Vec<&str> = table().iter().map(|(_, row)| row.spec.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b));
        assert!(names.iter().all(|name| name.bytes().all(|byte| !byte.is_ascii_uppercase())));
    }

    #[test]
    fn a_container_runs_by_itself_only_if_its_arity_says_so() {
        for (_, row) in table().iter() {
            let spec = row.spec;
            if spec.flags.contains(Flags::CONTAINER) {
                assert_eq!(spec.arity.fits(1), spec.name == "command", "{}", spec.name);
                assert!(spec.arity.fits(2) && spec.arity.fits(9), "{}", spec.name);
            }
        }
    }

    #[test]
    fn session_commands_have_no_keys_and_do_not_touch_data() {
        for command in FAMILIES.iter().copied().flatten() {
            let spec = &command.spec;
            assert!(spec.keys.is_empty(), "{}", spec.name);
            assert!(!spec.flags.intersects(Flags::WRITE | Flags::READONLY), "{}", spec.name);
        }
    }

    /// As Redis 7.0.15 shows them (`COMMAND INFO`); commands of 7.2 as its command table has them.
    #[test]
    fn flags_and_arities_are_those_of_redis() {
        let subcommand = Flags::NOSCRIPT | Flags::LOADING | Flags::STALE;
        let cluster = Flags::STALE;
        let change = Flags::ADMIN | Flags::STALE;
        let login = subcommand | Flags::FAST | Flags::NO_AUTH | Flags::ALLOW_BUSY;
        let help = Flags::LOADING | Flags::STALE;
        let expected = [
            ("acl|cat", -2, subcommand),
            ("acl|dryrun", -4, subcommand | Flags::ADMIN),
            ("acl|getuser", 3, subcommand | Flags::ADMIN),
            ("acl|help", 2, help),
            ("acl|list", 2, subcommand | Flags::ADMIN),
            ("acl|users", 2, subcommand | Flags::ADMIN),
            ("acl|whoami", 2, subcommand),
            ("asking", 1, Flags::FAST),
            ("auth", -2, login),
            ("client|caching", 3, subcommand),
            ("client|getname", 2, subcommand),
            ("client|getredir", 2, subcommand),
            ("client|help", 2, help),
            ("client|id", 2, subcommand),
            ("client|no-evict", 3, subcommand | Flags::ADMIN),
            ("client|no-touch", 3, subcommand),
            ("client|reply", 3, subcommand),
            ("client|setinfo", 4, subcommand),
            ("client|setname", 3, subcommand),
            ("client|transaction", 3, subcommand),
            ("cluster|addslots", -3, change),
            ("cluster|addslotsrange", -4, change),
            ("cluster|bumpepoch", 2, change),
            ("cluster|cancelslotmigrations", 2, change),
            ("cluster|count-failure-reports", 3, change),
            ("cluster|delslots", -3, change),
            ("cluster|delslotsrange", -4, change),
            ("cluster|failover", -2, change),
            ("cluster|flushslots", 2, change),
            ("cluster|forget", 3, change),
            ("cluster|getslotmigrations", 2, change),
            ("cluster|meet", -4, change),
            ("cluster|migrateslots", -4, change),
            ("cluster|replicas", 3, change),
            ("cluster|replicate", 3, change),
            ("cluster|reset", -2, change | Flags::NOSCRIPT),
            ("cluster|saveconfig", 2, change),
            ("cluster|set-config-epoch", 3, change),
            ("cluster|setslot", -4, change),
            ("cluster|slaves", 3, change),
            ("cluster|help", 2, help),
            ("cluster|info", 2, cluster),
            ("cluster|keyslot", 3, cluster),
            ("cluster|links", 2, cluster),
            ("cluster|myid", 2, cluster),
            ("cluster|myshardid", 2, cluster),
            ("cluster|nodes", 2, cluster),
            ("cluster|shards", 2, cluster),
            ("cluster|slots", 2, cluster),
            ("command", -1, help | Flags::CONTAINER),
            ("command|count", 2, help),
            ("command|docs", -2, help),
            ("command|getkeys", -3, help),
            ("command|getkeysandflags", -3, help),
            ("command|help", 2, help),
            ("command|info", -2, help),
            ("command|list", -2, help),
            ("hello", -1, login),
            ("readonly", 1, help | Flags::FAST),
            ("readwrite", 1, help | Flags::FAST),
            ("reset", 1, login),
            ("select", 2, help | Flags::FAST),
        ];
        for (name, arity, flags) in expected {
            let spec = spec_of(name);
            assert_eq!((spec.arity.0, spec.flags), (arity, flags), "{name}");
        }
        let own = FAMILIES.iter().copied().flatten().count();
        assert_eq!(
            own,
            expected.len() + 3,
            "three more are the containers ACL, CLIENT and CLUSTER"
        );
    }
}
