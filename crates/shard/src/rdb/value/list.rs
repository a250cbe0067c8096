//! Lists.

use crate::keyspace::Settings;
use crate::keyspace::value::Value;
use crate::rdb::listpack::{Listpack, ListpackWriter};
use crate::rdb::write::Writer;
use crate::rdb::{RdbError, Reader, ziplist};
use crate::types::list::{End, List};

/// What a node of a quicklist says of itself: one element as it is, or a listpack.
const PLAIN: u64 = 1;
const PACKED: u64 = 2;

fn finish(mut list: List, settings: &Settings) -> Result<Value, RdbError> {
    list.settle(settings.list_limit);
    if list.is_empty() { Err(RdbError::Empty) } else { Ok(Value::List(Box::new(list))) }
}

/// Element by element.
pub(super) fn read_plain(reader: &mut Reader<'_>, settings: &Settings) -> Result<Value, RdbError> {
    let mut list = List::unsettled();
    for _ in 0..reader.count()? {
        reader.beat()?;
        list.push(End::Tail, &reader.string()?, settings.list_limit);
    }
    finish(list, settings)
}

fn add_ziplist(list: &mut List, bytes: &[u8]) -> Result<(), RdbError> {
    let elements = ziplist::read(bytes)?;
    if !elements.is_empty() {
        list.begin_node();
    }
    for element in elements {
        element.with_text(|text| list.push_in_node(text));
    }
    Ok(())
}

fn add_listpack(list: &mut List, bytes: &[u8]) -> Result<(), RdbError> {
    let listpack = Listpack::new(bytes)?;
    if listpack.len()? > 0 {
        list.begin_node();
    }
    let mut elements = listpack.iter();
    while let Some(element) = elements.next()? {
        element.with_text(|text| list.push_in_node(text));
    }
    Ok(())
}

/// One ziplist.
pub(super) fn read_ziplist(
    reader: &mut Reader<'_>,
    settings: &Settings,
) -> Result<Value, RdbError> {
    let mut list = List::unsettled();
    add_ziplist(&mut list, &reader.string()?)?;
    finish(list, settings)
}

/// Ziplists.
pub(super) fn read_quicklist(
    reader: &mut Reader<'_>,
    settings: &Settings,
) -> Result<Value, RdbError> {
    let mut list = List::unsettled();
    for _ in 0..reader.count()? {
        reader.beat()?;
        add_ziplist(&mut list, &reader.string()?)?;
    }
    finish(list, settings)
}

/// Listpacks, and elements that are too large for one.
pub(super) fn read_quicklist_2(
    reader: &mut Reader<'_>,
    settings: &Settings,
) -> Result<Value, RdbError> {
    let mut list = List::unsettled();
    for _ in 0..reader.count()? {
        reader.beat()?;
        match (reader.count()?, reader.string()?) {
            (PLAIN, element) if !element.is_empty() => {
                list.begin_node();
                list.push_in_node(&element);
            }
            (PACKED, bytes) => add_listpack(&mut list, &bytes)?,
            _ => return Err(RdbError::Corrupt("a node of a list has an unknown form")),
        }
    }
    finish(list, settings)
}

pub(super) fn write<E>(list: &List, out: &mut Writer<'_, E>) -> Result<(), E> {
    let packs = list.packs();
    out.len(packs.len());
    for (elements, count) in packs {
        out.beat()?;
        let mut listpack = ListpackWriter::new();
        listpack.elements(elements, count);
        out.len(PACKED as usize);
        out.string(&listpack.finish())?;
    }
    Ok(())
}
