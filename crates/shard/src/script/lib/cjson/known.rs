//! Short strings that a text has had already, kept at hand.
//!
//! The same names come again and again in JSON. Lua keeps one string object of each text, which it
//! finds by hashing and comparing; here the strings of up to 15 bytes are found by two words. They
//! lie at the bottom of the stack while the text is decoded, where the collector sees them.

use crate::script::raw::Stack;

/// How many strings are kept: of those that fall on one place, the last.
const KEPT: usize = 16;
const _: () = assert!(KEPT.is_power_of_two());

/// Texts that are shorter gain nothing.
const TEXT_MIN: usize = 96;

/// Where more nest than this, what lies on the stack might be what makes it overflow.
const DEPTH_MAX: usize = 2000;

/// See the module.
pub(super) struct Known {
    /// The bytes of the strings, with zeros behind: no string here has any. All zeros: there is
    /// none.
    words: [[u64; 2]; KEPT],
    /// The place of the first.
    bottom: usize,
}

impl Known {
    /// Makes room for strings on the stack, if a text of `len` bytes is worth it.
    #[inline]
    pub(super) fn new(stack: Stack, len: usize, depth_max: usize) -> Option<Self> {
        if len < TEXT_MIN || depth_max > DEPTH_MAX || !stack.can_look() || !stack.ensure(KEPT + 1) {
            return None;
        }
        let top = stack.top();
        stack.set_top(top + KEPT as i32);
        Some(Self { words: [[0; 2]; KEPT], bottom: top as usize + 1 })
    }

    /// Pushes the string of these bytes, with zeros behind, of which the first `len` count.
    #[inline]
    pub(super) fn push(&mut self, stack: Stack, words: [u64; 2], len: usize) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = (words[0] ^ words[1].rotate_left(29)).wrapping_mul(ODD);
        let at = (mixed >> (u64::BITS - KEPT.trailing_zeros())) as usize;
        if self.words[at] == words && len > 0 {
            stack.push_copy(self.bottom + at);
        } else {
            self.push_new(stack, words, len, at);
        }
    }

    #[inline(never)]
    fn push_new(&mut self, stack: Stack, words: [u64; 2], len: usize, at: usize) {
        let bytes = words.map(u64::to_le_bytes);
        stack.push_bytes(&bytes.as_flattened()[..len]);
        self.words[at] = words;
        stack.copy_top(self.bottom + at);
    }
}
