//! XREAD [COUNT n] [BLOCK ms] STREAMS key … id …: entries behind an id, of several streams.
//!
//! `$` is the id that the stream has given last, so that only what comes later is read; `+` (since
//! Redis 7.4) reads the last entry.

use protocol::args::{Args, Request};
use protocol::spec::{Access, Arity, Begin, CommandSpec, Family, Find, Flags, KeySpec};

use super::entries::{gather, put_entries};
use super::id::parse;
use super::read::Options;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::types::stream::id::StreamId;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xread",
        family: Family::Stream,
        arity: Arity::at_least(4),
        flags: Flags::READONLY.union(Flags::BLOCKING).union(Flags::MOVABLEKEYS),
        keys: &[KeySpec {
            begin: Begin::Keyword { word: "STREAMS", from: 1 },
            find: Find::Range { last: -1, step: 1, limit: 2 },
            access: Access::Ro,
            notes: &["access"],
            remark: "",
        }],
        since: "5.0.0",
        complexity: "For each stream mentioned: O(N) with N being the number of elements being \
                     returned. If N is constant (e.g. always asking for the first 10 elements \
                     with COUNT), you can consider it O(1).",
        summary: "Returns messages from multiple streams with IDs greater than the ones \
                  requested. Blocks until a message is available otherwise.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let options = Options::parse(args, false)?;
    let mut found = Vec::new();
    for (key, id) in options.places() {
        let after = after(call.keyspace, args.at(key), args.at(id))?;
        let stream = call.keyspace.stream(args.at(key))?;
        let last = stream.and_then(|stream| stream.last());
        if let Some(from) = after.next().filter(|from| last.is_some_and(|it| it.id >= *from)) {
            found.push((args.at(key), from));
        }
    }
    if found.is_empty() {
        return super::nothing_to_read(call, options.block);
    }
    let pulse = call.pulse;
    super::begin_streams(call.reply, found.len());
    for (key, from) in found {
        super::begin_stream(call.reply, key);
        let Some(stream) = call.keyspace.stream(key)? else { continue };
        let entries = gather(stream.range(from, StreamId::MAX), options.count, pulse)?;
        put_entries(call.reply, &entries, pulse)?;
    }
    Ok(())
}

/// The id behind which to read.
fn after(keyspace: &mut Keyspace, key: &[u8], id: &[u8]) -> Result<StreamId, CommandError> {
    let stream = keyspace.stream(key)?;
    match id {
        b"$" => Ok(stream.map_or(StreamId::MIN, |stream| stream.position().last)),
        b"+" => {
            let last = stream.and_then(|stream| stream.last());
            Ok(last.and_then(|entry| entry.id.previous()).unwrap_or(StreamId::MIN))
        }
        b">" => Err(CommandError::Text(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
             <consumer> option.",
        )),
        id => parse(id),
    }
}

