//! Streams: blocks of entries, each a listpack, and the groups of consumers.
//!
//! A block says how many of its entries are there and how many have been deleted, what the fields of
//! its first entry are called, then its entries: what is particular about it (deleted; the same names),
//! its id as the distance to that of the block, its fields, and how many elements that was.

mod group;
mod node;

use super::write::Writer;
use super::{RdbError, Reader};
use crate::keyspace::value::Value;
use crate::types::stream::id::StreamId;
use crate::types::stream::{Position, Stream};

/// A stream as Redis 5 (1), 7.0 (2) or 7.2 (3) writes it.
pub(super) fn read(form: u8, reader: &mut Reader<'_>) -> Result<Value, RdbError> {
    let mut stream = Stream::default();
    let blocks = reader.count()?;
    for _ in 0..blocks {
        reader.beat()?;
        let id = id_of(&reader.string()?)?;
        node::read(&reader.string()?, id, &mut stream, reader)?;
    }
    // How many entries there are, which the blocks say as well.
    if reader.count()? > 0 && blocks == 0 {
        return Err(RdbError::Corrupt("a stream has entries and no blocks"));
    }
    let mut position = Position { last: read_id(reader)?, ..Position::default() };
    if form >= 2 {
        // The id of the first entry.
        read_id(reader)?;
        position.max_deleted = read_id(reader)?;
        position.added = reader.count()?;
    } else {
        position.added = stream.len() as u64;
    }
    position.last = position.last.max(stream.position().last);
    stream.set_position(position);
    for _ in 0..reader.count()? {
        reader.beat()?;
        group::read(form, reader, &mut stream)?;
    }
    Ok(Value::Stream(Box::new(stream)))
}

/// An id in two numbers.
fn read_id(reader: &mut Reader<'_>) -> Result<StreamId, RdbError> {
    Ok(StreamId::new(reader.count()?, reader.count()?))
}

/// An id in 16 bytes, of which the highest comes first.
fn id_of(bytes: &[u8]) -> Result<StreamId, RdbError> {
    let Some((ms, seq)) = bytes.split_first_chunk::<8>() else { return Err(BAD_ID) };
    let seq = seq.try_into().map_err(|_| BAD_ID)?;
    Ok(StreamId::new(u64::from_be_bytes(*ms), u64::from_be_bytes(seq)))
}

const BAD_ID: RdbError = RdbError::Corrupt("an id of a stream is broken");

fn bytes_of(id: StreamId) -> [u8; 16] {
    (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()
}

pub(super) fn write<E>(stream: &Stream, out: &mut Writer<'_, E>) -> Result<(), E> {
    let packs = stream.packs();
    out.len(packs.len());
    for (first, block) in packs {
        out.beat()?;
        out.string(&bytes_of(first))?;
        out.string(&node::write(first, block))?;
    }
    let position = stream.position();
    out.len(stream.len());
    write_id(position.last, out);
    write_id(stream.first().map_or(StreamId::MIN, |entry| entry.id), out);
    write_id(position.max_deleted, out);
    out.number(position.added);
    out.len(stream.groups().len());
    for (name, group) in stream.groups() {
        group::write(name, group, out)?;
    }
    Ok(())
}

fn write_id<E>(id: StreamId, out: &mut Writer<'_, E>) {
    out.number(id.ms);
    out.number(id.seq);
}
