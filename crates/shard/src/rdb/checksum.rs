//! The checksum of Redis's format: CRC-64 with the polynomial of Jones.

use crc::{CRC_64_REDIS, Crc, Digest, Table};

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// The checksum of some bytes.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    CRC.checksum(bytes)
}

/// A checksum that grows with the bytes.
pub(super) type Checksum = Digest<'static, u64, Table<16>>;

/// That of no bytes.
pub(super) fn growing() -> Checksum {
    CRC.digest()
}
