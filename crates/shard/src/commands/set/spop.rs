//! SPOP key \[count\]: remove members picked at random and reply them. A set in RESP3 when there is
//! a count.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::places::visit_places;
use crate::commands::{Call, Command, random_picks};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::script::beat;
use crate::types::set::Set;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "spop",
        family: Family::Set,
        arity: Arity::at_least(2),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "delete"])],
        tips: &["nondeterministic_output"],
        complexity: "Without the count argument O(1), otherwise O(N) where N is the value of the \
                     passed count.",
        summary: "Returns one or more random members from a set after removing them. Deletes the \
                  set if the last member was popped.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    match args.len() {
        2 => pop_one(call, args.at(1)),
        3 => {
            let count = args.int(2).ok().and_then(|count| usize::try_from(count).ok());
            pop_many(call, args.at(1), count.ok_or(CommandError::MustBePositive)?)
        }
        _ => Err(ArgsError::Syntax.into()),
    }
}

fn pop_one(call: &mut Call<'_, '_>, key: &[u8]) -> Result<(), CommandError> {
    let mut rng = call.keyspace.rng().fork();
    let Some(set) = call.keyspace.set(key)? else {
        call.reply.null();
        return Ok(());
    };
    let member = set.with_member(rng.usize(..set.len()), <[u8]>::to_vec);
    call.keyspace.set_remove(key, &member)?;
    call.keyspace.notify(Events::SET, "spop", key);
    call.keyspace.notify_if_gone(key);
    call.reply.bulk(&member);
    Ok(())
}

fn pop_many(call: &mut Call<'_, '_>, key: &[u8], count: usize) -> Result<(), CommandError> {
    let pulse = call.pulse;
    let mut rng = call.keyspace.rng().fork();
    let Some(set) = call.keyspace.set(key)?.filter(|_| count > 0) else {
        call.reply.set(0);
        return Ok(());
    };
    if count >= set.len() {
        write_all(call, key)?;
        call.keyspace.remove(key);
        call.keyspace.notify(Events::SET, "spop", key);
        call.keyspace.notify(Events::GENERIC, "del", key);
        return Ok(());
    }
    let places = random_picks::distinct(set.len(), count, &mut rng, || beat(pulse))?;
    let mut members: Vec<Vec<u8>> = Vec::with_capacity(count);
    visit_places(set, &places, |member| members.push(member.to_vec()));
    for member in &members {
        call.keyspace.set_remove(key, member)?;
    }
    call.keyspace.notify(Events::SET, "spop", key);
    call.reply.set(count);
    members.iter().for_each(|member| call.reply.bulk(member));
    Ok(())
}

/// Replies all members.
fn write_all(call: &mut Call<'_, '_>, key: &[u8]) -> Result<(), CommandError> {
    let set = call.keyspace.set(key)?;
    call.reply.set(set.map_or(0, Set::len));
    if let Some(set) = set {
        set.for_each(|member| call.reply.bulk(member));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::testing::Rig;

    #[test]
    fn one_member_after_the_other() {
        for members in ["1 2 3 4 5", "a b c d e"] {
            let mut rig = Rig::new();
            rig.check(&format!("SADD s {members}"), ":5");
            let popped: BTreeSet<String> = (0..5).map(|_| rig.run("SPOP s")).collect();
            assert_eq!(popped.len(), 5);
            rig.check("SPOP s", "_");
            rig.check("EXISTS s", ":0");
        }
    }

    #[test]
    fn several_members() {
        for (size, count) in [(10, 1), (10, 9), (10, 10), (200, 5), (200, 150), (200, 500)] {
            let mut rig = Rig::new().resp3();
            for n in 0..size {
                rig.check(&format!("SADD s m{n}"), ":1");
            }
            let reply = rig.run(&format!("SPOP s {count}"));
            assert!(reply.starts_with("~[$m"), "{reply}");
            let popped: BTreeSet<&str> =
                reply[2..reply.len() - 1].split(' ').map(|word| &word[1..]).collect();
            assert_eq!(popped.len(), count.min(size));
            rig.check("SCARD s", &format!(":{}", size - popped.len()));
            for member in popped {
                rig.check(&format!("SISMEMBER s {member}"), ":0");
            }
        }
    }

    #[test]
    fn every_member_is_as_likely() {
        let mut counts = std::collections::BTreeMap::<String, u32>::new();
        let mut rig = Rig::new().once();
        for _ in 0..3000 {
            rig.run("SADD s a b c d e 1");
            *counts.entry(rig.run("SPOP s")).or_default() += 1;
            rig.run("DEL s");
        }
        assert!(counts.values().all(|count| (400..600).contains(count)), "{counts:?}");
        assert_eq!(counts.len(), 6);
    }

    #[test]
    fn nothing_to_pop() {
        let mut rig = Rig::new();
        rig.check("SPOP s", "_");
        rig.check("SPOP s 3", "[]");
        rig.check("SADD s a", ":1");
        rig.check("SPOP s 0", "[]");
        rig.check("SCARD s", ":1");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("SPOP k", "WRONGTYPE");
        rig.check_error("SPOP k 0", "WRONGTYPE");
        rig.check("SPOP k -1", "-ERR value is out of range, must be positive");
        rig.check("SPOP k x", "-ERR value is out of range, must be positive");
        rig.check("SPOP k 1 2", "-ERR syntax error");
        rig.check("SPOP", "-ERR wrong number of arguments for 'spop' command");
    }
}
