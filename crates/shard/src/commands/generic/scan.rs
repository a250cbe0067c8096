//! SCAN cursor \[MATCH pattern\] \[COUNT count\] \[TYPE type\]: some of the keys, and where to go
//! on.
//!
//! A cursor names a slot and a place in it, so it means the same on every shard. A shard that has
//! come to the end of its slots replies the cursor of the slot after them: the caller sends that
//! to the shard that owns it, and a scan walks through all shards in the order of their slots. 0
//! begins and ends it.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::number::parse_u64;
use protocol::slot::{SLOT_COUNT, Slot};
use protocol::spec::{Arity, CommandSpec, Family, FanOut, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::glob;
use crate::keyspace::scan::ScanCursor;
use crate::keyspace::{Keyspace, Kind};
use crate::reply::Reply;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "scan",
        family: Family::Generic,
        arity: Arity::at_least(2),
        flags: Flags::READONLY,
        fan_out: FanOut::Cursor,
        tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command \
                     calls for the cursor to return back to 0. N is the number of elements inside \
                     the collection.",
        summary: "Iterates over the key names in the database.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let number = parse_cursor(args.at(1))?;
    let options = ScanOptions::parse(args, 2, ScanOf::Keys)?;

    let mut keys = Vec::new();
    let visit = |key: &[u8], kind| {
        if options.wants(key) && options.wants_kind(kind) {
            keys.push(key.to_vec());
        }
    };
    // A number that no scan ever gave names no place: nothing follows it.
    let next = ScanCursor::from_number(number)
        .map_or(0, |cursor| step(call.keyspace, cursor, options.count, visit));
    write_page(call.reply, next, keys.iter().map(Vec::as_slice));
    Ok(())
}

/// One step over the slots of this shard; returns the next cursor of the whole scan.
fn step(
    keyspace: &Keyspace,
    cursor: ScanCursor,
    count: usize,
    visit: impl FnMut(&[u8], Kind),
) -> u64 {
    let (first, end) = keyspace.slot_range();
    let below = cursor.slot < first;
    let cursor = if below { ScanCursor { slot: first, position: 0 } } else { cursor };
    match keyspace.scan(cursor, end, count, visit) {
        Some(next) => next.number(),
        None if cursor.slot < end && end < SLOT_COUNT => {
            ScanCursor { slot: end, position: 0 }.number()
        }
        None => 0,
    }
}

/// What is scanned; it decides which options there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum ScanOf {
    /// Keys: TYPE.
    Keys,
    /// Keys of the cluster: TYPE and SLOT.
    Cluster,
    /// Fields of a hash: NOVALUES.
    Fields,
    /// Members of a set or a sorted set: no further options.
    Members,
}

/// The options that the commands of the SCAN kind share.
pub(in crate::commands) struct ScanOptions<'a> {
    /// None matches everything.
    pub(super) pattern: Option<&'a [u8]>,
    /// How many elements to look at, at least.
    pub(in crate::commands) count: usize,
    /// None is any type.
    pub(super) kind: Option<&'a [u8]>,
    /// Whether values are left out.
    pub(in crate::commands) no_values: bool,
    /// The only slot that is looked at.
    pub(super) slot: Option<Slot>,
}

impl<'a> ScanOptions<'a> {
    /// Reads the options from part `at` on.
    pub(in crate::commands) fn parse(
        args: Args<'a>,
        mut at: usize,
        of: ScanOf,
    ) -> Result<Self, CommandError> {
        let mut options =
            Self { pattern: None, count: 10, kind: None, no_values: false, slot: None };
        while at < args.len() {
            let operand = args.get(at + 1);
            if let (true, Some(pattern)) = (args.is(at, "MATCH"), operand) {
                options.pattern = Some(pattern);
            } else if args.is(at, "COUNT") && operand.is_some() {
                let count = args.int(at + 1)?;
                options.count = usize::try_from(count).map_err(|_| ArgsError::Syntax)?;
                if options.count == 0 {
                    return Err(ArgsError::Syntax.into());
                }
            } else if let (true, ScanOf::Keys | ScanOf::Cluster, Some(kind)) =
                (args.is(at, "TYPE"), of, operand)
            {
                options.kind = Some(kind);
            } else if of == ScanOf::Cluster && args.is(at, "SLOT") && operand.is_some() {
                options.set_slot(args.int(at + 1))?;
            } else if of == ScanOf::Fields && args.is(at, "NOVALUES") {
                options.no_values = true;
                at += 1;
                continue;
            } else {
                return Err(ArgsError::Syntax.into());
            }
            at += 2;
        }
        Ok(options)
    }

    fn set_slot(&mut self, number: Result<i64, ArgsError>) -> Result<(), CommandError> {
        let slot = number.ok().and_then(|number| Slot::new(u16::try_from(number).ok()?));
        let slot = slot.ok_or(CommandError::Text("ERR Invalid or out of range slot"))?;
        if self.slot.replace(slot).is_some() {
            return Err(CommandError::Text("ERR SLOT option can only be specified once"));
        }
        Ok(())
    }

    /// Whether the pattern, if any, matches a name.
    pub(in crate::commands) fn wants(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name, false))
    }

    /// Redis 7.2: a type that does not exist is no error, it matches no key.
    pub(super) fn wants_kind(&self, kind: Kind) -> bool {
        self.kind.is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind.name().as_bytes()))
    }
}

/// The cursor in a request.
pub(in crate::commands) fn parse_cursor(text: &[u8]) -> Result<u64, CommandError> {
    parse_u64(text).ok_or(CommandError::InvalidCursor)
}

