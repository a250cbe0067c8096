//! Commands without keys that concern all shards of the node, and their replies as one.

use std::rc::Rc;

use protocol::args::Request;
use protocol::encode::{self, Version};
use protocol::number::{parse_i64, parse_u64};
use protocol::spec::FanOut;
use shard::keyspace::scan::ScanCursor;
use shard::reply::Reply;
use shard::shard::Queued;

use crate::executor::Executor;

/// Runs a command on the shards that it concerns and returns its reply.
pub(crate) async fn run(
    executor: Rc<Executor>,
    fan_out: FanOut,
    queued: Queued,
    version: Version,
) -> Vec<u8> {
    match fan_out {
        FanOut::Cursor => scan(&executor, queued, version).await,
        FanOut::AnyKey => any_key(&executor, queued, version).await,
        FanOut::None | FanOut::AllOk | FanOut::Sum | FanOut::Concat => {
            let shards = 0..executor.node.topology.shards();
            if let Some(busy) = executor.any_busy() {
                return error(busy);
            }
            let name = executor.node.table().spec(queued.id).name;
            let is_flush = matches!(name, "flushall" | "flushdb");
            let mut replies = Vec::new();
            for shard in shards {
                replies.push(on_shard(&executor, shard, queued.clone(), version).await);
            }
            // Not before the last shard: until then a client could read what is about to go.
            if is_flush && replies.iter().any(|reply| reply.first() == Some(&b'+')) {
                executor.tell_flushed();
            }
            merge(fan_out, &replies)
        }
    }
}

/// One reply of those of all shards. An error of one is the error of all.
fn merge(fan_out: FanOut, replies: &[Vec<u8>]) -> Vec<u8> {
    if let Some(failed) = replies.iter().find(|reply| reply.first() == Some(&b'-')) {
        return failed.clone();
    }
    let mut out = Vec::new();
    match fan_out {
        FanOut::Sum => {
            let sum =
                replies.iter().filter_map(|reply| header(reply)).map(|(value, _)| value).sum();
            encode::header(&mut out, b':', sum);
        }
        FanOut::Concat => {
            let parts: Vec<(i64, &[u8])> =
                replies.iter().filter_map(|reply| header(reply)).collect();
            encode::header(&mut out, b'*', parts.iter().map(|(count, _)| count).sum());
            parts.iter().for_each(|(_, body)| out.extend_from_slice(body));
        }
        FanOut::None | FanOut::AllOk | FanOut::AnyKey | FanOut::Cursor => {
            out.extend_from_slice(replies.first().map_or(b"+OK\r\n", Vec::as_slice));
        }
    }
    out
}

/// The number in the first line of a reply, and what follows that line.
fn header(reply: &[u8]) -> Option<(i64, &[u8])> {
    let end = reply.windows(2).position(|pair| pair == b"\r\n")?;
    Some((parse_i64(reply.get(1..end)?)?, &reply[end + 2..]))
}

fn error(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode::error(&mut out, text.as_bytes());
    out
}

/// Runs the command on one shard.
async fn on_shard(executor: &Executor, shard: u16, queued: Queued, version: Version) -> Vec<u8> {
    let work = move |executor: &Executor| {
        let mut out = Vec::new();
        let mut reply = Reply::resp(&mut out, version);
        match executor.shard.try_borrow_mut() {
            Ok(mut shard) => {
                let now = executor.clock.now();
                shard.keyspace_mut().set_caller(queued.caller);
                executor.timings.begin();
                shard.execute(queued.id, queued.request.args(), queued.slot, now, &mut reply);
                // One of several parts of one command: the first shard's counts.
                if executor.index == 0 {
                    let (id, client) = (queued.id, queued.caller.client);
                    executor.note_end(client, id, queued.request.args(), &out);
                }
                executor.fans_out.set(true);
                executor.release(&mut shard);
                executor.fans_out.set(false);
            }
            Err(_) => reply.error_text(executor.busy_text(executor.index).as_bytes()),
        }
        out
    };
    executor.ask(shard, work).await.unwrap_or_else(|| error("ERR the server is shutting down"))
}

/// SCAN: the cursor names a slot; the shard that has it, or the next one, goes on. Where a shard
/// has come to its end with less than COUNT keys, the next one adds its own, so that a client of a
/// nearly empty node gets all in one reply. A page that ends within a shard is replied as it is,
/// empty or not: what one request does stays within COUNT keys of each shard.
async fn scan(executor: &Executor, mut queued: Queued, version: Version) -> Vec<u8> {
    /// Names no place, so nothing follows it.
    const NOWHERE: &[u8] = b"18446744073709551615";
    let wanted = scan_count(&queued);
    let mut all = Page::default();
    let mut is_first = true;
    loop {
        let number = parse_u64(queued.request.args().at(1));
        let shard = match number.map(ScanCursor::from_number) {
            // The handler says that the cursor is invalid.
            None => Some(0),
            Some(cursor) => cursor.and_then(|cursor| shard_at_or_after(executor, cursor.slot)),
        };
        let Some(shard) = shard else {
            if !is_first {
                return all.reply(0);
            }
            // The handler says that nothing follows, unless it finds the options wrong.
            queued.request = with_cursor(&queued, NOWHERE);
            return match executor.busy(0) {
                Some(busy) => error(busy),
                None => on_shard(executor, 0, queued, version).await,
            };
        };
        is_first = false;
        let reply = match executor.busy(shard) {
            Some(busy) => error(busy),
            None => on_shard(executor, shard, queued.clone(), version).await,
        };
        let Some((next, page)) = Page::read(&reply) else {
            // What other shards have shown is not lost: the client comes back for the rest.
            return if all.found == 0 { reply } else { all.reply(number.unwrap_or(0)) };
        };
        all.found += page.found;
        all.keys.extend_from_slice(page.keys);
        if all.found >= wanted || !leaves_shard(executor, shard, next) {
            return all.reply(if has_more(executor, next) { next } else { 0 });
        }
        queued.request = with_cursor(&queued, itoa::Buffer::new().format(next).as_bytes());
    }
}

