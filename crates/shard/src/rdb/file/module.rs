//! What modules have written: it is not understood, but it says where it ends.

use crate::rdb::read::Reader;
use crate::rdb::{RdbError, value};

const END: u64 = 0;
const SIGNED: u64 = 1;
const UNSIGNED: u64 = 2;
const FLOAT: u64 = 3;
const DOUBLE: u64 = 4;
const STRING: u64 = 5;

/// Reads over a value of a module and returns the name of its type.
pub(super) fn skip_value(reader: &mut Reader<'_>) -> Result<String, RdbError> {
    let name = value::module_name(reader.count()?);
    skip_fields(reader)?;
    Ok(name)
}

/// Reads over what a module has to say besides the values of keys.
pub(super) fn skip_extra(reader: &mut Reader<'_>) -> Result<String, RdbError> {
    let name = value::module_name(reader.count()?);
    // When it was written: before the keys or behind them.
    if reader.count()? != UNSIGNED {
        return Err(RdbError::Corrupt("what a module has written is broken"));
    }
    reader.count()?;
    skip_fields(reader)?;
    Ok(name)
}

fn skip_fields(reader: &mut Reader<'_>) -> Result<(), RdbError> {
    loop {
        match reader.count()? {
            END => return Ok(()),
            SIGNED | UNSIGNED => drop(reader.count()?),
            FLOAT => drop(reader.array::<4>()?),
            DOUBLE => drop(reader.double()?),
            STRING => drop(reader.string()?),
            _ => return Err(RdbError::Corrupt("what a module has written is broken")),
        }
    }
}
