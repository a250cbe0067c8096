//! One value, without what stands around it.

mod hash;
mod list;
mod set;
mod zset;

use super::write::Writer;
use super::{RdbError, Reader, VERSION, VERSION_OF_FIELD_EXPIRY, VERSION_OF_VALKEY, kind, stream};
use crate::keyspace::Settings;
use crate::keyspace::value::{Value, ValueView};
use crate::time::Millis;
use crate::types::list::Element;
use crate::types::string::StringValue;

/// A value that was read and belongs to no key yet.
#[derive(Clone)]
pub struct Loaded(pub(crate) Value);

/// Reads a value of a type, as data of that version has it.
///
/// # Errors
/// It is no such value, or one of a type that does not exist here.
pub(super) fn read(
    of: u8,
    version: u16,
    reader: &mut Reader<'_>,
    settings: &Settings,
) -> Result<Loaded, RdbError> {
    let valkey = version >= VERSION_OF_VALKEY;
    Ok(Loaded(match of {
        kind::STRING => Value::String(StringValue::new(&reader.string()?)),
        kind::LIST => list::read_plain(reader, settings)?,
        kind::SET => set::read_plain(reader, settings)?,
        kind::ZSET_TEXT => zset::read_plain(reader, settings, Reader::text_double)?,
        kind::ZSET => zset::read_plain(reader, settings, Reader::double)?,
        kind::HASH => hash::read_plain(reader, settings)?,
        kind::HASH_ZIPMAP => hash::read_zipmap(reader, settings)?,
        kind::LIST_ZIPLIST => list::read_ziplist(reader, settings)?,
        kind::SET_INTSET => set::read_intset(reader, settings)?,
        kind::ZSET_ZIPLIST => zset::read_ziplist(reader, settings)?,
        kind::HASH_ZIPLIST => hash::read_ziplist(reader, settings)?,
        kind::QUICKLIST => list::read_quicklist(reader, settings)?,
        kind::QUICKLIST_2 => list::read_quicklist_2(reader, settings)?,
        kind::HASH_LISTPACK => hash::read_listpack(reader, settings)?,
        kind::ZSET_LISTPACK => zset::read_listpack(reader, settings)?,
        kind::SET_LISTPACK => set::read_listpack(reader, settings)?,
        kind::STREAM => stream::read(1, reader)?,
        kind::STREAM_2 => stream::read(2, reader)?,
        kind::STREAM_3 => stream::read(3, reader)?,
        kind::HASH_22 if valkey => hash::read_of_valkey(reader, settings)?,
        kind::HASH_22 => hash::read_expiring(reader, settings, false)?,
        kind::HASH_EXPIRING => hash::read_expiring(reader, settings, true)?,
        kind::HASH_LISTPACK_EXPIRING => hash::read_listpack_expiring(reader, settings, true)?,
        kind::HASH_LISTPACK_EXPIRING_UNRELEASED => {
            hash::read_listpack_expiring(reader, settings, false)?
        }
        kind::MODULE => return Err(RdbError::Module(module_name(reader.count()?))),
        kind::MODULE_UNRELEASED => return Err(RdbError::Module("?".into())),
        other => return Err(RdbError::UnknownType(other)),
    }))
}

/// The name of a module's type, which its number has in its upper 54 bits, and its version.
pub(super) fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letter = |at: u32| char::from(LETTERS[(id >> (58 - 6 * at)) as usize & 63]);
    (0..9).map(letter).collect()
}

/// The type that a value is written as.
pub(super) fn kind_of(value: ValueView<'_>) -> u8 {
    match (value, value.encoding()) {
        (ValueView::String(_), _) => kind::STRING,
        (ValueView::List(_), _) => kind::QUICKLIST_2,
        (ValueView::Set(_), "intset") => kind::SET_INTSET,
        (ValueView::Set(_), "listpack") => kind::SET_LISTPACK,
        (ValueView::Set(_), _) => kind::SET,
        (ValueView::ZSet(_), "listpack") => kind::ZSET_LISTPACK,
        (ValueView::ZSet(_), _) => kind::ZSET,
        (ValueView::Hash(_), "listpack") => kind::HASH_LISTPACK,
        (ValueView::Hash(_), "listpackex") => kind::HASH_LISTPACK_EXPIRING,
        (ValueView::Hash(hash), _) if hash.next_expiry().is_some() => kind::HASH_EXPIRING,
        (ValueView::Hash(_), _) => kind::HASH,
        (ValueView::Stream(_), _) => kind::STREAM_3,
    }
}

/// The version of the format that first knows the type.
pub(super) fn version_of(kind: u8) -> u16 {
    match kind {
        kind::HASH_EXPIRING | kind::HASH_LISTPACK_EXPIRING => VERSION_OF_FIELD_EXPIRY,
        _ => VERSION,
    }
}

/// Appends a value, its type left out. `beat` says whether to go on.
///
/// # Errors
/// That of `beat`.
pub(super) fn write<E>(
    value: ValueView<'_>,
    now: Millis,
    out: &mut Writer<'_, E>,
) -> Result<(), E> {
    match value {
        ValueView::String(string) => string.with_text(|text| out.string(text)),
        ValueView::List(list) => list::write(list, out),
        ValueView::Set(set) => set::write(set, out),
        ValueView::ZSet(zset) => zset::write(zset, out),
        ValueView::Hash(hash) => hash::write(hash, now, out),
        ValueView::Stream(stream) => stream::write(stream, out),
    }
}

/// Calls `visit` with the text of each of two elements at a time.
fn for_each_pair(
    elements: &[Element<'_>],
    mut visit: impl FnMut(&[u8], Element<'_>) -> Result<(), RdbError>,
) -> Result<(), RdbError> {
    let (pairs, rest) = elements.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(RdbError::Corrupt("a field has no value"));
    }
    pairs.iter().try_for_each(|[one, other]| one.with_text(|text| visit(text, *other)))
}
