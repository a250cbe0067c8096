//! XINFO STREAM key [FULL [COUNT n]]: what is known of a stream; with FULL its entries, groups,
//! consumers and pending entries too, `n` of each (10, or all when `n` is 0).
//!
//! Blocks of entries are shown as the keys of Redis's radix tree; the number of its nodes is not a
//! thing that we have, so one more than that is shown.

use protocol::args::Args;
use protocol::spec::Arity;

use super::entries::{gather, put_entries, put_entry, put_id};
use super::xinfo::about_key;
use super::xinfo_groups::put_progress;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::reply::Reply;
use crate::types::stream::group::{Consumer, Group};
use crate::types::stream::id::StreamId;
use crate::types::stream::{Entry, Position, Stream};

pub(super) const COMMAND: Command =
    about_key("xinfo|stream", Arity::at_least(3), &[], "Returns information about a stream.", run);

/// How many entries of each FULL shows.
const COUNT_DEFAULT: i64 = 10;

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let pulse = call.pulse;
    let count = full_count(args, 3);
    let stream = call.keyspace.stream(args.at(2))?.ok_or(CommandError::NoSuchKey)?;
    let Some(count) = count? else {
        call.reply.map(10);
        put_state(call.reply, stream);
        call.reply.bulk(b"groups");
        call.reply.count(stream.groups().len());
        call.reply.bulk(b"first-entry");
        put_entry_or_null(call.reply, stream.first());
        call.reply.bulk(b"last-entry");
        put_entry_or_null(call.reply, stream.last());
        return Ok(());
    };
    let entries = gather(stream.range(StreamId::MIN, StreamId::MAX), count, pulse)?;
    call.reply.map(9);
    put_state(call.reply, stream);
    call.reply.bulk(b"entries");
    put_entries(call.reply, &entries, pulse)?;
    call.reply.bulk(b"groups");
    call.reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        put_group(call.reply, stream, (name, group), count);
    }
    Ok(())
}

/// The number after FULL COUNT, 0 for all; `None` without FULL.
fn full_count(args: Args<'_>, from: usize) -> Result<Option<usize>, CommandError> {
    if args.len() == from {
        return Ok(None);
    }
    let form = args.len() == from + 1 || (args.len() == from + 3 && args.is(from + 1, "COUNT"));
    if !args.is(from, "FULL") || !form {
        return Err(super::unknown_form(args, "XINFO"));
    }
    let count = if args.len() == from + 1 { COUNT_DEFAULT } else { args.int(from + 2)? };
    Ok(Some(usize::try_from(count).unwrap_or(COUNT_DEFAULT as usize)))
}

/// The seven pairs that both forms have.
fn put_state(reply: &mut Reply<'_>, stream: &Stream) {
    let Position { last, max_deleted, added } = stream.position();
    reply.bulk(b"length");
    reply.count(stream.len());
    reply.bulk(b"radix-tree-keys");
    reply.count(stream.blocks());
    reply.bulk(b"radix-tree-nodes");
    reply.count(stream.blocks() + 1);
    reply.bulk(b"last-generated-id");
    put_id(reply, last);
    reply.bulk(b"max-deleted-entry-id");
    put_id(reply, max_deleted);
    reply.bulk(b"entries-added");
    reply.int(added as i64);
    reply.bulk(b"recorded-first-entry-id");
    put_id(reply, stream.first().map_or(StreamId::MIN, |entry| entry.id));
}

fn put_entry_or_null(reply: &mut Reply<'_>, entry: Option<Entry<'_>>) {
    match entry {
        Some(entry) => put_entry(reply, entry),
        None => reply.null(),
    }
}

fn put_group(reply: &mut Reply<'_>, stream: &Stream, (name, group): (&[u8], &Group), count: usize) {
    let shown = |len: usize| if count == 0 { len } else { len.min(count) };
    reply.map(7);
    reply.bulk(b"name");
    reply.bulk(name);
    put_progress(reply, stream, group.progress);
    reply.bulk(b"pel-count");
    reply.count(group.pending().len());
    reply.bulk(b"pending");
    let pending = shown(group.pending().len());
    reply.array(pending);
    for (id, delivery) in group.pending().iter().take(pending) {
        reply.array(4);
        put_id(reply, *id);
        reply.bulk(group.owner(*delivery));
        reply.int(delivery.time);
        reply.int(delivery.count as i64);
    }
    reply.bulk(b"consumers");
    reply.array(group.consumer_count());
    for consumer in group.consumers() {
        put_consumer(reply, group, consumer, shown(consumer.pending().len()));
    }
}

