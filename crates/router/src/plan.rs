//! Where a request runs: a pure function of its keys and of the topology.
//!
//! # Invariants
//! - I1. The first key's slot decides. When nobody owns it, that is the answer even if a later
//!   key lies in another slot (Redis looks at keys one by one: `getNodeByQuery`).
//! - I2. A request without keys is never redirected. A key list that contradicts the request
//!   (EVAL with a broken `numkeys`) counts as no keys, so that the handler answers it.
//! - I3. A request for another shard of this node is never redirected: it is served.
//!
//! # Not here
//! Doing what the plan says: the node does.

use protocol::args::Args;
use protocol::slot::Slot;
use protocol::spec::{CommandSpec, FanOut, Slots};

use crate::topology::{Owner, Topology};

/// The reply to a request whose keys lie in several slots.
pub const CROSSSLOT: &str = "CROSSSLOT Keys in request don't hash to the same slot";

/// The reply to a request for a slot that nobody owns.
pub const DOWN: &str = "CLUSTERDOWN Hash slot not served";

/// Where a request runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It has no keys: on any shard, such as the connection's own.
    Local,
    /// On this shard of this node.
    Shard {
        /// The shard.
        shard: u16,
        /// The slot of all its keys.
        slot: Slot,
    },
    /// On all shards of this node, or on some of them, as the command says.
    FanOut(FanOut),
    /// On another node: the client is sent there.
    Moved {
        /// The slot of all its keys.
        slot: Slot,
        /// The place of the owner in the list of members.
        member: u16,
    },
    /// Nowhere: its keys lie in several slots. The reply is [`CROSSSLOT`].
    CrossSlot,
    /// Nowhere: nobody owns the slot of its first key. The reply is [`DOWN`].
    Down(Slot),
}

/// Where the request `args` of the command `spec` runs. Its arity has been checked.
#[inline]
pub fn plan(spec: &CommandSpec, args: Args<'_>, topology: &Topology) -> Plan {
    plan_slots(spec, spec.slots(args), topology)
}

/// Where a request of the command `spec` runs whose keys hash to `slots`.
#[inline]
pub fn plan_slots(spec: &CommandSpec, slots: Slots, topology: &Topology) -> Plan {
    match slots {
        Slots::One(slot) => place(slot, topology),
        Slots::None if spec.fan_out == FanOut::None => Plan::Local,
        Slots::None => Plan::FanOut(spec.fan_out),
        // I1.
        Slots::Several { first } => match topology.owner(first) {
            Owner::Nobody => Plan::Down(first),
            Owner::Here(_) | Owner::Node(_) => Plan::CrossSlot,
        },
    }
}

/// Where requests run whose keys all lie in `slot`: also those of a whole transaction.
#[inline]
pub fn place(slot: Slot, topology: &Topology) -> Plan {
    match topology.owner(slot) {
        Owner::Here(shard) => Plan::Shard { shard, slot },
        Owner::Node(member) => Plan::Moved { slot, member },
        Owner::Nobody => Plan::Down(slot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{members, table};
    use proptest::prelude::*;
    use protocol::args::Request;
    use protocol::spec::{Access, Begin, Find, KeySpec};

    const DEL: CommandSpec =
        CommandSpec { keys: &[KeySpec::rest(1, 1, Access::Rm, &[])], ..CommandSpec::NEW };
    const EVAL: CommandSpec =
        CommandSpec { keys: &[KeySpec::counted(2, Access::Rw, &[])], ..CommandSpec::NEW };
    const KEYS: CommandSpec = CommandSpec { fan_out: FanOut::Concat, ..CommandSpec::NEW };
    const BLPOP: CommandSpec = CommandSpec {
        keys: &[KeySpec {
            begin: Begin::Index(1),
            find: Find::Range { last: -2, step: 1, limit: 0 },
            access: Access::Rw,
            notes: &[],
            remark: "",
        }],
        ..CommandSpec::NEW
    };
    const XREAD: CommandSpec = CommandSpec {
        keys: &[KeySpec {
            begin: Begin::Keyword { word: "STREAMS", from: 1 },
            find: Find::Range { last: -1, step: 1, limit: 2 },
            access: Access::Ro,
            notes: &[],
            remark: "",
        }],
        ..CommandSpec::NEW
    };
    const MIGRATE: CommandSpec = CommandSpec {
        keys: &[
            KeySpec::at(3, Access::Rw, &["incomplete"]),
            KeySpec {
                begin: Begin::Keyword { word: "KEYS", from: -2 },
                find: Find::Range { last: -1, step: 1, limit: 0 },
                access: Access::Rw,
                notes: &[],
                remark: "",
            },
        ],
        ..CommandSpec::NEW
    };

    /// Two members of two shards each; slots 8000 to 8999 are nobody's. `foo` is in slot 12182,
    /// `bar` in 5061, `k4` in 8455.
    fn topology() -> Topology {
        Topology::new(members(2), 0, &[(0, 7999), (9000, 16383)], 2).unwrap()
    }

    fn planned(spec: &CommandSpec, parts: &[&str]) -> Plan {
        plan(spec, Request::of(parts).args(), &topology())
    }

    #[test]
    fn one_slot_decides_the_shard_or_the_node() {
        let slot = |number| Slot::new(number).unwrap();
        assert_eq!(planned(&DEL, &["del", "bar"]), Plan::Shard { shard: 1, slot: slot(5061) });
        let there = Plan::Moved { slot: slot(12182), member: 1 };
        assert_eq!(planned(&DEL, &["del", "foo", "x{foo}"]), there);
        assert_eq!(planned(&EVAL, &["eval", "", "1", "foo", "bar"]), there);
    }

    #[test]
    fn an_unowned_first_slot_wins_over_cross_slot() {
        let slot = Slot::of_key(b"k4");
        assert_eq!(slot.number(), 8455);
        assert_eq!(planned(&DEL, &["del", "k4"]), Plan::Down(slot));
        assert_eq!(planned(&DEL, &["del", "k4", "foo"]), Plan::Down(slot));
        assert_eq!(planned(&DEL, &["del", "foo", "k4"]), Plan::CrossSlot);
        assert_eq!(planned(&DEL, &["del", "bar", "foo"]), Plan::CrossSlot);
    }

    #[test]
    fn what_has_no_keys_is_not_redirected() {
        assert_eq!(planned(&EVAL, &["eval", "", "0"]), Plan::Local);
        assert_eq!(planned(&EVAL, &["eval", "", "7", "foo"]), Plan::Local);
        assert_eq!(planned(&KEYS, &["keys", "foo"]), Plan::FanOut(FanOut::Concat));
    }

    proptest! {
        /// Of whatever a client sends once the arity fits.
        #[test]
        fn planning_never_panics(
            parts in proptest::collection::vec(
                prop_oneof![
                    "[a-z{}]{0,6}",
                    "-?[0-9]{1,20}",
                    Just("STREAMS".to_owned()),
                    Just("KEYS".to_owned()),
                    Just("STORE".to_owned()),
                ],
                1..12,
            ),
        ) {
            let request = Request::of(&parts);
            let (topology, args) = (topology(), request.args());
            let specs = table().iter().map(|(_, row)| row.spec);
            for spec in specs.chain([&DEL, &EVAL, &KEYS, &BLPOP, &XREAD, &MIGRATE]) {
                if spec.arity.fits(parts.len()) || spec.name.is_empty() {
                    plan(spec, args, &topology);
                }
            }
        }
    }
}
