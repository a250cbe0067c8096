//! SCRIPT DRYRUN script numkeys [key …] [arg …]: run a script, say what it would have done, and
//! change nothing. The script is a text or the SHA-1 of one that the node knows.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::eval::numkeys_at;
use crate::commands::{Call, Command};
use crate::effect::Effect;
use crate::error::CommandError;
use crate::reply::Reply;
use crate::script::{Invocation, Rehearsal};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "script|dryrun",
        family: Family::Scripting,
        arity: Arity::at_least(4),
        flags: Flags::NOSCRIPT
            .union(Flags::SKIP_MONITOR)
            .union(Flags::NO_MANDATORY_KEYS)
            .union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(3, Access::Ro, &["access"])],
        since: "7.2.4",
        complexity: "Depends on the script that is executed.",
        summary: "Runs a script without keeping its effects, and reports them.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let keys = numkeys_at(args, 3)?;
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    let invocation = Invocation { args, first: 4, keys, read_only: false };
    let version = call.reply.version();
    let rehearsal = scripts.rehearse(call.keyspace, args.at(2), &invocation, version)?;
    let declared = |key: &[u8]| args.iter_from(4).take(keys).any(|known| known == key);
    write(call.reply, &rehearsal, declared);
    Ok(())
}

fn write(reply: &mut Reply<'_>, rehearsal: &Rehearsal, declared: impl Fn(&[u8]) -> bool) {
    reply.map(4);
    reply.bulk(b"reply");
    if let Some((out, _)) = reply.as_resp() {
        out.extend_from_slice(&rehearsal.reply);
    }
    reply.bulk(b"effects");
    let effects: Vec<Effect<'_>> =
        Effect::decode_all(&rehearsal.effects).filter_map(Result::ok).collect();
    reply.array(effects.len());
    for effect in &effects {
        let parts = effect.as_command();
        reply.array(parts.len());
        parts.iter().for_each(|part| reply.bulk(part));
    }
    reply.bulk(b"keys");
    reply.array(rehearsal.keys.len());
    for touched in &rehearsal.keys {
        reply.array(3);
        reply.bulk(&touched.key);
        reply.bulk(if declared(&touched.key) { b"declared" } else { b"undeclared" });
        reply.bulk(if touched.written { b"write" } else { b"read" });
    }
    reply.bulk(b"microseconds");
    reply.double(rehearsal.took.as_nanos() as f64 / 1e3);
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    const SCRIPT: &str = "redis.call('set', KEYS[1], 'v', 'px', 5000)
        redis.call('hset', '{t}h', 'f', redis.call('incr', '{t}n'))
        redis.call('get', '{t}n')
        redis.call('del', '{t}old')
        return {1, {ok = 'fine'}}";

    fn dry_run(rig: &mut Rig, script: &str) -> String {
        let reply = rig.run_parts(&["SCRIPT", "DRYRUN", script, "1", "{t}k", "x"]);
        let end = reply.rfind(" $microseconds").expect("the last of the figures");
        reply[..end].to_owned()
    }

    #[test]
    fn says_what_a_script_would_do_and_changes_nothing() {
        let mut rig = Rig::new();
        rig.check("SET {t}old 1", "+OK");
        let report = "[$reply [:1 +fine] $effects \
             [[$SET ${t}k $v $PXAT $1700000005000] [$SET ${t}n $1] [$HSET ${t}h $f $1] \
             [$DEL ${t}old]] $keys \
             [[${t}k $declared $write] [${t}h $undeclared $write] \
             [${t}n $undeclared $write] [${t}old $undeclared $write]]";
        let keys_in_order = report.replace(
            "[${t}h $undeclared $write] [${t}n $undeclared $write]",
            "[${t}n $undeclared $write] [${t}h $undeclared $write]",
        );
        assert_eq!(dry_run(&mut rig, SCRIPT), keys_in_order);
        rig.check("KEYS *", "[${t}old]");
    }

    #[test]
    fn the_node_does_not_come_to_know_the_script() {
        let mut rig = Rig::new();
        let (text, name) = ("return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        for _ in 0..3 {
            dry_run(&mut rig, text);
        }
        rig.check(&format!("SCRIPT EXISTS {name}"), "[:0]");
        rig.check_error(&format!("EVALSHA {name} 0"), "NOSCRIPT");
        rig.check(&format!("EVAL '{text}' 0"), ":1");
        assert!(dry_run(&mut rig, text).starts_with("[$reply :1 "));
        rig.check(&format!("SCRIPT EXISTS {name}"), "[:1]");
    }

    #[test]
    fn an_error_is_the_reply() {
        let mut rig = Rig::new();
        let script = "redis.call('set', KEYS[1], 1) error('no', 0)";
        let report = dry_run(&mut rig, script);
        assert!(report.starts_with("[$reply -ERR no script: "), "{report}");
        assert!(report.contains("$effects [[$SET ${t}k $1]]"), "{report}");
        rig.check("DBSIZE", ":0");
    }

    #[test]
    fn takes_the_name_of_a_known_script_too() {
        let mut rig = Rig::new();
        let loaded = rig.run_parts(&["SCRIPT", "LOAD", "return redis.call('set', KEYS[1], 1)"]);
        let report = dry_run(&mut rig, loaded.trim_start_matches('$'));
        assert!(report.starts_with("[$reply +OK $effects [[$SET ${t}k $1]]"), "{report}");
        rig.check("DBSIZE", ":0");
        rig.check("SCRIPT DRYRUN x y", "-ERR value is not an integer or out of range");
        let text = "-ERR Number of keys can't be greater than number of args";
        rig.check("SCRIPT DRYRUN x 1", text);
    }
}
