//! Effects on streams.

use super::wire::{
    put_bytes, put_expiry, put_int, put_uint, take_bytes, take_expiry, take_int, take_uint,
};
use super::{number, words};
use crate::types::stream::Position;
use crate::types::stream::fields::Pairs;
use crate::types::stream::group::{Progress, Times};
use crate::types::stream::id::StreamId;

/// One change of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEffect<'a> {
    /// The stream has this entry behind all others. A missing key is an empty stream.
    Add {
        /// Its id.
        id: StreamId,
        /// Its fields.
        pairs: Pairs<'a>,
    },
    /// The stream has this entry no longer.
    Delete {
        /// Its id.
        id: StreamId,
        /// It was trimmed, so it does not count as one that was deleted.
        trimmed: bool,
    },
    /// The stream has no entries up to this one.
    TrimThrough {
        /// The last id that is gone.
        id: StreamId,
    },
    /// The stream remembers this. A missing key is an empty stream.
    Position(Position),
    /// There is this group, new, at this place.
    GroupCreate {
        /// The group.
        group: &'a [u8],
        /// How far it has read.
        progress: Progress,
    },
    /// The group is at this place.
    GroupSet {
        /// The group.
        group: &'a [u8],
        /// How far it has read.
        progress: Progress,
    },
    /// The group is gone.
    GroupRemove {
        /// The group.
        group: &'a [u8],
    },
    /// The group has this consumer, who was there then.
    Consumer {
        /// The group.
        group: &'a [u8],
        /// The consumer.
        consumer: &'a [u8],
        /// When it was there.
        times: Times,
    },
    /// The group has this consumer no longer, nor what it has not acknowledged.
    ConsumerRemove {
        /// The group.
        group: &'a [u8],
        /// The consumer.
        consumer: &'a [u8],
    },
    /// An entry is pending.
    Pending {
        /// The group.
        group: &'a [u8],
        /// The entry, and for whom.
        entry: PendingEntry<'a>,
    },
    /// An entry is pending no more.
    PendingRemove {
        /// The group.
        group: &'a [u8],
        /// The entry.
        id: StreamId,
    },
}

/// An entry that has been delivered and not been acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingEntry<'a> {
    /// Its id.
    pub id: StreamId,
    /// To whom it was delivered, who is a consumer of the group.
    pub consumer: &'a [u8],
    /// When, in milliseconds since the epoch.
    pub time: i64,
    /// How often.
    pub count: u64,
}

const ADD: u8 = 64;
const DELETE: u8 = 65;
const TRIM_THROUGH: u8 = 66;
const POSITION: u8 = 67;
const GROUP_CREATE: u8 = 68;
const GROUP_SET: u8 = 69;
const GROUP_REMOVE: u8 = 70;
const CONSUMER: u8 = 71;
const CONSUMER_REMOVE: u8 = 72;
const PENDING: u8 = 73;
const PENDING_REMOVE: u8 = 74;
const TRIMMED: u8 = 75;

