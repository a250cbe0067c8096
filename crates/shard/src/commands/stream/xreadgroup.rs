//! XREADGROUP GROUP group consumer [COUNT n] [BLOCK ms] [NOACK] STREAMS key … id …: entries that a
//! group has not read yet (`>`), or what the consumer has got and not acknowledged.
//!
//! An entry that is read is pending until it is acknowledged, unless NOACK says that it is as good
//! as acknowledged. Reading the history counts as a delivery too. The consumer is made when it is
//! missing, and has been seen, also when there is nothing to read.

use protocol::args::Args;
use protocol::spec::{Access, Arity, Begin, CommandSpec, Family, Find, Flags, KeySpec};

use super::consumer::{self, Consumer};
use super::entries::{gather, put_entries, put_entry, put_id};
use super::id::parse;
use super::read::Options;
use crate::commands::{Call, Command};
use crate::effect::PendingEntry;
use crate::error::CommandError;
use crate::script::beat;
use crate::types::stream::Stream;
use crate::types::stream::id::StreamId;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xreadgroup",
        family: Family::Stream,
        arity: Arity::at_least(7),
        flags: Flags::WRITE.union(Flags::BLOCKING).union(Flags::MOVABLEKEYS),
        keys: &[KeySpec {
            begin: Begin::Keyword { word: "STREAMS", from: 4 },
            find: Find::Range { last: -1, step: 1, limit: 2 },
            access: Access::Ro,
            notes: &["access"],
            remark: "",
        }],
        since: "5.0.0",
        complexity: "For each stream mentioned: O(M) with M being the number of elements \
                     returned. If M is constant (e.g. always asking for the first 10 elements \
                     with COUNT), you can consider it O(1). On the other side when XREADGROUP \
                     blocks, XADD will pay the O(N) time in order to serve the N clients blocked \
                     on the stream getting new data.",
        summary: "Returns new or historical messages from a stream for a consumer in a group. \
                  Blocks until a message is available otherwise.",
        ..CommandSpec::NEW
    },
    run,
};

/// What is read of a stream.
#[derive(Clone, Copy)]
enum From {
    /// `>`: what the group has not read.
    New,
    /// What the consumer has got, behind this id.
    History(StreamId),
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let options = Options::parse(args, true)?;
    let (group, name) = options.group.unwrap_or_default();
    let mut wanted = Vec::new();
    for (key, id) in options.places() {
        let from = from(call.keyspace.stream(args.at(key))?, args.at(key), group, args.at(id))?;
        wanted.push((Consumer { key: args.at(key), group, name }, from));
    }

