//! What the sandbox needs of the host, which scripts do not see, and `redis.sha1hex`.

use std::ffi::c_int;

use super::arguments::Arguments;
use super::number::{to_i64, write_g};
use super::{Library, Watch, raise, watched};
use crate::script::host::Host;
use crate::script::raw::{Kind, Raise, Stack};
use crate::script::sha::Sha;
use crate::script::sink::push_error;

pub(super) const LIBRARY: Library =
    Library { name: "sandbox", functions: &[("concat", concat), ("is_deep", is_deep)], texts: &[] };

/// Most bytes of the thread's stack that may be in use when a coroutine is resumed from within another
/// one: some thousand of them, where Lua 5.1 allows 200. What each can take by itself, for nested calls
/// of C functions, comes on top of it: LuaJIT bounds that to some 2 MiB by the size of Lua stacks.
const NESTED_MAX: usize = 128 << 10;

/// Where the thread's stack has grown to: an address to compare with others.
#[inline(never)]
pub(in crate::script) fn stack_place() -> usize {
    let here = 0_u8;
    std::hint::black_box(&raw const here).addr()
}

/// Whether the script that runs has used so much of the thread's stack that it must not resume one more
/// coroutine from within another.
fn is_deep(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    stack.push_boolean(host.run.stack_base.saturating_sub(stack_place()) > NESTED_MAX);
    Ok(1)
}

/// `redis.sha1hex(text)`.
pub(in crate::script) fn sha1hex(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    if stack.top() != 1 {
        push_error(stack, b"ERR wrong number of arguments", false);
        return Err(Raise::Top);
    }
    let watch = Watch::new(host);
    let sha = match stack.kind(1) {
        Kind::String => stack.with_bytes(1, |text| Sha::of_long(text, || watch.look())),
        _ => None,
    };
    let sha = sha.unwrap_or_else(|| Ok(Sha::of(&stack.text(1).unwrap_or_default())));
    let sha = watched(host, stack, sha)?;
    stack.push_bytes(sha.hex().as_bytes());
    Ok(1)
}

/// `table.concat` for many items: can be stopped. The positions are numbers already.
fn concat(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "concat");
    let separator = match arguments.kind(2) {
        Kind::Nil => Vec::new(),
        _ => arguments.with_text(2, |text| Ok(text.to_vec()))?,
    };
    let range = to_i64(stack.number(3))..=to_i64(stack.number(4));
    let mut out = host.libraries.take_buffer();
    let joined = join(&mut out, stack, &separator, range, Watch::new(host));
    if joined.is_ok() {
        stack.push_bytes(&out);
    }
    host.libraries.put_buffer(out);
    watched(host, stack, joined).map(|()| 1)
}

fn join(
    out: &mut Vec<u8>,
    stack: Stack,
    separator: &[u8],
    range: std::ops::RangeInclusive<i64>,
    mut watch: Watch<'_>,
) -> Result<(), Raise> {
    let last = *range.end();
    for at in range {
        watch.tick(out.len())?;
        stack.raw_get_index(1, at as usize);
        if stack.kind(-1) == Kind::Number {
            write_g(out, stack.number(-1), 14);
        } else {
            let fits = stack.with_bytes(-1, |text| {
                watch.fits(out.len() + text.len())?;
                out.extend_from_slice(text);
                Ok(())
            });
            fits.unwrap_or_else(|| {
                let kind = stack.kind_name(-1);
                Err(raise(format!("invalid value ({kind}) at index {at} in table for 'concat'")))
            })?;
        }
        stack.pop(1);
        if at < last {
            watch.fits(out.len() + separator.len())?;
            out.extend_from_slice(separator);
        }
    }
    watch.fits(out.len())
}
