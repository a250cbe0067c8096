//! Intsets: ascending integers, all as wide as the widest that there has been.
//!
//! Four bytes say how wide (2, 4 or 8), four how many there are; then the integers.

use super::RdbError;

const HEAD: usize = 8;

const BROKEN: RdbError = RdbError::Corrupt("a set of integers is broken");

/// The integers.
///
/// # Errors
/// The length is not what is said, or they do not ascend.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<i64>, RdbError> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>().ok_or(BROKEN)?;
    let [a, b, c, d, e, f, g, h] = *head;
    let width = u32::from_le_bytes([a, b, c, d]) as usize;
    let count = u32::from_le_bytes([e, f, g, h]) as usize;
    if !matches!(width, 2 | 4 | 8) || count.checked_mul(width) != Some(rest.len()) {
        return Err(BROKEN);
    }
    let numbers: Vec<i64> = rest
        .chunks_exact(width)
        .map(|bytes| {
            let mut wide = [0; 8];
            wide[8 - width..].copy_from_slice(bytes);
            i64::from_le_bytes(wide) >> (8 * (8 - width))
        })
        .collect();
    if numbers.is_sorted_by(|one, next| one < next) { Ok(numbers) } else { Err(BROKEN) }
}

/// An intset of ascending integers, so many bytes wide.
pub(super) fn write(width: usize, numbers: impl ExactSizeIterator<Item = i64>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + width * numbers.len());
    bytes.extend_from_slice(&(width as u32).to_le_bytes());
    bytes.extend_from_slice(&(numbers.len() as u32).to_le_bytes());
    for number in numbers {
        bytes.extend_from_slice(&number.to_le_bytes()[..width]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_widths_read_back() {
        for (width, numbers) in [
            (2, vec![-32_768, -1, 0, 7, 32_767]),
            (4, vec![-2_147_483_648, 5, 2_147_483_647]),
            (8, vec![i64::MIN, 0, i64::MAX]),
        ] {
            assert_eq!(read(&write(width, numbers.iter().copied())).unwrap(), numbers);
        }
    }

    #[test]
    fn what_is_broken_is_refused() {
        assert!(read(b"\x02\0\0\0\x01\0\0").is_err());
        assert!(read(b"\x02\0\0\0\x02\0\0\0\x01\0").is_err());
        assert!(read(b"\x03\0\0\0\x01\0\0\0\x01\0\0").is_err());
        assert!(read(&write(2, [2, 1].into_iter())).is_err());
        assert!(read(&write(2, [1, 1].into_iter())).is_err());
        assert!(read(b"\x08\0\0\0\xff\xff\xff\xff").is_err());
    }
}
