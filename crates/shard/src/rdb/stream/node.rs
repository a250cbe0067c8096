//! Blocks of entries.

use crate::rdb::listpack::{Elements, Listpack, ListpackWriter};
use crate::rdb::{RdbError, Reader};
use crate::types::list::Element;
use crate::types::stream::fields::Pairs;
use crate::types::stream::id::StreamId;
use crate::types::stream::{Block, Incoming, Stream};

/// The entry has been deleted.
const DELETED: i64 = 1;
/// The names of its fields are those of the block.
const SAME_NAMES: i64 = 2;

/// Names that entries share may take so many times what the whole block takes, once each entry has
/// its own: nobody gets a lot of memory for a few bytes.
const NAMES_RATIO_MAX: usize = 64;
/// Below that many bytes nobody counts.
const NAMES_LEN_FREE: usize = 1 << 20;

const BROKEN: RdbError = RdbError::Corrupt("a block of a stream is broken");

/// Adds a block to a stream. `id` is what the ids of its entries count from.
pub(super) fn read(
    bytes: &[u8],
    id: StreamId,
    stream: &mut Stream,
    reader: &mut Reader<'_>,
) -> Result<(), RdbError> {
    let listpack = Listpack::new(bytes)?;
    listpack.len()?;
    let mut elements = listpack.iter();
    // How many are there, and how many have been deleted.
    let expected = count(&mut elements)?.checked_add(count(&mut elements)?).ok_or(BROKEN)?;
    let names = texts(&mut elements)?;
    if elements.int()? != 0 {
        return Err(BROKEN);
    }
    let names_len: usize = names.iter().map(Vec::len).sum();
    let mut names_left = NAMES_LEN_FREE.max(bytes.len().saturating_mul(NAMES_RATIO_MAX));

    let mut room = Vec::new();
    let pairs = Pairs::write(names.iter().flat_map(|name| [&name[..], b""]), &mut room);
    let mut block = Incoming::new(pairs);
    let mut entries = 0;
    while let Some(flags) = elements.next()? {
        reader.beat()?;
        let Element::Int(flags) = flags else { return Err(BROKEN) };
        let entry_id = StreamId::new(
            id.ms.wrapping_add_signed(elements.int()?),
            id.seq.wrapping_add_signed(elements.int()?),
        );
        let (pairs, said) = if flags & SAME_NAMES == 0 {
            let texts = texts_twice(&mut elements)?;
            (Pairs::write(texts.iter().map(Vec::as_slice), &mut room), texts.len() as u64 + 4)
        } else {
            names_left = names_left.checked_sub(names_len).ok_or(BROKEN)?;
            let values = (0..names.len()).map(|_| Ok(elements.element()?.to_vec()));
            let values = values.collect::<Result<Vec<_>, RdbError>>()?;
            let texts = names.iter().zip(&values).flat_map(|(name, value)| [&name[..], value]);
            (Pairs::write(texts, &mut room), names.len() as u64 + 3)
        };
        let is_deleted = flags & DELETED != 0;
        let is_right = count(&mut elements)? == said && block.push(entry_id, pairs, is_deleted);
        if !is_right {
            return Err(BROKEN);
        }
        entries += 1;
    }
    if entries == expected && stream.append(block) { Ok(()) } else { Err(BROKEN) }
}

/// A number of something.
fn count(elements: &mut Elements<'_>) -> Result<u64, RdbError> {
    u64::try_from(elements.int()?).map_err(|_| BROKEN)
}

/// A number of texts, and the texts. What is said to come is not believed.
fn texts(elements: &mut Elements<'_>) -> Result<Vec<Vec<u8>>, RdbError> {
    (0..count(elements)?).map(|_| Ok(elements.element()?.to_vec())).collect()
}

/// The same of a number of pairs.
fn texts_twice(elements: &mut Elements<'_>) -> Result<Vec<Vec<u8>>, RdbError> {
    let count = count(elements)?.checked_mul(2).ok_or(BROKEN)?;
    (0..count).map(|_| Ok(elements.element()?.to_vec())).collect()
}

/// A block as a listpack.
pub(super) fn write(first: StreamId, block: &Block) -> Vec<u8> {
    let mut out = ListpackWriter::new();
    out.int(block.live() as i64);
    out.int((block.count() - block.live()) as i64);
    let names: Vec<&[u8]> = block.first_names().collect();
    out.int(names.len() as i64);
    names.iter().for_each(|name| out.text(name));
    out.int(0);
    for (entry, deleted) in block.all(first) {
        let same_names = entry.fields.has_first_names();
        let flags = if deleted { DELETED } else { 0 } | if same_names { SAME_NAMES } else { 0 };
        out.int(flags);
        out.int(entry.id.ms.wrapping_sub(first.ms) as i64);
        out.int(entry.id.seq.wrapping_sub(first.seq) as i64);
        let len = entry.fields.len();
        if same_names {
            entry.fields.for_each(|(_, value)| out.text(value));
            out.int(len as i64 + 3);
        } else {
            out.int(len as i64);
            entry.fields.for_each(|(name, value)| {
                out.text(name);
                out.text(value);
            });
            out.int(len as i64 * 2 + 4);
        }
    }
    out.finish()
}