/// Replies a cursor and what was found.
pub(in crate::commands) fn write_page<'a>(
    reply: &mut Reply<'_>,
    cursor: u64,
    found: impl ExactSizeIterator<Item = &'a [u8]>,
) {
    write_page_from(reply, itoa::Buffer::new().format(cursor).as_bytes(), found);
}

/// The same with a cursor that is a text.
pub(super) fn write_page_from<'a>(
    reply: &mut Reply<'_>,
    cursor: &[u8],
    found: impl ExactSizeIterator<Item = &'a [u8]>,
) {
    reply.array(2);
    reply.bulk(cursor);
    reply.array(found.len());
    found.for_each(|name| reply.bulk(name));
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use protocol::args::Request;
    use protocol::encode::Version;

    use super::*;
    use crate::Shard;
    use crate::script::ScriptEngine;
    use crate::testing::{Rig, render, table};
    use crate::time::Micros;

    /// The cursor and the elements of a reply.
    pub(in crate::commands::generic) fn page(reply: &str) -> (String, Vec<String>) {
        let inner = reply.strip_prefix("[$").and_then(|rest| rest.strip_suffix("]]")).unwrap();
        let (cursor, found) = inner.split_once(" [").unwrap();
        let found = found.split(' ').filter(|text| !text.is_empty());
        (cursor.to_owned(), found.map(|text| text[1..].to_owned()).collect())
    }

    fn scan(rig: &mut Rig, options: &str) -> Vec<String> {
        scan_by(rig, "SCAN", options)
    }

    /// All that a scan by this command replies from 0 to 0.
    pub(in crate::commands::generic) fn scan_by(
        rig: &mut Rig,
        command: &str,
        options: &str,
    ) -> Vec<String> {
        let (mut cursor, mut all) = ("0".to_owned(), Vec::new());
        loop {
            let reply = rig.run(&format!("{command} {cursor} {options}"));
            let found;
            (cursor, found) = page(&reply);
            all.extend(found);
            if cursor == "0" {
                return all;
            }
        }
    }

    #[test]
    fn visits_every_key_once_when_nothing_changes() {
        let mut rig = Rig::new().once();
        let keys: BTreeSet<String> = (0..500).map(|n| format!("key:{n}")).collect();
        for key in &keys {
            rig.check(&format!("HSET {key} f v"), ":1");
        }
        for options in ["", "COUNT 1", "COUNT 100000", "match *"] {
            let found = scan(&mut rig, options);
            assert_eq!(found.len(), keys.len());
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), keys);
        }
    }

    #[test]
    fn replies_what_matches_the_options() {
        let mut rig = Rig::new();
        rig.check("SET a:1 v", "+OK");
        rig.check("HSET a:2 f v", ":1");
        rig.check("HSET b:1 f v", ":1");
        assert_eq!(scan(&mut rig, "MATCH b*"), ["b:1"]);
        assert_eq!(scan(&mut rig, "TYPE string"), ["a:1"]);
        assert_eq!(scan(&mut rig, "type HASH count 3 match a*"), ["a:2"]);
        assert_eq!(scan(&mut rig, "TYPE nosuchtype"), [""; 0]);
    }

    #[test]
    fn leaves_expired_keys_out() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check("PEXPIRE k 10", ":1");
        rig.advance_ms(11);
        assert_eq!(scan(&mut rig, ""), [""; 0]);
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("SCAN", "-ERR wrong number of arguments for 'scan' command");
        for cursor in ["x", "1x", "'1 '", "99999999999999999999"] {
            rig.check(&format!("SCAN {cursor}"), "-ERR invalid cursor");
        }
        for options in ["MATCH", "COUNT", "TYPE", "NOVALUES", "foo bar", "COUNT 0", "COUNT -1"] {
            rig.check(&format!("SCAN 0 {options}"), "-ERR syntax error");
        }
        rig.check("SCAN 0 COUNT x", "-ERR value is not an integer or out of range");
    }

    #[test]
    fn a_cursor_that_no_scan_gave_is_the_end() {
        Rig::new().check("SCAN 18446744073709551615", "[$0 []]");
    }

    /// Runs SCAN on a shard of the slots 100..150 that holds one key, in slot 120.
    fn scan_part(cursor: u64, options: &[&str]) -> String {
        let mut shard = Shard::new(Keyspace::new(100, 50, 1), ScriptEngine::default(), table());
        let slot = Slot::new(120).unwrap();
        let key = (0..).map(|n| n.to_string()).find(|key| Slot::of_key(key.as_bytes()) == slot);
        let cursor = cursor.to_string();
        let mut reply = String::new();
        let set = Request::of(["HSET", &key.unwrap(), "f", "v"]);
        let scan = Request::of([&["SCAN", &cursor], options].concat());
        for (request, slot) in [(set, Some(slot)), (scan, None)] {
            let id = table().resolve(request.args()).unwrap();
            let mut out = Vec::new();
            let mut sink = Reply::resp(&mut out, Version::Resp2);
            shard.execute(id, request.args(), slot, Micros(1), &mut sink);
            reply = render(&mut &out[..]);
        }
        reply
    }

    #[test]
    fn a_shard_replies_the_cursor_of_the_next_one() {
        let at = |slot| ScanCursor { slot, position: 0 }.number();
        let found = |cursor| page(&scan_part(cursor, &[])).1.len();
        assert_eq!(page(&scan_part(0, &[])).0, at(150).to_string());
        assert_eq!(page(&scan_part(at(121), &[])).0, at(150).to_string());
        assert_eq!(page(&scan_part(at(99), &["COUNT", "1"])).0, at(121).to_string());
        assert_eq!([0, at(99), at(120), at(121)].map(found), [1, 1, 1, 0]);
        assert_eq!(scan_part(at(150), &[]), "[$0 []]");
    }
}
