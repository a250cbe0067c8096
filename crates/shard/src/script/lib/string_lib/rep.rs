//! `string.rep`.

use std::ffi::c_int;

use super::BLOCK;
use crate::script::host::Host;
use crate::script::lib::arguments::Arguments;
use crate::script::lib::{Watch, watched};
use crate::script::raw::{Raise, Stack};

/// `string.rep(text, count)`.
pub(super) fn rep(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "rep");
    let mut out = host.libraries.take_buffer();
    let result = arguments.with_text(1, |text| {
        let count = arguments.int(2)?;
        repeat(&mut out, text, usize::try_from(count).unwrap_or(0), &Watch::new(host))
    });
    if result.is_ok() {
        stack.push_bytes(&out);
    }
    host.libraries.put_buffer(out);
    watched(host, stack, result).map(|()| 1)
}

fn repeat(out: &mut Vec<u8>, text: &[u8], count: usize, watch: &Watch<'_>) -> Result<(), Raise> {
    let len = text.len().saturating_mul(count);
    watch.fits(len)?;
    if len == 0 {
        return Ok(());
    }
    out.reserve(len);
    out.extend_from_slice(text);
    while out.len() < len {
        // What is there is a whole number of copies, and so is each block but the last.
        let block =
            if out.len() < BLOCK { out.len() } else { (BLOCK / text.len()).max(1) * text.len() };
        out.extend_from_within(..block.min(len - out.len()));
        if block >= BLOCK / 2 {
            watch.look()?;
        }
    }
    Ok(())
}
