//! Groups of consumers.

use std::collections::BTreeMap;

use super::{BAD_ID, bytes_of, id_of, read_id, write_id};
use crate::rdb::write::Writer;
use crate::rdb::{RdbError, Reader};
use crate::types::stream::Stream;
use crate::types::stream::group::{Group, Progress, Times};
use crate::types::stream::id::StreamId;

/// In place of how many entries have been read: that is not known.
const UNKNOWN: u64 = u64::MAX;

const BROKEN: RdbError = RdbError::Corrupt("a group of a stream is broken");

/// When an entry was delivered, and how often.
type Deliveries = BTreeMap<StreamId, (i64, u64)>;

/// Adds a group to a stream.
pub(super) fn read(form: u8, reader: &mut Reader<'_>, stream: &mut Stream) -> Result<(), RdbError> {
    let name = reader.string()?;
    let last = read_id(reader)?;
    let entries_read = match form {
        1 => stream.count_ever(last),
        _ => Some(reader.count()?).filter(|read| *read != UNKNOWN),
    };
    let mut group = Group::new(Progress { last, entries_read });
    let mut deliveries = read_deliveries(reader)?;
    for _ in 0..reader.count()? {
        reader.beat()?;
        read_consumer(form, reader, &mut group, &mut deliveries)?;
    }
    let is_new = stream.groups_mut().insert(name.into(), group).is_none();
    if deliveries.is_empty() && is_new { Ok(()) } else { Err(BROKEN) }
}

fn read_raw_id(reader: &mut Reader<'_>) -> Result<StreamId, RdbError> {
    id_of(&reader.array::<16>()?).map_err(|_| BAD_ID)
}

fn read_deliveries(reader: &mut Reader<'_>) -> Result<Deliveries, RdbError> {
    let mut deliveries = Deliveries::new();
    for _ in 0..reader.count()? {
        reader.beat()?;
        let id = read_raw_id(reader)?;
        let delivery = (reader.millis()?, reader.count()?);
        if deliveries.insert(id, delivery).is_some() {
            return Err(BROKEN);
        }
    }
    Ok(deliveries)
}

/// Adds a consumer with what it has got and not acknowledged, which is taken from the deliveries of
/// the group: each has one owner.
fn read_consumer(
    form: u8,
    reader: &mut Reader<'_>,
    group: &mut Group,
    deliveries: &mut Deliveries,
) -> Result<(), RdbError> {
    let name = reader.string()?;
    let seen = reader.millis()?;
    let active = match form {
        3 => Some(reader.millis()?).filter(|active| *active >= 0),
        _ => Some(seen),
    };
    if group.set_consumer(&name, Times { seen, active }).is_some() {
        return Err(BROKEN);
    }
    for _ in 0..reader.count()? {
        reader.beat()?;
        let id = read_raw_id(reader)?;
        let (time, count) = deliveries.remove(&id).ok_or(BROKEN)?;
        group.deliver(id, &name, time, count);
    }
    Ok(())
}

pub(super) fn write<E>(name: &[u8], group: &Group, out: &mut Writer<'_, E>) -> Result<(), E> {
    out.string(name)?;
    write_id(group.progress.last, out);
    out.number(group.progress.entries_read.unwrap_or(UNKNOWN));
    out.len(group.pending().len());
    for (&id, delivery) in group.pending() {
        out.beat()?;
        out.bytes(&bytes_of(id));
        out.millis(delivery.time);
        out.number(delivery.count);
    }
    out.len(group.consumer_count());
    for consumer in group.consumers() {
        out.beat()?;
        out.string(consumer.name())?;
        out.millis(consumer.times.seen);
        out.millis(consumer.times.active.unwrap_or(-1));
        out.len(consumer.pending().len());
        consumer.pending().iter().for_each(|&id| out.bytes(&bytes_of(id)));
    }
    Ok(())
}
