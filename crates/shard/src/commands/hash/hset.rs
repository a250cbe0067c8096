//! HSET and HMSET: set fields. HSET replies how many are new, HMSET replies OK.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command, Run};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};

pub(super) const HSET: Command = command(
    "hset",
    "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is \
     called with multiple field/value pairs.",
    "Creates or modifies the value of a field in a hash.",
    |call, args| {
        let created = set_fields(call, args, "hset")?;
        call.reply.count(created);
        Ok(())
    },
);

pub(super) const HMSET: Command = command(
    "hmset",
    "O(N) where N is the number of fields being set.",
    "Sets the values of multiple fields.",
    |call, args| {
        set_fields(call, args, "hmset")?;
        call.reply.ok();
        Ok(())
    },
);

const fn command(
    name: &'static str,
    complexity: &'static str,
    summary: &'static str,
    run: Run,
) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::Hash,
            arity: Arity::at_least(4),
            flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
            keys: const { &[KeySpec::at(1, Access::Rw, &["update"])] },
            since: "2.0.0",
            complexity,
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

/// Sets all fields and returns how many are new.
fn set_fields(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    name: &'static str,
) -> Result<usize, CommandError> {
    if args.len() % 2 == 1 {
        return Err(CommandError::Arity(name));
    }
    let key = args.at(1);
    // A wrong type is found before the first change.
    call.keyspace.hash_to_change(key)?;

    let mut created = 0;
    for at in (2..args.len()).step_by(2) {
        let (field, value) = (args.at(at), args.at(at + 1));
        created += usize::from(call.keyspace.hash_set(key, field, value, NewExpiry::Never)?);
    }
    call.keyspace.notify(Events::HASH, "hset", key);
    Ok(created)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn hset_counts_new_fields() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2 a 3", ":2");
        rig.check("HSET h b 4 c 5", ":1");
        rig.check("HGETALL h", "[$a $3 $b $4 $c $5]");
    }

    #[test]
    fn hmset_replies_ok() {
        let mut rig = Rig::new();
        rig.check("HMSET h a 1 b 2", "+OK");
        rig.check("HMSET h a 3", "+OK");
        rig.check("HGETALL h", "[$a $3 $b $2]");
    }

    #[test]
    fn keep_the_expiry() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1", ":1");
        rig.check("EXPIRE h 10", ":1");
        rig.check("HSET h a 2", ":0");
        rig.check("HMSET h b 2", "+OK");
        rig.check("TTL h", ":10");
    }

    #[test]
    fn an_expired_hash_begins_anew() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1", ":1");
        rig.check("PEXPIRE h 10", ":1");
        rig.advance_ms(11);
        rig.check("HSET h b 2", ":1");
        rig.check("HGETALL h", "[$b $2]");
        rig.check("TTL h", ":-1");
    }

    #[test]
    fn a_hash_that_grows_becomes_a_table() {
        let mut rig = Rig::new();
        for n in 0..513 {
            rig.check(&format!("HSET h f{n} {n}"), ":1");
        }
        rig.check("OBJECT ENCODING h", "$hashtable");
        rig.check("HGET h f512", "$512");
        rig.check("HSET h f0 changed", ":0");
        rig.check("HGET h f0", "$changed");
    }

    #[test]
    fn a_field_without_a_value() {
        let mut rig = Rig::new();
        for name in ["hset", "hmset"] {
            let error = format!("-ERR wrong number of arguments for '{name}' command");
            rig.check(&format!("{name} h a"), &error);
            rig.check(&format!("{name} h a 1 b"), &error);
        }
        rig.check("EXISTS h", ":0");
    }

    #[test]
    fn wrong_type_changes_nothing() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("HSET k a 1 b 2", "WRONGTYPE");
        rig.check_error("HMSET k a 1", "WRONGTYPE");
        rig.check("GET k", "$v");
    }
}
