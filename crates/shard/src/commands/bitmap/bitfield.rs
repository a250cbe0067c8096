//! BITFIELD key [GET type offset | [OVERFLOW WRAP | SAT | FAIL] SET type offset value | INCRBY type
//! offset increment ...]: read and change integers of any width within a string; BITFIELD_RO has
//! GET alone.
//!
//! All operations are computed, each with what those before it have written, before the first byte
//! of the string changes. The string grows to hold every field that is named to be written, also
//! when OVERFLOW FAIL then writes nothing.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::number::parse_i64;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::field::{FieldType, Overflow};
use super::{BAD_OFFSET, in_string};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, Keyspace};
use crate::types::bits;
use crate::types::patch::Patch;

pub(super) const BITFIELD: Command = Command {
    spec: CommandSpec {
        name: "bitfield",
        family: Family::Bitmap,
        arity: Arity::at_least(2),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "update", "variable_flags"])
            .remark("This command allows both access and modification of the key")],
        since: "3.2.0",
        complexity: "O(1) for each subcommand specified",
        summary: "Performs arbitrary bitfield integer operations on strings.",
        ..CommandSpec::NEW
    },
    run: bitfield,
};

pub(super) const BITFIELD_RO: Command = Command {
    spec: CommandSpec {
        name: "bitfield_ro",
        family: Family::Bitmap,
        arity: Arity::at_least(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "6.0.0",
        complexity: "O(1) for each subcommand specified",
        summary: "Performs arbitrary read-only bitfield integer operations on strings.",
        ..CommandSpec::NEW
    },
    run: bitfield_ro,
};

#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64),
    IncrBy(i64),
}

struct Operation {
    action: Action,
    field: FieldType,
    /// In bits.
    offset: usize,
    overflow: Overflow,
}

impl Operation {
    fn writes(&self) -> bool {
        !matches!(self.action, Action::Get)
    }

    /// The reply, `None` for the null; what is written goes to `patch`.
    fn perform(&self, text: &[u8], patch: &mut Patch) -> Option<i64> {
        let Self { field, offset, overflow, .. } = *self;
        let before = field.number(bits::read(offset, field.width, |at| patch.byte(text, at)));
        let wanted = match self.action {
            Action::Get => return Some(before),
            Action::Set(number) => field.given(number),
            Action::IncrBy(number) => i128::from(before) + i128::from(number),
        };
        let after = field.fit(wanted, overflow)?;
        if after != before {
            let mut written = Vec::with_capacity(9);
            let byte = |at| patch.byte(text, at);
            bits::write(offset, field.width, after as u64, byte, |at, byte| {
                written.push((at, byte));
            });
            written.into_iter().for_each(|(at, byte)| patch.set(at, byte));
        }
        Some(if matches!(self.action, Action::Set(_)) { before } else { after })
    }
}

fn parse(keyspace: &Keyspace, args: Args<'_>) -> Result<Vec<Operation>, CommandError> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut at = 2;
    while at < args.len() {
        let left = args.len() - at - 1;
        if args.is(at, "OVERFLOW") && left >= 1 {
            overflow = parse_overflow(args, at + 1)?;
            at += 2;
            continue;
        }
        // What follows the type and the offset.
        let more = match () {
            () if args.is(at, "GET") && left >= 2 => 0,
            () if (args.is(at, "SET") || args.is(at, "INCRBY")) && left >= 3 => 1,
            () => return Err(ArgsError::Syntax.into()),
        };
        let field = FieldType::parse(args.at(at + 1))?;
        let offset = parse_offset(keyspace, args.at(at + 2), field)?;
        let action = match more {
            0 => Action::Get,
            _ if args.is(at, "SET") => Action::Set(args.int(at + 3)?),
            _ => Action::IncrBy(args.int(at + 3)?),
        };
        operations.push(Operation { action, field, offset, overflow });
        at += 3 + more;
    }
    Ok(operations)
}

fn parse_overflow(args: Args<'_>, at: usize) -> Result<Overflow, CommandError> {
    if args.is(at, "WRAP") {
        Ok(Overflow::Wrap)
    } else if args.is(at, "SAT") {
        Ok(Overflow::Saturate)
    } else if args.is(at, "FAIL") {
        Ok(Overflow::Fail)
    } else {
        Err(CommandError::Text("ERR Invalid OVERFLOW type specified"))
    }
}

/// Bits, or with `#` in front, fields of this type.
fn parse_offset(keyspace: &Keyspace, text: &[u8], field: FieldType) -> Result<usize, CommandError> {
    let offset = match text.strip_prefix(b"#") {
        Some(digits) => {
            parse_i64(digits).and_then(|count| count.checked_mul(i64::from(field.width)))
        }
        None => parse_i64(text),
    };
    in_string(keyspace, offset)
}

fn bitfield(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let operations = parse(call.keyspace, args)?;
    perform(call, args.at(1), &operations)
}

fn bitfield_ro(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let operations = parse(call.keyspace, args)?;
    if operations.iter().any(Operation::writes) {
        return Err(CommandError::Text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    perform(call, args.at(1), &operations)
}

fn perform(
    call: &mut Call<'_, '_>,
    key: &[u8],
    operations: &[Operation],
) -> Result<(), CommandError> {
    let end = |operation: &Operation| bits::window(operation.offset, operation.field.width).end;
    let reach = operations.iter().filter(|operation| operation.writes()).map(end).max();
    if reach.is_some_and(|reach| reach > call.keyspace.settings().string_len_max) {
        return Err(BAD_OFFSET);
    }
    let mut patch = Patch::default();
    let mut compute = |text: &[u8]| -> Vec<Option<i64>> {
        let replies =
            operations.iter().map(|operation| operation.perform(text, &mut patch)).collect();
        if let Some(len) = reach {
            patch.reach(text, len);
        }
        replies
    };
    let replies = match call.keyspace.string(key)? {
        Some(value) => value.with_text(compute),
        None => compute(&[]),
    };
    let mut changed = false;
    for (offset, run) in patch.into_runs() {
        call.keyspace.splice_string(key, offset, &run)?;
        changed = true;
    }
    if changed {
        call.keyspace.notify(Events::STRING, "setbit", key);
    }
    call.reply.array(replies.len());
    for reply in replies {
        match reply {
            Some(number) => call.reply.int(number),
            None => call.reply.null(),
        }
    }
    Ok(())
}
