//! CLUSTERSCAN cursor \[MATCH pattern\] \[COUNT count\] \[TYPE type\] \[SLOT slot\]: some of the keys of
//! the cluster, and where to go on (Valkey 9.1).
//!
//! A cursor has a hash tag of the slot where it goes on, `fingerprint-{tag}-place`, so that every
//! client sends it to the right node and shard without knowing what it is. A page goes over slots up to
//! the end of the shard's. 0 begins a scan, with a page without keys, and ends it.
//!
//! Places are those of the hash of the process. Where a slot is another process's meanwhile, it is begun
//! anew: nothing is missed, and some keys may be told twice.

use protocol::args::Args;
use protocol::number::parse_u64;
use protocol::slot::{Slot, tag_of};
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::scan::{ScanOf, ScanOptions, write_page_from};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Kind;
use crate::keyspace::scan::ScanCursor;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "clusterscan",
        family: Family::Cluster,
        arity: Arity::at_least(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["not_key"])],
        acl_extra: &["keyspace"],
        tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
        since: "9.1.0",
        complexity: "O(N) where N is the number of elements returned.",
        summary: "Iterates over the keys in the cluster.",
        ..CommandSpec::NEW
    },
    run,
};

/// Where a scan goes on. The slot is that of the whole text.
struct Cursor {
    /// Whose places they are; `None` where the slot is begun.
    fingerprint: Option<u32>,
    place: u32,
}

impl Cursor {
    /// Reads all but the first cursor.
    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (rest, place) = text.rsplit_once('-')?;
        let (fingerprint, tag) = rest.split_once('-')?;
        if !(tag.starts_with('{') && tag.ends_with('}')) {
            return None;
        }
        let place = parse_u64(place.as_bytes())?;
        let fingerprint = u32::from_str_radix(fingerprint, 36).ok();
        // A place that no scan gave: the slot is begun.
        Some(match u32::try_from(place) {
            Ok(place) => Self { fingerprint, place },
            Err(_) => Self { fingerprint: None, place: 0 },
        })
    }

    /// The text of a cursor at the beginning of a slot.
    fn begin(slot: Slot) -> String {
        Self::text("0", slot, 0)
    }

    fn text(fingerprint: &str, slot: Slot, place: u32) -> String {
        let tag = tag_of(slot);
        format!("{fingerprint}-{{{}}}-{place}", tag.escape_ascii())
    }
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let text = args.at(1);
    let cursor = match text {
        b"0" => None,
        text => Some(Cursor::parse(text).ok_or(CommandError::Text("ERR Invalid cursor"))?),
    };
    let options = ScanOptions::parse(args, 2, ScanOf::Cluster)?;
    if let Some(kind) = options.kind.filter(|kind| Kind::of_name(kind).is_none()) {
        let text = format!("ERR unknown type name '{}'", String::from_utf8_lossy(kind));
        return Err(CommandError::Dynamic(text.into()));
    }
    let slot = Slot::of_key(text);
    if cursor.is_some() && options.slot.is_some_and(|only| only != slot) {
        return Err(CommandError::Text("ERR Cursor slot mismatch with SLOT argument"));
    }
    let only = options.slot.or_else(|| slot_of_pattern(options.pattern?));
    let nothing = [].into_iter();
    match cursor {
        Some(cursor) if only.is_none_or(|only| only == slot) => {
            page(call, &options, only.is_some(), slot, &cursor);
        }
        // The slot is looked at where it is.
        _ => {
            let first = only.or(Slot::new(0)).map_or_else(|| "0".to_owned(), Cursor::begin);
            write_page_from(call.reply, first.as_bytes(), nothing);
        }
    }
    Ok(())
}

/// Replies keys from a slot on; of that slot alone if it is the `only` one.
fn page(
    call: &mut Call<'_, '_>,
    options: &ScanOptions<'_>,
    is_only: bool,
    slot: Slot,
    cursor: &Cursor,
) {
    let mine = call.keyspace.scan_fingerprint();
    let position = if cursor.fingerprint == Some(mine) { cursor.place } else { 0 };
    let from = ScanCursor { slot: slot.index() as u16, position };
    let shard_end = call.keyspace.slot_range().1;
    let end = if is_only { from.slot + 1 } else { shard_end };
    let mut keys = Vec::new();
    let next = call.keyspace.scan(from, end, options.count, |key, kind| {
        if options.wants(key) && options.wants_kind(kind) {
            keys.push(key.to_vec());
        }
    });
    let next = match next {
        Some(next) => {
            Slot::new(next.slot).map(|slot| Cursor::text(&base_36(mine), slot, next.position))
        }
        None if is_only => None,
        None => Slot::new(end).map(Cursor::begin),
    };
    let next = next.unwrap_or_else(|| "0".to_owned());
    write_page_from(call.reply, next.as_bytes(), keys.iter().map(Vec::as_slice));
}