fn put_consumer(reply: &mut Reply<'_>, group: &Group, consumer: &Consumer, pending: usize) {
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(consumer.name());
    reply.bulk(b"seen-time");
    reply.int(consumer.times.seen);
    reply.bulk(b"active-time");
    reply.int(consumer.times.active.unwrap_or(-1));
    reply.bulk(b"pel-count");
    reply.count(consumer.pending().len());
    reply.bulk(b"pending");
    reply.array(pending);
    for id in consumer.pending().iter().take(pending) {
        let Some(delivery) = group.pending().get(id) else { continue };
        reply.array(3);
        put_id(reply, *id);
        reply.int(delivery.time);
        reply.int(delivery.count as i64);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn what_is_known_of_a_stream() {
        let mut rig = Rig::new();
        rig.check("XINFO STREAM s", "-ERR no such key");
        rig.check("XGROUP CREATE s g 0 MKSTREAM", "+OK");
        rig.check(
            "XINFO STREAM s",
            "[$length :0 $radix-tree-keys :0 $radix-tree-nodes :1 $last-generated-id $0-0 \
             $max-deleted-entry-id $0-0 $entries-added :0 $recorded-first-entry-id $0-0 \
             $groups :1 $first-entry _ $last-entry _]",
        );
        for id in 1..=3 {
            rig.check(&format!("XADD s {id} f {id}"), &format!("${id}-0"));
        }
        rig.check("XDEL s 1", ":1");
        let mut rig = rig.resp3();
        rig.check(
            "XINFO STREAM s",
            "%{$length::2 $radix-tree-keys::1 $radix-tree-nodes::2 $last-generated-id:$3-0 \
             $max-deleted-entry-id:$1-0 $entries-added::3 $recorded-first-entry-id:$2-0 \
             $groups::1 $first-entry:[$2-0 [$f $2]] $last-entry:[$3-0 [$f $3]]}",
        );
    }

    #[test]
    fn all_of_it() {
        let mut rig = Rig::new();
        for id in 1..=2 {
            rig.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.run("XREADGROUP GROUP g a STREAMS s >");
        let state = "$length :2 $radix-tree-keys :1 $radix-tree-nodes :2 $last-generated-id $2-0 \
                     $max-deleted-entry-id $0-0 $entries-added :2 $recorded-first-entry-id $1-0";
        let (one, two) = ("[$1-0 $a :1700000000000 :1]", "[$1-0 :1700000000000 :1]");
        rig.check(
            "XINFO STREAM s FULL COUNT 1",
            &format!(
                "[{state} $entries [[$1-0 [$f $v]]] $groups [[$name $g $last-delivered-id $2-0 \
                 $entries-read :2 $lag :0 $pel-count :2 $pending [{one}] $consumers [[$name $a \
                 $seen-time :1700000000000 $active-time :1700000000000 $pel-count :2 \
                 $pending [{two}]]]]]]"
            ),
        );
        let all = rig.run("XINFO STREAM s FULL COUNT 0");
        assert!(all.contains("$entries [[$1-0 [$f $v]] [$2-0 [$f $v]]]"), "{all}");
        let negative = rig.run("XINFO STREAM s FULL COUNT -1");
        assert_eq!(rig.run("XINFO STREAM s FULL"), negative);
    }

    #[test]
    fn errors() {
        let mut rig = Rig::new();
        rig.check("XADD s 1 f v", "$1-0");
        for form in ["OTHER", "FULL 1", "FULL COUNT", "FULL OTHER 1", "FULL COUNT 1 2"] {
            rig.check(
                &format!("XINFO STREAM s {form}"),
                "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO \
                 HELP.",
            );
        }
        rig.check("XINFO STREAM s FULL COUNT x", "-ERR value is not an integer or out of range");
        rig.check("SET k v", "+OK");
        rig.check_error("XINFO STREAM k", "WRONGTYPE");
    }
}
