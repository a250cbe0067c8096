//! HGETDEL key FIELDS numfields field…: reply with fields and remove them. The key goes with its
//! last one.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::field_args::{BAD_COUNT, parse_fields};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hgetdel",
        family: Family::Hash,
        arity: Arity::at_least(5),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "delete"])],
        since: "8.0.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Returns the value of a field and deletes it from the hash.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    // Redis: a wrong type comes before all other errors.
    call.keyspace.hash_to_change(key)?;
    let fields = parse_fields(args, 2, "hgetdel", BAD_COUNT)?;
    let mut removed = false;
    call.reply.array(fields.len());
    for field in fields.iter_from(0) {
        let hash = call.keyspace.hash_to_change(key)?;
        call.reply.bulk_or_null(hash.and_then(|hash| hash.value(field)));
        removed |= call.keyspace.hash_remove(key, field)?;
    }
    if removed {
        call.keyspace.notify(Events::HASH, "hdel", key);
        call.keyspace.notify_if_gone(key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_fields_and_removes_them() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2 c 3", ":3");
        rig.check("HGETDEL h FIELDS 3 a missing a", "[$1 _ _]");
        rig.check("HGETALL h", "[$b $2 $c $3]");
        rig.check("HGETDEL h fields 2 c b", "[$3 $2]");
        rig.check("EXISTS h", ":0");
        rig.check("HGETDEL h FIELDS 2 c b", "[_ _]");
    }

    #[test]
    fn an_expired_field_is_missing() {
        let mut rig = Rig::new();
        rig.check("HSETEX h PX 10 FIELDS 2 a 1 b 2", ":1");
        rig.check("HPERSIST h FIELDS 1 b", "[:1]");
        rig.advance_ms(11);
        rig.check("HGETDEL h FIELDS 2 a b", "[_ $2]");
        rig.check("EXISTS h", ":0");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET s v", "+OK");
        rig.check_error("HGETDEL s FIELDX 0 a", "WRONGTYPE");
        rig.check_error("HGETDEL h FIELDX 0 a", "ERR Mandatory argument FIELDS is missing");
        rig.check_error("HGETDEL h FIELDS 0 a", "ERR Number of fields must be a positive integer");
        rig.check_error("HGETDEL h FIELDS 2 a", "ERR The `numfields` parameter must match");
        rig.check("HGETDEL h FIELDS 1", "-ERR wrong number of arguments for 'hgetdel' command");
    }
}
