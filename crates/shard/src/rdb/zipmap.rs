//! Zipmaps: what small hashes lay in before Redis 2.6.
//!
//! A byte of how many fields there are (254: nobody has counted), then for each the length of its
//! name and the name, the length of its value, a byte of how much is free behind that, the value and
//! the free bytes; at the end 0xFF. A length is a byte, or 254 and four.

use super::RdbError;

const END: u8 = 0xFF;
const LONG: u8 = 0xFE;

const BROKEN: RdbError = RdbError::Corrupt("a zipmap is broken");

/// A field and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// The fields with their values.
///
/// # Errors
/// It contradicts itself.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Pair<'_>>, RdbError> {
    let Some((&count, mut rest)) = bytes.split_first() else { return Err(BROKEN) };
    let mut pairs = Vec::new();
    loop {
        match rest {
            [END] => break,
            _ => pairs.push(pair(&mut rest).ok_or(BROKEN)?),
        }
    }
    let counted = count >= LONG || usize::from(count) == pairs.len();
    if counted { Ok(pairs) } else { Err(BROKEN) }
}

fn pair<'a>(rest: &mut &'a [u8]) -> Option<Pair<'a>> {
    let name_len = len(rest)?;
    let name = rest.split_off(..name_len)?;
    let value_len = len(rest)?;
    let free = *rest.split_off_first()?;
    let value = rest.split_off(..value_len)?;
    rest.split_off(..usize::from(free))?;
    Some((name, value))
}

fn len(rest: &mut &[u8]) -> Option<usize> {
    match *rest.split_off_first()? {
        END => None,
        LONG => {
            let (bytes, after) = rest.split_first_chunk()?;
            *rest = after;
            let len = u32::from_le_bytes(*bytes);
            // A length that fits a byte is in one.
            (len >= LONG.into()).then_some(len as usize)
        }
        len => Some(len.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_read() {
        let map = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world..\xff";
        let pairs: Vec<(&[u8], &[u8])> = vec![(b"foo", b"bar"), (b"hello", b"world")];
        assert_eq!(read(map).unwrap(), pairs);
        assert!(read(b"\x01\xfe\x01\0\0\0f\x00\x00\xff").is_err());
        let name = [b'x'; 300];
        let long = [&b"\x01\xfe\x2c\x01\0\0"[..], &name, b"\x00\x00\xff"].concat();
        assert_eq!(read(&long).unwrap(), [(&name[..], &b""[..])]);
        for at in 0..map.len() {
            assert!(read(&map[..at]).is_err(), "{at}");
        }
        assert!(read(b"\x03\x01a\x01\x00b\xff").is_err());
        assert_eq!(read(b"\x00\xff").unwrap(), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&bytes);
        }
    }
}
