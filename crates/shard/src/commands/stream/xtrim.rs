//! XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT n] [KEEPREF | DELREF | ACKED]: remove the
//! oldest entries.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::trim::{Options, trim};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xtrim",
        family: Family::Stream,
        arity: Arity::at_least(4),
        flags: Flags::WRITE,
        keys: &[KeySpec::at(1, Access::Rw, &["delete"])],
        tips: &["nondeterministic_output"],
        since: "5.0.0",
        complexity: "O(N), with N being the number of evicted entries. Constant times are very \
                     small however, since entries are organized in macro nodes containing \
                     multiple entries that can be released with a single deallocation.",
        summary: "Deletes messages from the beginning of a stream.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let entries_max = call.keyspace.settings().stream_limits.entries;
    let options = Options::of_xtrim(args, entries_max)?;
    call.keyspace.stream(key)?;

    let removed = trim(call.keyspace, key, &options);
    if removed > 0 {
        call.keyspace.notify(Events::STREAM, "xtrim", key);
    }
    call.reply.count(removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::keyspace::Settings;
    use crate::testing::Rig;
    use crate::types::stream::StreamLimits;

    /// Nine entries in three blocks.
    fn rig() -> Rig {
        let mut rig = Rig::new();
        let stream_limits = StreamLimits { entries: 3, bytes: 0 };
        rig.shard().keyspace_mut().configure(Settings { stream_limits, ..Settings::default() });
        for id in 1..=9 {
            rig.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        rig
    }

    #[test]
    fn exactly_or_whole_blocks() {
        let mut rig = rig();
        rig.check("XTRIM s MAXLEN ~ 7", ":0");
        rig.check("XTRIM s MAXLEN ~ 5", ":3");
        rig.check("XTRIM s MAXLEN = 5", ":1");
        rig.check("XTRIM s MINID ~ 6", ":0");
        rig.check("XTRIM s MINID 6", ":1");
        rig.check("XTRIM s MINID ~ 7", ":1");
        rig.check("XTRIM s MINID ~ 7", ":0");
        rig.check("XRANGE s - + COUNT 1", "[[$7-0 [$f $v]]]");
        rig.check("XTRIM s MAXLEN 0", ":3");
        rig.check("EXISTS s", ":1");
        rig.check("XTRIM missing MAXLEN 0", ":0");
    }

    #[test]
    fn a_limit() {
        let mut rig = rig();
        rig.check("XTRIM s MAXLEN ~ 0 LIMIT 2", ":0");
        rig.check("XTRIM s MAXLEN ~ 0 LIMIT 4", ":3");
        rig.check("XTRIM s MAXLEN ~ 0 LIMIT 0", ":6");
    }

    #[test]
    fn references() {
        let mut rig = rig();
        rig.check("XGROUP CREATE s g 0", "+OK");
        assert!(rig.run("XREADGROUP GROUP g c COUNT 6 STREAMS s >").starts_with("[[$s "));
        rig.check("XACK s g 2 3", ":2");
        rig.check("XTRIM s MAXLEN 0 ACKED", ":2");
        rig.check("XTRIM s MAXLEN 6 DELREF", ":1");
        rig.check("XPENDING s g", "[:3 $4-0 $6-0 [[$c $3]]]");
        rig.check("XTRIM s MAXLEN 5 KEEPREF", ":1");
        rig.check("XPENDING s g", "[:3 $4-0 $6-0 [[$c $3]]]");
    }

    #[test]
    fn errors() {
        let mut rig = rig();
        rig.check("SET k v", "+OK");
        rig.check_error("XTRIM k MAXLEN 1", "WRONGTYPE");
        rig.check("XTRIM s MAXLEN -1", "-ERR The MAXLEN argument must be >= 0.");
        rig.check("XTRIM s MAXLEN ~ 1 LIMIT -1", "-ERR The LIMIT argument must be >= 0.");
        rig.check("XTRIM s OTHER 1", "-ERR syntax error");
        rig.check_error("XTRIM s MAXLEN 1 MINID 1", "ERR syntax error, MAXLEN and MINID options");
        rig.check_error("XTRIM s LIMIT 5", "ERR syntax error, LIMIT cannot be used without spec");
        rig.check("XLEN s", ":9");
    }
}
