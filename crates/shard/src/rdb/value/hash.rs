//! Hashes, and when their fields expire.

use super::for_each_pair;
use crate::keyspace::Settings;
use crate::keyspace::value::Value;
use crate::rdb::listpack::{Listpack, ListpackWriter};
use crate::rdb::write::Writer;
use crate::rdb::{RdbError, Reader, ziplist, zipmap};
use crate::time::Millis;
use crate::types::hash::{Hash, HashView};

/// Latest point in time at which a field of Redis can expire, in milliseconds since the epoch.
const EXPIRY_MAX: u64 = (1 << 48) - 2;

const IMPOSSIBLE: RdbError = RdbError::Corrupt("a field expires at an impossible time");

fn finish(hash: Hash) -> Result<Value, RdbError> {
    if hash.is_empty() { Err(RdbError::Empty) } else { Ok(Value::Hash(Box::new(hash))) }
}

fn add(hash: &mut Hash, field: &[u8], value: &[u8]) -> Result<(), RdbError> {
    match hash.set(field, value) {
        Some(_) => Err(RdbError::Corrupt("a hash has a field twice")),
        None => Ok(()),
    }
}

fn add_growing(
    hash: &mut Hash,
    (field, value): (&[u8], &[u8]),
    settings: &Settings,
) -> Result<(), RdbError> {
    if hash.outgrows(field, value, settings.hash_limits) {
        *hash = hash.to_large();
    }
    add(hash, field, value)
}

/// An empty hash of the form that so many fields have.
fn of_len(len: u64, settings: &Settings) -> Hash {
    let hash = Hash::new();
    if len > settings.hash_limits.entries as u64 { hash.to_large() } else { hash }
}

/// Field by field.
pub(super) fn read_plain(reader: &mut Reader<'_>, settings: &Settings) -> Result<Value, RdbError> {
    let count = reader.count()?;
    let mut hash = of_len(count, settings);
    for _ in 0..count {
        reader.beat()?;
        let (field, value) = (reader.string()?, reader.string()?);
        add_growing(&mut hash, (&field, &value), settings)?;
    }
    finish(hash)
}

pub(super) fn read_zipmap(reader: &mut Reader<'_>, settings: &Settings) -> Result<Value, RdbError> {
    let bytes = reader.string()?;
    let pairs = zipmap::read(&bytes)?;
    let mut hash = of_len(pairs.len() as u64, settings);
    for pair in pairs {
        reader.beat()?;
        add_growing(&mut hash, pair, settings)?;
    }
    finish(hash)
}

pub(super) fn read_ziplist(
    reader: &mut Reader<'_>,
    settings: &Settings,
) -> Result<Value, RdbError> {
    let bytes = reader.string()?;
    let elements = ziplist::read(&bytes)?;
    let mut hash = of_len(elements.len() as u64 / 2, settings);
    for_each_pair(&elements, |field, value| {
        reader.beat()?;
        value.with_text(|value| add(&mut hash, field, value))
    })?;
    finish(hash)
}

pub(super) fn read_listpack(
    reader: &mut Reader<'_>,
    settings: &Settings,
) -> Result<Value, RdbError> {
    let bytes = reader.string()?;
    let listpack = Listpack::new(&bytes)?;
    let mut hash = of_len(listpack.len()? as u64 / 2, settings);
    let mut elements = listpack.iter();
    while let Some(field) = elements.next()? {
        reader.beat()?;
        let value = elements.element()?;
        field.with_text(|field| value.with_text(|value| add(&mut hash, field, value)))?;
    }
    finish(hash)
}

/// Has a field expire then; 0 is never.
fn set_expiry(hash: &mut Hash, field: &[u8], expiry: u64) -> Result<(), RdbError> {
    match expiry {
        0 => Ok(()),
        1..=EXPIRY_MAX => {
            hash.set_expiry(field, Some(Millis(expiry as i64)));
            Ok(())
        }
        _ => Err(IMPOSSIBLE),
    }
}

