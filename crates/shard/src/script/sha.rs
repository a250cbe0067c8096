//! SHA-1 of a script's text: its name in the cache.

use sha1::{Digest, Sha1};

/// The SHA-1 of a script's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha([u8; 20]);

impl Sha {
    /// The SHA-1 of `text`.
    pub fn of(text: &[u8]) -> Self {
        Self(Sha1::digest(text).into())
    }

    /// The same for a text that may be long: between two pieces of it asks whether to go on.
    pub(super) fn of_long<E>(
        text: &[u8],
        mut go_on: impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        const PIECE: usize = 1 << 20;
        let mut digest = Sha1::new();
        for piece in text.chunks(PIECE) {
            go_on()?;
            digest.update(piece);
        }
        Ok(Self(digest.finalize().into()))
    }

    /// Reads 40 hexadecimal digits of any case.
    #[inline]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digits: &[u8; 40] = text.try_into().ok()?;
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            let (high, low) = (HEX[usize::from(pair[0])], HEX[usize::from(pair[1])]);
            if high | low == 0xff {
                return None;
            }
            *byte = high << 4 | low;
        }
        Some(Self(bytes))
    }

    /// 40 lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
    }
}

fn digit(value: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(value & 15)])
}

/// The value of each hexadecimal digit; 0xff for what is none.
static HEX: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(Sha::of(b"").hex(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(Sha::of(b"return 1").hex(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        let upper = Sha::of(b"return 1").hex().to_uppercase();
        assert_eq!(Sha::parse(upper.as_bytes()), Some(Sha::of(b"return 1")));
        assert_eq!(Sha::parse(b"xyz"), None);
        assert_eq!(Sha::parse(&[b'g'; 40]), None);
    }
}
