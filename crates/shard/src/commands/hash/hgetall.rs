//! HGETALL, HKEYS, HVALS: a whole hash, or one half of it.
//!
//! HGETALL replies a map in RESP3 and a flat array in RESP2; the others reply arrays.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command, Run};
use crate::error::CommandError;

pub(super) const HGETALL: Command =
    command("hgetall", "Returns all fields and values in a hash.", hgetall);

pub(super) const HKEYS: Command =
    command("hkeys", "Returns all fields in a hash.", |call, args| {
        half(call, args, |field, _| field)
    });

pub(super) const HVALS: Command =
    command("hvals", "Returns all values in a hash.", |call, args| {
        half(call, args, |_, value| value)
    });

const fn command(name: &'static str, summary: &'static str, run: Run) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::Hash,
            arity: Arity::exactly(2),
            flags: Flags::READONLY,
            keys: const { &[KeySpec::at(1, Access::Ro, &["access"])] },
            tips: &["nondeterministic_output_order"],
            since: "2.0.0",
            complexity: "O(N) where N is the size of the hash.",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn hgetall(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let Some(hash) = call.keyspace.hash(args.at(1))? else {
        call.reply.map(0);
        return Ok(());
    };
    call.reply.map(hash.len());
    hash.for_each(|field, value| {
        call.reply.bulk(field);
        call.reply.bulk(value);
    });
    Ok(())
}

fn half(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    pick: for<'a> fn(&'a [u8], &'a [u8]) -> &'a [u8],
) -> Result<(), CommandError> {
    let Some(hash) = call.keyspace.hash(args.at(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    call.reply.array(hash.len());
    hash.for_each(|field, value| call.reply.bulk(pick(field, value)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    const NAMES: [&str; 3] = ["HGETALL", "HKEYS", "HVALS"];

    #[test]
    fn a_small_hash_in_order_of_insertion() {
        let mut rig = Rig::new();
        rig.check("HSET h b 2 a 1 c ''", ":3");
        rig.check("HSET h b 3", ":0");
        rig.check("HGETALL h", "[$b $3 $a $1 $c $]");
        rig.check("HKEYS h", "[$b $a $c]");
        rig.check("HVALS h", "[$3 $1 $]");
    }

    #[test]
    fn a_map_in_resp3() {
        let mut rig = Rig::new().resp3();
        rig.check("HGETALL h", "%{}");
        rig.check("HSET h b 2 a 1", ":2");
        rig.check("HGETALL h", "%{$b:$2 $a:$1}");
        rig.check("HKEYS h", "[$b $a]");
        rig.check("HVALS h", "[$2 $1]");
    }

    #[test]
    fn a_large_hash() {
        let mut rig = Rig::new();
        let long = "x".repeat(65);
        rig.check(&format!("HSET h f {long}"), ":1");
        rig.check("HGETALL h", &format!("[$f ${long}]"));
        rig.check("HKEYS h", "[$f]");
        rig.check("HVALS h", &format!("[${long}]"));
    }

    #[test]
    fn a_missing_key_is_empty() {
        let mut rig = Rig::new();
        for name in NAMES {
            rig.check(&format!("{name} h"), "[]");
        }
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        for name in NAMES {
            rig.check_error(&format!("{name} k"), "WRONGTYPE");
            let lower = name.to_lowercase();
            rig.check(name, &format!("-ERR wrong number of arguments for '{lower}' command"));
        }
    }
}
