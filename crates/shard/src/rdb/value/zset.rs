//! Sorted sets.

use protocol::number::{parse_f64, write_reply_f64};

use super::for_each_pair;
use crate::keyspace::Settings;
use crate::keyspace::value::Value;
use crate::rdb::listpack::{Listpack, ListpackWriter};
use crate::rdb::write::Writer;
use crate::rdb::{RdbError, Reader, ziplist};
use crate::types::list::Element;
use crate::types::zset::ZSet;

fn finish(zset: ZSet) -> Result<Value, RdbError> {
    if zset.is_empty() { Err(RdbError::Empty) } else { Ok(Value::ZSet(Box::new(zset))) }
}

fn add(zset: &mut ZSet, member: &[u8], score: f64) -> Result<(), RdbError> {
    if score.is_nan() {
        return Err(RdbError::Corrupt("a score is not a number"));
    }
    match zset.set(member, score) {
        Some(_) => Err(RdbError::Corrupt("a sorted set has a member twice")),
        None => Ok(()),
    }
}

/// Member by member, each with its score.
pub(super) fn read_plain<'s>(
    reader: &mut Reader<'s>,
    settings: &Settings,
    score: impl Fn(&mut Reader<'s>) -> Result<f64, RdbError>,
) -> Result<Value, RdbError> {
    let mut zset = ZSet::large();
    for _ in 0..reader.count()? {
        reader.beat()?;
        let member = reader.string()?;
        add(&mut zset, &member, score(reader)?)?;
    }
    finish(zset.compact(settings.zset_limits))
}

fn score_of(element: Element<'_>) -> Result<f64, RdbError> {
    match element {
        Element::Int(number) => Ok(number as f64),
        Element::Text(text) => parse_f64(text).ok_or(RdbError::Corrupt("a score is not a number")),
    }
}

/// An empty set of the form that so many members have.
fn of_len(len: usize, settings: &Settings) -> ZSet {
    if len <= settings.zset_limits.entries { ZSet::default() } else { ZSet::large() }
}

pub(super) fn read_ziplist(
    reader: &mut Reader<'_>,
    settings: &Settings,
) -> Result<Value, RdbError> {
    let bytes = reader.string()?;
    let elements = ziplist::read(&bytes)?;
    let mut zset = of_len(elements.len() / 2, settings);
    for_each_pair(&elements, |member, score| {
        reader.beat()?;
        add(&mut zset, member, score_of(score)?)
    })?;
    finish(zset)
}

pub(super) fn read_listpack(
    reader: &mut Reader<'_>,
    settings: &Settings,
) -> Result<Value, RdbError> {
    let bytes = reader.string()?;
    let listpack = Listpack::new(&bytes)?;
    let mut zset = of_len(listpack.len()? / 2, settings);
    let mut elements = listpack.iter();
    while let Some(member) = elements.next()? {
        reader.beat()?;
        let score = score_of(elements.element()?)?;
        member.with_text(|member| add(&mut zset, member, score))?;
    }
    finish(zset)
}

pub(super) fn write<E>(zset: &ZSet, out: &mut Writer<'_, E>) -> Result<(), E> {
    if zset.encoding() == "listpack" {
        let (mut listpack, mut text) = (ListpackWriter::new(), Vec::new());
        for (member, score) in zset.iter() {
            text.clear();
            write_reply_f64(&mut text, score);
            listpack.text(member);
            listpack.text(&text);
        }
        return out.string(&listpack.finish());
    }
    out.len(zset.len());
    // Highest first, as Redis does it: whoever reads it puts each before the others.
    for (member, score) in zset.iter().rev() {
        out.beat()?;
        out.string(member)?;
        out.bytes(&score.to_le_bytes());
    }
    Ok(())
}