    let mut found: Vec<(Consumer<'_>, From)> = Vec::new();
    for (consumer, from) in wanted {
        consumer::see(call, consumer);
        // A key that is named again goes on where the first one will have stopped.
        let same = found
            .iter()
            .filter(|(earlier, from)| earlier.key == consumer.key && matches!(from, From::New));
        let skip = (same.count(), options.count);
        let stream = call.keyspace.stream(consumer.key)?;
        if stream.is_some_and(|stream| has_any(stream, group, from, skip)) {
            found.push((consumer, from));
        }
    }
    if found.is_empty() {
        return super::nothing_to_read(call, options.block);
    }
    super::begin_streams(call.reply, found.len());
    for (consumer, from) in found {
        super::begin_stream(call.reply, consumer.key);
        match from {
            From::New => read_new(call, consumer, options)?,
            From::History(after) => read_history(call, consumer, after, options.count)?,
        }
    }
    Ok(())
}

fn from(
    stream: Option<&Stream>,
    key: &[u8],
    group: &[u8],
    id: &[u8],
) -> Result<From, CommandError> {
    if stream.and_then(|stream| stream.group(group)).is_none() {
        let (key, group) = (String::from_utf8_lossy(key), String::from_utf8_lossy(group));
        return Err(CommandError::dynamic(format!(
            "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP \
             option"
        )));
    }
    match id {
        b">" => Ok(From::New),
        b"$" => Err(CommandError::Text(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
             history of this consumer by specifying a proper ID, or use the > ID to get new \
             messages. The $ ID would just return an empty result set.",
        )),
        b"+" => Err(CommandError::Text(
            "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the \
             history of this consumer by specifying a proper ID, or use the > ID to get new \
             messages. The + ID would just return an empty result set.",
        )),
        // Redis: the largest id is how it remembers `>`, so it means the same; we: as well.
        id => match parse(id)? {
            StreamId::MAX => Ok(From::New),
            after => Ok(From::History(after)),
        },
    }
}

/// Whether there is something to reply. `skip` is how many reads of new entries go before, and how
/// many entries each of them takes, 0 for all.
fn has_any(stream: &Stream, group: &[u8], from: From, skip: (usize, usize)) -> bool {
    let progress = match (from, stream.group(group)) {
        (From::History(_), _) => return true,
        (From::New, Some(group)) => group.progress,
        (From::New, None) => return false,
    };
    let any = stream.last().is_some_and(|entry| entry.id > progress.last);
    match (skip, progress.last.next()) {
        ((0, _), _) | (_, None) => any,
        ((_, 0), _) => false,
        ((reads, count), Some(start)) => {
            let skipped = reads.saturating_mul(count);
            stream.range(start, StreamId::MAX).nth(skipped).is_some()
        }
    }
}

/// Replies what the group has not read, which then is pending for the consumer.
fn read_new(
    call: &mut Call<'_, '_>,
    consumer: Consumer<'_>,
    options: Options<'_>,
) -> Result<(), CommandError> {
    let (pulse, time) = (call.pulse, call.keyspace.now().0);
    let Consumer { key, group, name } = consumer;
    let Some(stream) = call.keyspace.stream(key)? else { return Ok(()) };
    let Some(mut progress) = stream.group(group).map(|group| group.progress) else {
        return Ok(());
    };
    let start = progress.last.next().unwrap_or(StreamId::MAX);
    let entries = gather(stream.range(start, StreamId::MAX), options.count, pulse)?;
    put_entries(call.reply, &entries, pulse)?;
    let ids: Vec<StreamId> = entries.into_iter().map(|entry| entry.id).collect();
    for &id in &ids {
        progress = stream.progress_after(progress, id);
    }
    if ids.is_empty() {
        return Ok(());
    }
    call.keyspace.stream_group_set(key, group, progress);
    if !options.no_ack {
        consumer::act(call, consumer);
        for (at, id) in ids.into_iter().enumerate() {
            let entry = PendingEntry { id, consumer: name, time, count: 1 };
            call.keyspace.stream_deliver(key, group, entry);
            // Who is interrupted here is a script, and that is rolled back.
            if at % 64 == 63 {
                call.beat()?;
            }
        }
    }
    Ok(())
}

/// Replies what the consumer has got and not acknowledged, behind an id.
fn read_history(
    call: &mut Call<'_, '_>,
    consumer: Consumer<'_>,
    after: StreamId,
    count: usize,
) -> Result<(), CommandError> {
    let (pulse, time) = (call.pulse, call.keyspace.now().0);
    let Consumer { key, group, name } = consumer;
    let Some(stream) = call.keyspace.stream(key)? else { return Ok(()) };
    let Some(found) = stream.group(group) else { return Ok(()) };
    let pending = found.consumer(name).zip(after.next());
    let ids = pending.into_iter().flat_map(|(consumer, from)| consumer.pending().range(from..));
    let ids: Vec<StreamId> =
        ids.take(if count == 0 { usize::MAX } else { count }).copied().collect();
    call.reply.array(ids.len());
    let mut again = Vec::with_capacity(ids.len());
    for (at, id) in ids.into_iter().enumerate() {
        match stream.entry(id) {
            Some(entry) => {
                put_entry(call.reply, entry);
                let before = found.pending().get(&id).map_or(0, |delivery| delivery.count);
                again.push((id, before.saturating_add(1)));
            }
            None => {
                call.reply.array(2);
                put_id(call.reply, id);
                call.reply.null_array();
            }
        }
        if at % 64 == 63 {
            beat(pulse)?;
        }
    }
    for (id, count) in again {
        let entry = PendingEntry { id, consumer: name, time, count };
        call.keyspace.stream_deliver(key, group, entry);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    fn rig() -> Rig {
        let mut rig = Rig::new();
        for id in 1..=3 {
            rig.check(&format!("XADD s {id} f {id}"), &format!("${id}-0"));
        }
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig
    }

    #[test]
    fn new_entries_become_pending() {
        let mut rig = rig();
        rig.check(
            "XREADGROUP GROUP g a COUNT 2 STREAMS s >",
            "[[$s [[$1-0 [$f $1]] [$2-0 [$f $2]]]]]",
        );
        rig.check("XREADGROUP GROUP g b STREAMS s >", "[[$s [[$3-0 [$f $3]]]]]");
        rig.check("XREADGROUP GROUP g b STREAMS s >", "_");
        rig.check("XPENDING s g", "[:3 $1-0 $3-0 [[$a $2] [$b $1]]]");
        rig.check(
            "XINFO GROUPS s",
            "[[$name $g $consumers :2 $pending :3 $last-delivered-id $3-0 \
            $entries-read :3 $lag :0]]",
        );
    }

    #[test]
    fn history_counts_as_a_delivery() {
        let mut rig = rig();
        rig.run("XREADGROUP GROUP g a STREAMS s >");
        rig.check("XDEL s 2", ":1");
        rig.advance_ms(40);
        rig.check(
            "XREADGROUP GROUP g a STREAMS s 0",
            "[[$s [[$1-0 [$f $1]] [$2-0 _] [$3-0 [$f $3]]]]]",
        );
        rig.check("XREADGROUP GROUP g a COUNT 1 STREAMS s 1", "[[$s [[$2-0 _]]]]");
        rig.check("XREADGROUP GROUP g nobody STREAMS s 0", "[[$s []]]");
        rig.check("XPENDING s g - + 9", "[[$1-0 $a :0 :2] [$2-0 $a :40 :1] [$3-0 $a :0 :2]]");
    }

    #[test]
    fn without_acknowledgement() {
        let mut rig = rig();
        rig.check("XREADGROUP GROUP g a NOACK COUNT 1 STREAMS s >", "[[$s [[$1-0 [$f $1]]]]]");
        rig.check("XPENDING s g", "[:0 _ _ _]");
        rig.check("XINFO CONSUMERS s g", "[[$name $a $pending :0 $idle :0 $inactive :-1]]");
    }

    #[test]
    fn the_consumer_is_made_even_when_there_is_nothing() {
        let mut rig = rig().resp3();
        rig.check(
            "XREADGROUP GROUP g a STREAMS s >",
            "%{$s:[[$1-0 [$f $1]] [$2-0 [$f $2]] \
            [$3-0 [$f $3]]]}",
        );
        rig.advance_ms(7);
        rig.check("XREADGROUP GROUP g b BLOCK 5 STREAMS s >", "_");
        rig.check(
            "XINFO CONSUMERS s g",
            "[%{$name:$a $pending::3 $idle::7 $inactive::7} \
             %{$name:$b $pending::0 $idle::0 $inactive::-1}]",
        );
    }

    #[test]
    fn one_key_twice_goes_on() {
        let mut rig = rig();
        rig.check(
            "XREADGROUP GROUP g a COUNT 2 STREAMS s s s > > >",
            "[[$s [[$1-0 [$f $1]] [$2-0 [$f $2]]]] [$s [[$3-0 [$f $3]]]]]",
        );
    }

    #[test]
    fn errors() {
        let mut rig = rig();
        rig.check("SET k v", "+OK");
        rig.check_error("XREADGROUP GROUP g a STREAMS k >", "WRONGTYPE");
        rig.check(
            "XREADGROUP GROUP h a STREAMS s >",
            "-NOGROUP No such key 's' or consumer group 'h' in XREADGROUP with GROUP option",
        );
        rig.check_error("XREADGROUP GROUP g a STREAMS none >", "NOGROUP No such key 'none'");
        rig.check_error("XREADGROUP GROUP g a STREAMS s $", "ERR The $ ID is meaningless");
        rig.check_error("XREADGROUP GROUP g a STREAMS s + ", "ERR The + ID is meaningless");
        rig.check_error("XREADGROUP COUNT 1 NOACK STREAMS s >", "ERR Missing GROUP option");
        let unbalanced = "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or \
                          '>' must be specified.";
        rig.check_error("XREADGROUP GROUP g a STREAMS s s >", unbalanced);
        rig.check("XINFO CONSUMERS s g", "[]");
    }
}