/// The request that is to be run again when one of its keys has changed, for a client that waits:
/// `$` in it becomes the id that it is now. `None` when there is nothing to replace.
pub fn request_to_wait_with(keyspace: &mut Keyspace, args: Args<'_>) -> Option<Request> {
    if !args.is(0, "XREAD") {
        return None;
    }
    let options = Options::parse(args, false).ok()?;
    let ids = options.first + options.streams;
    if !args.iter_from(ids).any(|id| id == b"$") {
        return None;
    }
    let mut request = Request::default();
    for (at, part) in args.iter_from(0).enumerate() {
        if at >= ids && part == b"$" {
            let key = args.at(at - options.streams);
            let id = after(keyspace, key, part).unwrap_or(StreamId::MIN);
            id.with_text(|text| request.push(text));
        } else {
            request.push(part);
        }
    }
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rig;

    fn rig() -> Rig {
        let mut rig = Rig::new();
        rig.check("XADD {t}a 1 f v", "$1-0");
        rig.check("XADD {t}a 2 f v", "$2-0");
        rig.check("XADD {t}b 5 g w", "$5-0");
        rig
    }

    #[test]
    fn several_streams() {
        let mut rig = rig();
        rig.check(
            "XREAD COUNT 1 STREAMS {t}a {t}b {t}missing 0 0 0",
            "[[${t}a [[$1-0 [$f $v]]]] [${t}b [[$5-0 [$g $w]]]]]",
        );
        rig.check("XREAD STREAMS {t}a {t}b 1 5", "[[${t}a [[$2-0 [$f $v]]]]]");
        rig.check("XREAD STREAMS {t}a {t}b $ 5", "_");
        rig.check("XREAD STREAMS {t}a {t}b + 5", "[[${t}a [[$2-0 [$f $v]]]]]");
        let mut rig = rig.resp3();
        rig.check("XREAD STREAMS {t}a {t}b 1 5", "%{${t}a:[[$2-0 [$f $v]]]}");
    }

    #[test]
    fn errors() {
        let mut rig = rig();
        rig.check("SET {t}k v", "+OK");
        rig.check_error("XREAD STREAMS {t}k 0", "WRONGTYPE");
        rig.check_error("XREAD STREAMS {t}a {t}b 0", "ERR Unbalanced 'xread' list of streams:");
        rig.check_error("XREAD STREAMS {t}a >", "ERR The > ID can be specified only when");
        rig.check_error("XREAD STREAMS {t}a x", "ERR Invalid stream ID");
        rig.check("XREAD COUNT 1 BLOCK 5", "-ERR syntax error");
        rig.check_error("XREAD GROUP g c STREAMS {t}a 0", "ERR The GROUP option is only supported");
        rig.check_error("XREAD NOACK STREAMS {t}a 0", "ERR The NOACK option is only supported");
        rig.check("XREAD BLOCK x STREAMS a 0", "-ERR timeout is not an integer or out of range");
        rig.check("XREAD BLOCK -1 STREAMS a 0", "-ERR timeout is negative");
    }

    #[test]
    fn who_waits_knows_what_is_new() {
        let mut rig = rig();
        let keyspace = rig.shard().keyspace_mut();
        keyspace.enter(crate::time::Micros(1), Some(protocol::slot::Slot::of_key(b"t")));
        let of = |keyspace: &mut Keyspace, parts: &[&str]| {
            let request = Request::of(parts);
            let replaced = request_to_wait_with(keyspace, request.args())?;
            let parts: Vec<Vec<u8>> = replaced.args().iter_from(0).map(<[u8]>::to_vec).collect();
            Some(parts.join(&b' ').escape_ascii().to_string())
        };
        let waits = ["XREAD", "BLOCK", "0", "STREAMS", "{t}$", "{t}a", "{t}n", "5", "$", "$"];
        assert_eq!(
            of(keyspace, &waits).as_deref(),
            Some("XREAD BLOCK 0 STREAMS {t}$ {t}a {t}n 5 2-0 0-0")
        );
        assert_eq!(of(keyspace, &["XREAD", "BLOCK", "0", "STREAMS", "{t}a", "0"]), None);
        assert_eq!(of(keyspace, &["XREADGROUP", "GROUP", "$", "c", "STREAMS", "{t}a", ">"]), None);
    }

    #[test]
    fn only_a_reader_with_block_waits() {
        let timeout = |parts: &[&str]| {
            let request = Request::of(parts);
            crate::commands::stream::block_timeout(request.args())
        };
        assert_eq!(timeout(&["XREAD", "STREAMS", "a", "$"]), Ok(None));
        assert_eq!(timeout(&["XREAD", "BLOCK", "7", "STREAMS", "a", "$"]), Ok(Some(7)));
        let group = ["xreadgroup", "GROUP", "BLOCK", "c", "BLOCK", "0", "STREAMS", "a", ">"];
        assert_eq!(timeout(&group), Ok(Some(0)));
        let mut rig = rig();
        rig.check("XREAD BLOCK 5 STREAMS {t}a $", "_");
        let script = "return redis.call('XREAD', 'BLOCK', 0, 'STREAMS', KEYS[1], '$') == false";
        assert_eq!(rig.run_parts(&["EVAL", script, "1", "{t}a"]), ":1");
    }
}