fn base_36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit(number % 36, 36));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// The slot of all keys that a pattern can match, if it is one: the pattern has a whole hash tag before
/// anything that stands for something else, or is a name (`patternHashSlot` of Valkey).
fn slot_of_pattern(pattern: &[u8]) -> Option<Slot> {
    let special = pattern.iter().position(|byte| b"*?[\\".contains(byte));
    let literal = &pattern[..special.unwrap_or(pattern.len())];
    let has_tag = protocol::slot::tag_end(literal).is_some();
    (has_tag || special.is_none()).then(|| Slot::of_key(literal))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::commands::generic::scan::tests::{page, scan_by};
    use crate::testing::Rig;

    fn scan(rig: &mut Rig, options: &str) -> Vec<String> {
        scan_by(rig, "CLUSTERSCAN", options)
    }

    #[test]
    fn every_key_is_told_once() {
        let mut rig = Rig::new().once();
        let keys: BTreeSet<String> = (0..300).map(|n| format!("key:{n}")).collect();
        for key in &keys {
            rig.check(&format!("SET {key} v"), "+OK");
        }
        for options in ["", "COUNT 1", "COUNT 100000", "TYPE string MATCH key*"] {
            let found = scan(&mut rig, options);
            assert_eq!(found.len(), keys.len(), "{options}");
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), keys);
        }
        assert_eq!(scan(&mut rig, "TYPE hash"), [""; 0]);
    }

    #[test]
    fn one_slot_is_looked_at_where_one_is_meant() {
        let mut rig = Rig::new().once();
        for key in ["{a}1", "{a}2", "b", "{b}2"] {
            rig.check(&format!("SET {key} v"), "+OK");
        }
        let slot = Slot::of_key(b"a");
        let sorted = |mut keys: Vec<String>| {
            keys.sort();
            keys
        };
        assert_eq!(sorted(scan(&mut rig, &format!("SLOT {slot}"))), ["{a}1", "{a}2"]);
        assert_eq!(sorted(scan(&mut rig, "MATCH {a}*")), ["{a}1", "{a}2"]);
        assert_eq!(scan(&mut rig, "MATCH b"), ["b"]);
        assert_eq!(sorted(scan(&mut rig, "MATCH *b*")), ["b", "{b}2"]);
        let begin = Cursor::begin(slot);
        rig.check("CLUSTERSCAN 0 MATCH {a}*", &format!("[${begin} []]"));
        // From another slot, the scan goes to the one that is meant.
        rig.check("CLUSTERSCAN 0-{zzz}-0 MATCH {a}*", &format!("[${begin} []]"));
        rig.check(
            &format!("CLUSTERSCAN 0-{{zzz}}-0 SLOT {slot}"),
            "-ERR Cursor slot mismatch with SLOT argument",
        );
    }

    #[test]
    fn a_scan_that_began_elsewhere_begins_its_slot_anew() {
        let mut rig = Rig::new().once();
        for n in 0..100 {
            rig.check(&format!("SET {{a}}{n} v"), "+OK");
        }
        let slot = Slot::of_key(b"a");
        let (cursor, first) =
            page(&rig.run(&format!("CLUSTERSCAN 0-{{a}}-0 COUNT 10 SLOT {slot}")));
        assert!(first.len() >= 10 && cursor != "0", "{cursor}");
        let (_, place) = cursor.rsplit_once('-').unwrap();
        let again = rig.run(&format!("CLUSTERSCAN zz-{{a}}-{place} COUNT 1000 SLOT {slot}"));
        assert_eq!(page(&again).1.len(), 100);
        let rest = rig.run(&format!("CLUSTERSCAN {cursor} COUNT 1000 SLOT {slot}"));
        assert_eq!(page(&rest).1.len(), 100 - first.len());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut rig = Rig::new();
        for (line, reply) in [
            ("CLUSTERSCAN abc", "-ERR Invalid cursor"),
            ("CLUSTERSCAN -1", "-ERR Invalid cursor"),
            ("CLUSTERSCAN 0-{06S}", "-ERR Invalid cursor"),
            ("CLUSTERSCAN 0-{06S}-x", "-ERR Invalid cursor"),
            ("CLUSTERSCAN 0 SLOT 16384", "-ERR Invalid or out of range slot"),
            ("CLUSTERSCAN 0 SLOT x", "-ERR Invalid or out of range slot"),
            ("CLUSTERSCAN 0 SLOT 5 SLOT 6", "-ERR SLOT option can only be specified once"),
            ("CLUSTERSCAN 0 SLOT", "-ERR syntax error"),
            ("CLUSTERSCAN 0 COUNT 0", "-ERR syntax error"),
            ("CLUSTERSCAN 0 COUNT x", "-ERR value is not an integer or out of range"),
            ("CLUSTERSCAN 0 TYPE nope", "-ERR unknown type name 'nope'"),
            ("CLUSTERSCAN", "-ERR wrong number of arguments for 'clusterscan' command"),
        ] {
            rig.check(line, reply);
        }
    }
}
