//! Commands of the family *generic*: keys of any type.

mod clusterscan;
mod copy;
mod del;
mod dump;
mod exists;
mod expire;
mod keys;
mod object;
mod persist;
mod randomkey;
mod rename;
mod restore;
pub(super) mod scan;
mod sort;
mod touch;
mod ttl;
mod r#type;
mod wait;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &clusterscan::COMMAND,
    &copy::COMMAND,
    &del::DEL,
    &dump::COMMAND,
    &exists::COMMAND,
    &expire::EXPIRE,
    &expire::EXPIREAT,
    &ttl::EXPIRETIME,
    &keys::COMMAND,
    &object::OBJECT,
    &object::ENCODING,
    &object::FREQ,
    &object::HELP,
    &object::IDLETIME,
    &object::REFCOUNT,
    &persist::COMMAND,
    &expire::PEXPIRE,
    &expire::PEXPIREAT,
    &ttl::PEXPIRETIME,
    &ttl::PTTL,
    &randomkey::COMMAND,
    &rename::RENAME,
    &rename::RENAMENX,
    &restore::RESTORE,
    &restore::RESTORE_ASKING,
    &scan::COMMAND,
    &sort::SORT,
    &sort::SORT_RO,
    &touch::COMMAND,
    &ttl::TTL,
    &r#type::COMMAND,
    &del::UNLINK,
    &wait::WAIT,
];