/// COUNT of a SCAN, whose options are pairs: the last one holds.
fn scan_count(queued: &Queued) -> usize {
    let args = queued.request.args();
    let last = (2..args.len()).step_by(2).rfind(|&at| args.is(at, "COUNT"));
    let count = last.and_then(|at| args.get(at + 1)).and_then(parse_u64);
    count.map_or(10, |count| usize::try_from(count).unwrap_or(usize::MAX))
}

/// Whether a cursor that a shard has replied is that of the slot after its own.
fn leaves_shard(executor: &Executor, shard: u16, cursor: u64) -> bool {
    let (first, count) = executor.node.topology.shard_range(shard);
    let end = u32::from(first) + u32::from(count);
    cursor != 0
        && ScanCursor::from_number(cursor).is_none_or(|cursor| u32::from(cursor.slot) >= end)
}

/// Whether a cursor names a slot that this node has, or one before.
fn has_more(executor: &Executor, cursor: u64) -> bool {
    let cursor = ScanCursor::from_number(cursor);
    cursor.is_some_and(|cursor| shard_at_or_after(executor, cursor.slot).is_some())
}

/// Keys that a SCAN has found, as they are on the wire.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page<K> {
    found: usize,
    keys: K,
}

impl<'a> Page<&'a [u8]> {
    /// A reply of a shard and its cursor; None for an error.
    fn read(reply: &'a [u8]) -> Option<(u64, Self)> {
        let rest = reply.strip_prefix(b"*2\r\n$")?;
        let mut lines = rest.splitn(4, |&byte| byte == b'\n');
        let (_, cursor, found) = (lines.next()?, lines.next()?, lines.next()?);
        let cursor = parse_u64(cursor.strip_suffix(b"\r")?)?;
        let found = parse_u64(found.strip_prefix(b"*")?.strip_suffix(b"\r")?)?;
        Some((cursor, Self { found: usize::try_from(found).ok()?, keys: lines.next()? }))
    }
}

impl Page<Vec<u8>> {
    fn reply(&self, cursor: u64) -> Vec<u8> {
        let cursor = cursor.to_string();
        let head = format!("*2\r\n${}\r\n{cursor}\r\n*{}\r\n", cursor.len(), self.found);
        [head.as_bytes(), &self.keys].concat()
    }
}

/// The same SCAN from another cursor.
fn with_cursor(queued: &Queued, cursor: &[u8]) -> Request {
    let parts = queued.request.args().iter_from(0).enumerate();
    Request::of(parts.map(|(at, part)| if at == 1 { cursor } else { part }))
}

fn shard_at_or_after(executor: &Executor, slot: u16) -> Option<u16> {
    let topology = &executor.node.topology;
    (0..topology.shards()).find(|&shard| {
        let (first, count) = topology.shard_range(shard);
        count > 0 && u32::from(first) + u32::from(count) > u32::from(slot)
    })
}

/// RANDOMKEY: a shard picked by its number of keys, so that all keys are equally likely.
async fn any_key(executor: &Executor, queued: Queued, version: Version) -> Vec<u8> {
    let mut sizes = Vec::new();
    for shard in 0..executor.node.topology.shards() {
        if let Some(busy) = executor.busy(shard) {
            return error(busy);
        }
        let size = executor.ask(shard, |executor: &Executor| {
            executor.shard.try_borrow().map_or(0, |shard| shard.keyspace().len())
        });
        sizes.push(size.await.unwrap_or(0));
    }
    let total: usize = sizes.iter().sum();
    let mut pick = if total == 0 { 0 } else { fastrand::usize(..total) };
    let shard = sizes.iter().position(|size| {
        let here = pick < *size;
        pick = pick.saturating_sub(*size);
        here
    });
    let shard = shard.unwrap_or(0) as u16;
    on_shard(executor, shard, queued, version).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_scans_are_read_and_written() {
        let reply = b"*2\r\n$2\r\n42\r\n*2\r\n$1\r\na\r\n$2\r\n\n\r\r\n";
        let (cursor, page) = Page::read(reply).unwrap();
        assert_eq!((cursor, page.found), (42, 2));
        assert_eq!(Page { found: 2, keys: page.keys.to_vec() }.reply(42), reply);
        let none = b"*2\r\n$1\r\n0\r\n*0\r\n";
        assert_eq!(Page::read(none), Some((0, Page { found: 0, keys: &b""[..] })));
        assert_eq!(Page::default().reply(0), none);
        assert_eq!(Page::read(b"-ERR invalid cursor\r\n"), None);
    }

    #[test]
    fn replies_are_merged() {
        let own =
            |replies: &[&str]| replies.iter().map(|r| r.as_bytes().to_vec()).collect::<Vec<_>>();
        assert_eq!(merge(FanOut::Sum, &own(&[":2\r\n", ":40\r\n"])), b":42\r\n");
        assert_eq!(
            merge(FanOut::Concat, &own(&["*1\r\n$1\r\na\r\n", "*0\r\n", "*1\r\n$1\r\nb\r\n"])),
            b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"
        );
        assert_eq!(merge(FanOut::AllOk, &own(&["+OK\r\n", "-ERR x\r\n"])), b"-ERR x\r\n");
        assert_eq!(merge(FanOut::AllOk, &own(&["+OK\r\n", "+OK\r\n"])), b"+OK\r\n");
    }
}
