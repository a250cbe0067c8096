//! HPERSIST key FIELDS numfields field…: take the expiry of fields away.
//!
//! Replies for each field 1, or -1 when it had none, or -2 when there is no such field.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::field_args::{BAD_COUNT, parse_fields};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hpersist",
        family: Family::Hash,
        arity: Arity::at_least(5),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["update"])],
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Removes the expiration time for each specified field.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    // Redis: a wrong type comes before all other errors.
    call.keyspace.hash_to_change(key)?;
    let fields = parse_fields(args, 2, "hpersist", BAD_COUNT)?;
    let mut changed = false;
    call.reply.array(fields.len());
    for field in fields.iter_from(0) {
        let hash = call.keyspace.hash_to_change(key)?;
        let reply = match hash.and_then(|hash| hash.expiry(field)) {
            None => -2,
            Some(None) => -1,
            Some(Some(_)) => {
                changed |= call.keyspace.hash_set_expiry(key, field, None)?;
                1
            }
        };
        call.reply.int(reply);
    }
    if changed {
        call.keyspace.notify(Events::HASH, "hpersist", key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn takes_expiries_away() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2", ":2");
        rig.check("HEXPIRE h 10 FIELDS 1 a", "[:1]");
        rig.check("HPERSIST h FIELDS 4 a a b missing", "[:1 :-1 :-1 :-2]");
        rig.check("OBJECT ENCODING h", "$listpack");
        rig.advance_ms(10_001);
        rig.check("HGETALL h", "[$a $1 $b $2]");
        rig.check("HPERSIST missing FIELDS 1 a", "[:-2]");
    }

    #[test]
    fn what_has_expired_is_gone() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2", ":2");
        rig.check("HEXPIRE h 10 FIELDS 1 a", "[:1]");
        rig.advance_ms(10_001);
        rig.check("HPERSIST h FIELDS 1 a", "[:-2]");
        rig.check("HLEN h", ":1");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET s v", "+OK");
        rig.check_error("HPERSIST s FIELDX 0 a", "WRONGTYPE");
        rig.check_error("HPERSIST h FIELDX 0 a", "ERR Mandatory argument FIELDS is missing");
        rig.check_error("HPERSIST h FIELDS 0 a", "ERR Number of fields must be a positive integer");
        rig.check_error("HPERSIST h FIELDS 2 a", "ERR The `numfields` parameter must match");
        rig.check("HPERSIST h FIELDS 1", "-ERR wrong number of arguments for 'hpersist' command");
    }
}
