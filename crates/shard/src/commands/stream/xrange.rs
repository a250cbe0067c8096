//! XRANGE key start end [COUNT n] and XREVRANGE key end start [COUNT n]: entries from one id to
//! another.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::entries::{gather, put_entries};
use super::id::{parse_end, parse_start};
use crate::commands::{Call, Command, Run};
use crate::error::CommandError;

pub(super) const XRANGE: Command = command(
    "xrange",
    "O(N) with N being the number of elements being returned. If N is constant (e.g. always \
     asking for the first 10 elements with COUNT), you can consider it O(1).",
    "Returns the messages from a stream within a range of IDs.",
    |call, args| range(call, args, false),
);

pub(super) const XREVRANGE: Command = command(
    "xrevrange",
    "O(N) with N being the number of elements returned. If N is constant (e.g. always asking for \
     the first 10 elements with COUNT), you can consider it O(1).",
    "Returns the messages from a stream within a range of IDs in reverse order.",
    |call, args| range(call, args, true),
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
            family: Family::Stream,
            arity: Arity::at_least(4),
            flags: Flags::READONLY,
            keys: const { &[KeySpec::at(1, Access::Ro, &["access"])] },
            since: "5.0.0",
            complexity,
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn range(call: &mut Call<'_, '_>, args: Args<'_>, back: bool) -> Result<(), CommandError> {
    let (first, last) = if back { (3, 2) } else { (2, 3) };
    let (start, end) = (parse_start(args.at(first))?, parse_end(args.at(last))?);
    let mut count = None;
    for at in (4..args.len()).step_by(2) {
        if !args.is(at, "COUNT") || at + 1 == args.len() {
            return Err(ArgsError::Syntax.into());
        }
        count = Some(usize::try_from(args.int(at + 1)?).unwrap_or(0));
    }

    let pulse = call.pulse;
    let Some(stream) = call.keyspace.stream(args.at(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    if count == Some(0) {
        call.reply.null_array();
        return Ok(());
    }
    let count = count.unwrap_or(0);
    let entries = if back {
        gather(stream.range_back(start, end), count, pulse)?
    } else {
        gather(stream.range(start, end), count, pulse)?
    };
    put_entries(call.reply, &entries, pulse)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    fn rig() -> Rig {
        let mut rig = Rig::new();
        for id in ["1-1", "1-2", "2-0", "3-0"] {
            rig.check(&format!("XADD s {id} f {id}"), &format!("${id}"));
        }
        rig
    }

    #[test]
    fn both_directions_and_ends() {
        let mut rig = rig();
        let (a, b) = ("[$1-1 [$f $1-1]]", "[$1-2 [$f $1-2]]");
        let (c, d) = ("[$2-0 [$f $2-0]]", "[$3-0 [$f $3-0]]");
        rig.check("XRANGE s - +", &format!("[{a} {b} {c} {d}]"));
        rig.check("XREVRANGE s + -", &format!("[{d} {c} {b} {a}]"));
        rig.check("XRANGE s 1 1", &format!("[{a} {b}]"));
        rig.check("XRANGE s (1-1 (3-0", &format!("[{b} {c}]"));
        rig.check("XREVRANGE s (3-0 (1-1", &format!("[{c} {b}]"));
        rig.check("XRANGE s 2 1", "[]");
        rig.check("XREVRANGE s + - COUNT 1", &format!("[{d}]"));
        rig.check("XRANGE s - + COUNT 5 count 2", &format!("[{a} {b}]"));
        rig.check("XDEL s 1-2", ":1");
        rig.check("XRANGE s 1-2 +", &format!("[{c} {d}]"));
        rig.check("XREVRANGE s 1-2 -", &format!("[{a}]"));
    }

    #[test]
    fn a_count_of_zero_is_the_null() {
        let mut rig = rig();
        rig.check("XRANGE s - + COUNT 0", "_");
        rig.check("XRANGE s - + COUNT -1", "_");
        rig.check("XRANGE missing - + COUNT 0", "[]");
        rig.check("XREVRANGE missing + -", "[]");
    }

    #[test]
    fn errors() {
        let mut rig = rig();
        rig.check("SET k v", "+OK");
        rig.check_error("XRANGE k - +", "WRONGTYPE");
        rig.check("XRANGE s - + COUNT", "-ERR syntax error");
        rig.check("XRANGE s - + LIMIT 1", "-ERR syntax error");
        rig.check("XRANGE s - + COUNT x", "-ERR value is not an integer or out of range");
        rig.check_error("XRANGE s ( +", "ERR Invalid stream ID");
        rig.check("XRANGE s - (0-0", "-ERR invalid end ID for the interval");
    }
}
