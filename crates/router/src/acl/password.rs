//! Passwords: what is kept of them, and how they are compared.

use sha2::Sha256;
use sha2::digest::Digest as _;
use subtle::ConstantTimeEq;

/// The SHA-256 of a password. Passwords themselves are not kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(..)")
    }
}

impl Digest {
    /// The digest of a password.
    pub fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    /// A digest as rules write it: 64 hexadecimal digits in lower case.
    pub fn parse(hex: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = hex.as_chunks::<2>();
        let mut digest = [0; 32];
        if pairs.len() != digest.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
            *byte = digit(*high)? * 16 + digit(*low)?;
        }
        Some(Self(digest))
    }

    /// As rules write it.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it is the same, in the same time whichever it is.
    pub fn equals(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_and_read() {
        let digest = Digest::of(b"p");
        let hex = "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940";
        assert_eq!(digest.hex(), hex);
        assert!(Digest::parse(hex.as_bytes()).unwrap().equals(&digest));
        assert!(!Digest::of(b"q").equals(&digest));
        for wrong in [&hex[1..], &hex.to_uppercase(), &format!("{hex}00"), ""] {
            assert_eq!(Digest::parse(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(format!("{digest:?}"), "Digest(..)");
    }
}
