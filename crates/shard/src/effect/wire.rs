//! How effects are written: byte strings with their length, integers as LEB128.

#[inline]
pub(crate) fn put_uint(out: &mut Vec<u8>, value: u64) {
    // Nearly all lengths.
    if value < 0x80 {
        out.push(value as u8);
    } else {
        put_large_uint(out, value);
    }
}

fn put_large_uint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn take_uint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return None;
        }
        value |= part << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take_uint(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(bytes)
}

/// Milliseconds since the epoch, or never.
#[inline]
pub(crate) fn put_expiry(out: &mut Vec<u8>, expiry: Option<i64>) {
    match expiry {
        None => out.push(0),
        Some(at) => {
            out.push(1);
            put_int(out, at);
        }
    }
}

pub(crate) fn take_expiry(rest: &mut &[u8]) -> Option<Option<i64>> {
    let (&present, after) = rest.split_first()?;
    *rest = after;
    match present {
        0 => Some(None),
        1 => take_int(rest).map(Some),
        _ => None,
    }
}

/// A signed integer, zigzag.
pub(crate) fn put_int(out: &mut Vec<u8>, value: i64) {
    put_uint(out, (value.wrapping_shl(1) ^ (value >> 63)) as u64);
}

pub(crate) fn take_int(rest: &mut &[u8]) -> Option<i64> {
    let zigzag = take_uint(rest)?;
    Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
}

/// A double, eight bytes.
pub(super) fn put_double(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn take_double(rest: &mut &[u8]) -> Option<f64> {
    let (bytes, after) = rest.split_first_chunk::<8>()?;
    *rest = after;
    Some(f64::from_le_bytes(*bytes))
}