impl<'a> StreamEffect<'a> {
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::Add { .. } => ADD,
            Self::Delete { trimmed: false, .. } => DELETE,
            Self::Delete { trimmed: true, .. } => TRIMMED,
            Self::TrimThrough { .. } => TRIM_THROUGH,
            Self::Position(_) => POSITION,
            Self::GroupCreate { .. } => GROUP_CREATE,
            Self::GroupSet { .. } => GROUP_SET,
            Self::GroupRemove { .. } => GROUP_REMOVE,
            Self::Consumer { .. } => CONSUMER,
            Self::ConsumerRemove { .. } => CONSUMER_REMOVE,
            Self::Pending { .. } => PENDING,
            Self::PendingRemove { .. } => PENDING_REMOVE,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Add { id, pairs } => {
                put_id(out, id);
                put_bytes(out, pairs.texts());
            }
            Self::Delete { id, .. } | Self::TrimThrough { id } => put_id(out, id),
            Self::Position(Position { last, max_deleted, added }) => {
                put_id(out, last);
                put_id(out, max_deleted);
                put_uint(out, added);
            }
            Self::GroupCreate { group, progress } | Self::GroupSet { group, progress } => {
                put_bytes(out, group);
                put_id(out, progress.last);
                put_expiry(out, progress.entries_read.map(|read| read as i64));
            }
            Self::GroupRemove { group } => put_bytes(out, group),
            Self::Consumer { group, consumer, times } => {
                put_bytes(out, group);
                put_bytes(out, consumer);
                put_int(out, times.seen);
                put_expiry(out, times.active);
            }
            Self::ConsumerRemove { group, consumer } => {
                put_bytes(out, group);
                put_bytes(out, consumer);
            }
            Self::Pending { group, entry } => {
                put_bytes(out, group);
                put_id(out, entry.id);
                put_bytes(out, entry.consumer);
                put_int(out, entry.time);
                put_uint(out, entry.count);
            }
            Self::PendingRemove { group, id } => {
                put_bytes(out, group);
                put_id(out, id);
            }
        }
    }

    pub(super) fn decode(kind: u8, rest: &mut &'a [u8]) -> Option<Self> {
        Some(match kind {
            ADD => Self::Add { id: take_id(rest)?, pairs: Pairs::read(take_bytes(rest)?)? },
            DELETE | TRIMMED => Self::Delete { id: take_id(rest)?, trimmed: kind == TRIMMED },
            TRIM_THROUGH => Self::TrimThrough { id: take_id(rest)? },
            POSITION => Self::Position(Position {
                last: take_id(rest)?,
                max_deleted: take_id(rest)?,
                added: take_uint(rest)?,
            }),
            GROUP_CREATE => {
                Self::GroupCreate { group: take_bytes(rest)?, progress: take_progress(rest)? }
            }
            GROUP_SET => {
                Self::GroupSet { group: take_bytes(rest)?, progress: take_progress(rest)? }
            }
            GROUP_REMOVE => Self::GroupRemove { group: take_bytes(rest)? },
            CONSUMER => Self::Consumer {
                group: take_bytes(rest)?,
                consumer: take_bytes(rest)?,
                times: Times { seen: take_int(rest)?, active: take_expiry(rest)? },
            },
            CONSUMER_REMOVE => {
                Self::ConsumerRemove { group: take_bytes(rest)?, consumer: take_bytes(rest)? }
            }
            PENDING => Self::Pending { group: take_bytes(rest)?, entry: take_pending(rest)? },
            PENDING_REMOVE => Self::PendingRemove { group: take_bytes(rest)?, id: take_id(rest)? },
            _ => return None,
        })
    }

    pub(super) fn as_command(&self, key: &[u8]) -> Vec<Vec<u8>> {
        match *self {
            Self::Add { id, pairs } => {
                let mut command = words(&[b"XADD", key, &text(id)]);
                pairs.iter().for_each(|(field, value)| command.extend(words(&[field, value])));
                command
            }
            Self::Delete { id, .. } => words(&[b"XDEL", key, &text(id)]),
            Self::TrimThrough { id } => {
                let below = id.next().unwrap_or(StreamId::MAX);
                words(&[b"XTRIM", key, b"MINID", &text(below)])
            }
            Self::Position(Position { last, max_deleted, added }) => words(&[
                b"XSETID",
                key,
                &text(last),
                b"ENTRIESADDED",
                added.to_string().as_bytes(),
                b"MAXDELETEDID",
                &text(max_deleted),
            ]),
            Self::GroupCreate { group, progress } => {
                let read = progress.entries_read.map_or(-1, |read| read as i64);
                let last = text(progress.last);
                let read = number(read);
                words(&[b"XGROUP", b"CREATE", key, group, &last, b"ENTRIESREAD", &read])
            }
            Self::GroupSet { group, progress } => {
                let read = progress.entries_read.map_or(-1, |read| read as i64);
                let last = text(progress.last);
                let read = number(read);
                words(&[b"XGROUP", b"SETID", key, group, &last, b"ENTRIESREAD", &read])
            }
            Self::GroupRemove { group } => words(&[b"XGROUP", b"DESTROY", key, group]),
            Self::Consumer { group, consumer, .. } => {
                words(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer])
            }
            Self::ConsumerRemove { group, consumer } => {
                words(&[b"XGROUP", b"DELCONSUMER", key, group, consumer])
            }
            Self::Pending { group, entry } => {
                let PendingEntry { id, consumer, time, count } = entry;
                let (id, time, count) = (text(id), number(time), count.to_string().into_bytes());
                let mut command = words(&[b"XCLAIM", key, group, consumer, b"0", &id]);
                command.extend(words(&[b"TIME", &time, b"RETRYCOUNT", &count]));
                command.extend(words(&[b"FORCE", b"JUSTID"]));
                command
            }
            Self::PendingRemove { group, id } => words(&[b"XACK", key, group, &text(id)]),
        }
    }
}

