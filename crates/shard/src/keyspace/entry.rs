//! An entry: one key with its value and its expiry, in one cache line.

use super::value::Value;
use crate::time::Millis;

/// Longest key kept inline, in bytes.
const INLINE_MAX: usize = 18;

/// The key's text. The access clock lives in here because that is where four bytes are left over.
enum Key {
    Inline { access: u32, len: u8, bytes: [u8; INLINE_MAX] },
    Heap { access: u32, bytes: Box<[u8]> },
}

/// One key with its value. See the module.
#[repr(align(64))]
pub(crate) struct Entry {
    key: Key,
    pub(crate) value: Value,
    /// When the key expires; `None` is never.
    expiry: i64,
}

/// An expiry that means never. No clock reaches it.
const NEVER: i64 = i64::MAX;

const _: () = assert!(size_of::<Entry>() == 64);

impl Entry {
    pub(crate) fn new(key: &[u8], value: Value, expiry: Option<Millis>, access: u32) -> Self {
        let key = if key.len() <= INLINE_MAX {
            let mut bytes = [0; INLINE_MAX];
            bytes[..key.len()].copy_from_slice(key);
            Key::Inline { access, len: key.len() as u8, bytes }
        } else {
            Key::Heap { access, bytes: key.into() }
        };
        let mut entry = Self { key, value, expiry: NEVER };
        entry.set_expiry(expiry);
        entry
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        match &self.key {
            Key::Inline { len, bytes, .. } => &bytes[..usize::from(*len)],
            Key::Heap { bytes, .. } => bytes,
        }
    }

    #[inline]
    pub(crate) fn expiry(&self) -> Option<Millis> {
        (self.expiry != NEVER).then_some(Millis(self.expiry))
    }

    pub(crate) fn set_expiry(&mut self, expiry: Option<Millis>) {
        // A time so far ahead that it equals NEVER is kept one millisecond before it.
        self.expiry = expiry.map_or(NEVER, |at| at.0.min(NEVER - 1));
    }

    /// Whether the key is over at `now`. Redis: a key whose time has come exactly is still there.
    #[inline]
    pub(crate) fn expired(&self, now: Millis) -> bool {
        now.0 > self.expiry
    }

    /// When the key was last used, in the keyspace's access clock (seconds).
    pub(crate) fn access(&self) -> u32 {
        match &self.key {
            Key::Inline { access, .. } | Key::Heap { access, .. } => *access,
        }
    }

    #[inline]
    pub(crate) fn set_access(&mut self, clock: u32) {
        match &mut self.key {
            // Written only when it differs, so that reading a hot key does not dirty its line.
            Key::Inline { access, .. } | Key::Heap { access, .. } if *access != clock => {
                *access = clock;
            }
            Key::Inline { .. } | Key::Heap { .. } => {}
        }
    }

    /// Bytes allocated outside of this struct.
    pub(crate) fn memory(&self) -> usize {
        let key = match &self.key {
            Key::Inline { .. } => 0,
            Key::Heap { bytes, .. } => bytes.len(),
        };
        key + self.value.memory()
    }
}
