//! Sets.

use crate::keyspace::Settings;
use crate::keyspace::value::Value;
use crate::rdb::listpack::{Listpack, ListpackWriter};
use crate::rdb::write::Writer;
use crate::rdb::{RdbError, Reader, intset};
use crate::types::set::{Form, Set};

const TWICE: RdbError = RdbError::Corrupt("a set has a member twice");

fn finish(set: Set) -> Result<Value, RdbError> {
    if set.is_empty() { Err(RdbError::Empty) } else { Ok(Value::Set(Box::new(set))) }
}

/// Member by member.
pub(super) fn read_plain(reader: &mut Reader<'_>, settings: &Settings) -> Result<Value, RdbError> {
    let (count, limits) = (reader.count()?, settings.set_limits);
    let form = if count > limits.ints as u64 { Form::Large } else { Form::Ints };
    let mut set = Set::empty(form);
    for _ in 0..count {
        reader.beat()?;
        if !set.insert_growing(&reader.string()?, limits) {
            return Err(TWICE);
        }
    }
    finish(set)
}

pub(super) fn read_intset(reader: &mut Reader<'_>, settings: &Settings) -> Result<Value, RdbError> {
    let bytes = reader.string()?;
    let numbers = intset::read(&bytes)?;
    let fits = numbers.len() <= settings.set_limits.ints;
    let mut set = Set::empty(if fits { Form::Ints } else { Form::Large });
    for number in numbers {
        reader.beat()?;
        set.insert(itoa::Buffer::new().format(number).as_bytes());
    }
    finish(set)
}

pub(super) fn read_listpack(
    reader: &mut Reader<'_>,
    settings: &Settings,
) -> Result<Value, RdbError> {
    let bytes = reader.string()?;
    let listpack = Listpack::new(&bytes)?;
    let fits = listpack.len()? <= settings.set_limits.entries;
    let mut set = Set::empty(if fits { Form::Small } else { Form::Large });
    let mut members = listpack.iter();
    while let Some(member) = members.next()? {
        reader.beat()?;
        if !member.with_text(|member| set.insert(member)) {
            return Err(TWICE);
        }
    }
    finish(set)
}

pub(super) fn write<E>(set: &Set, out: &mut Writer<'_, E>) -> Result<(), E> {
    if let Some((width, numbers)) = set.ints() {
        return out.string(&intset::write(width, numbers));
    }
    if set.form() == Form::Small {
        let mut listpack = ListpackWriter::new();
        set.for_each(|member| listpack.text(member));
        return out.string(&listpack.finish());
    }
    out.len(set.len());
    set.try_for_each(|member| {
        out.beat()?;
        out.string(member)
    })
}