/// Field by field, each with the time when it expires: counted from the first of them, or from the
/// epoch where that is not given.
pub(super) fn read_expiring(
    reader: &mut Reader<'_>,
    settings: &Settings,
    has_first: bool,
) -> Result<Value, RdbError> {
    // One more than the distance, since 0 is never.
    let base = if has_first { reader.millis()?.max(1) as u64 - 1 } else { 0 };
    let count = reader.count()?;
    let mut hash = of_len(count, settings);
    for _ in 0..count {
        reader.beat()?;
        let expiry = reader.count()?;
        let (field, value) = (reader.string()?, reader.string()?);
        add_growing(&mut hash, (&field, &value), settings)?;
        let expiry = if expiry == 0 { 0 } else { base.saturating_add(expiry) };
        set_expiry(&mut hash, &field, expiry)?;
    }
    finish(hash)
}

/// Field, value and the time when it expires, and so on.
pub(super) fn read_listpack_expiring(
    reader: &mut Reader<'_>,
    settings: &Settings,
    has_first: bool,
) -> Result<Value, RdbError> {
    if has_first && u64::try_from(reader.millis()?).is_ok_and(|first| first > EXPIRY_MAX) {
        return Err(IMPOSSIBLE);
    }
    let bytes = reader.string()?;
    let listpack = Listpack::new(&bytes)?;
    let mut hash = of_len(listpack.len()? as u64 / 3, settings);
    let mut elements = listpack.iter();
    while let Some(field) = elements.next()? {
        reader.beat()?;
        let value = elements.element()?;
        let expiry = elements.int()?;
        let expiry = u64::try_from(expiry).unwrap_or(u64::MAX);
        field.with_text(|field| {
            value.with_text(|value| add(&mut hash, field, value))?;
            set_expiry(&mut hash, field, expiry)
        })?;
    }
    finish(hash)
}

/// Field by field, each with the time when it expires behind it, as Valkey 9 has it; -1 is never.
pub(super) fn read_of_valkey(
    reader: &mut Reader<'_>,
    settings: &Settings,
) -> Result<Value, RdbError> {
    let count = reader.count()?;
    let mut hash = of_len(count, settings);
    for _ in 0..count {
        reader.beat()?;
        let (field, value) = (reader.string()?, reader.string()?);
        add_growing(&mut hash, (&field, &value), settings)?;
        match reader.millis()? {
            -1 => {}
            expiry => {
                // Any other time before the epoch is over as well as the first one after it.
                let expiry = u64::try_from(expiry).unwrap_or_default().max(1);
                set_expiry(&mut hash, &field, expiry.min(EXPIRY_MAX))?;
            }
        }
    }
    finish(hash)
}

pub(super) fn write<E>(hash: &Hash, now: Millis, out: &mut Writer<'_, E>) -> Result<(), E> {
    let view = hash.view(now);
    match hash.encoding() {
        "listpack" => {
            let mut listpack = ListpackWriter::new();
            view.for_each(|field, value| {
                listpack.text(field);
                listpack.text(value);
            });
            out.string(&listpack.finish())
        }
        "listpackex" => write_listpack_expiring(view, out),
        _ => write_table(view, hash.next_expiry().is_some(), out),
    }
}

fn expiry_of(view: HashView<'_>, field: &[u8]) -> Option<i64> {
    Some(view.expiry(field)??.0)
}

/// Fields in the order in which they expire, those that never do last.
fn write_listpack_expiring<E>(view: HashView<'_>, out: &mut Writer<'_, E>) -> Result<(), E> {
    let mut fields = view.pairs();
    fields.sort_by_cached_key(|(field, _)| expiry_of(view, field).unwrap_or(i64::MAX));
    let first = fields.first().and_then(|(field, _)| expiry_of(view, field));
    let mut listpack = ListpackWriter::new();
    for (field, value) in fields {
        listpack.text(field);
        listpack.text(value);
        listpack.int(expiry_of(view, field).unwrap_or(0));
    }
    out.millis(first.unwrap_or(0));
    out.string(&listpack.finish())
}

fn write_table<E>(view: HashView<'_>, expiring: bool, out: &mut Writer<'_, E>) -> Result<(), E> {
    let fields = view.pairs();
    let first = if expiring {
        let first = fields.iter().filter_map(|(field, _)| expiry_of(view, field)).min();
        out.millis(first.unwrap_or(0));
        first
    } else {
        None
    };
    out.len(fields.len());
    for (field, value) in fields {
        out.beat()?;
        if expiring {
            let expiry = expiry_of(view, field);
            let distance = expiry.zip(first).map_or(0, |(expiry, first)| expiry - first + 1);
            out.len(distance as usize);
        }
        out.string(field)?;
        out.string(value)?;
    }
    Ok(())
}