fn text(id: StreamId) -> Vec<u8> {
    id.to_string().into_bytes()
}

fn put_id(out: &mut Vec<u8>, id: StreamId) {
    put_uint(out, id.ms);
    put_uint(out, id.seq);
}

fn take_id(rest: &mut &[u8]) -> Option<StreamId> {
    Some(StreamId { ms: take_uint(rest)?, seq: take_uint(rest)? })
}

fn take_progress(rest: &mut &[u8]) -> Option<Progress> {
    let last = take_id(rest)?;
    Some(Progress { last, entries_read: take_expiry(rest)?.map(|read| read as u64) })
}

fn take_pending<'a>(rest: &mut &'a [u8]) -> Option<PendingEntry<'a>> {
    Some(PendingEntry {
        id: take_id(rest)?,
        consumer: take_bytes(rest)?,
        time: take_int(rest)?,
        count: take_uint(rest)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Effect;

    #[test]
    fn effects_read_back() {
        let mut room = Vec::new();
        let pairs = Pairs::write([&b"f"[..], b"v"].into_iter(), &mut room);
        let (id, group, consumer) = (StreamId::new(5, u64::MAX), &b"g"[..], &b"c"[..]);
        let progress = Progress { last: id, entries_read: None };
        let known = Progress { last: id, entries_read: Some(3) };
        let changes = [
            StreamEffect::Add { id, pairs },
            StreamEffect::Delete { id, trimmed: false },
            StreamEffect::Delete { id, trimmed: true },
            StreamEffect::TrimThrough { id },
            StreamEffect::Position(Position { last: id, max_deleted: id, added: 9 }),
            StreamEffect::GroupCreate { group, progress },
            StreamEffect::GroupSet { group, progress: known },
            StreamEffect::GroupRemove { group },
            StreamEffect::Consumer { group, consumer, times: Times { seen: -1, active: Some(7) } },
            StreamEffect::ConsumerRemove { group, consumer },
            StreamEffect::Pending {
                group,
                entry: PendingEntry { id, consumer, time: -3, count: u64::MAX },
            },
            StreamEffect::PendingRemove { group, id },
        ];
        let effects = changes.map(|change| Effect::Stream(b"k", change));
        let mut bytes = Vec::new();
        effects.iter().for_each(|effect| effect.encode(&mut bytes));
        let decoded: Result<Vec<_>, _> = Effect::decode_all(&bytes).collect();
        assert_eq!(decoded.unwrap(), effects);
        let trim = Effect::Stream(b"k", StreamEffect::TrimThrough { id });
        let shown = trim.as_command().join(&b' ');
        assert_eq!(shown.escape_ascii().to_string(), "XTRIM k MINID 6-0");
    }
}
