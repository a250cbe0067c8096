//! The conditions IFEQ, IFNE, IFDEQ and IFDNE of SET and DELEX: what the string at the key must be,
//! or what its digest must be.
//!
//! Not a command. A digest is the XXH3 hash of 64 bits, as 16 hexadecimal digits.

use protocol::args::Args;
use protocol::error::ArgsError;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::CommandError;
use crate::types::string::StringView;

/// The digest of a string.
pub(super) fn digest(value: StringView<'_>) -> [u8; 16] {
    let mut text = [0; 16];
    let hash = value.with_text(xxh3_64);
    for (at, digit) in text.iter_mut().enumerate() {
        let nibble = (hash >> (60 - 4 * at)) as usize & 15;
        *digit = b"0123456789abcdef"[nibble];
    }
    text
}

/// What is compared, and with what.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    Text(&'a [u8]),
    /// Hexadecimal digits in any case.
    Digest(&'a [u8]),
}

/// A condition on the string at a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comparison<'a> {
    wanted: Wanted<'a>,
    /// Whether it must be equal, or must not.
    equal: bool,
}

impl<'a> Comparison<'a> {
    /// The condition whose name is part `at` and whose operand is the part after it; `None` when
    /// part `at` is no such name.
    pub(super) fn read(args: Args<'a>, at: usize) -> Result<Option<Self>, CommandError> {
        const NAMES: [(&str, bool, bool); 4] = [
            ("IFEQ", false, true),
            ("IFNE", false, false),
            ("IFDEQ", true, true),
            ("IFDNE", true, false),
        ];
        let Some((_, of_digest, equal)) = NAMES.iter().find(|(name, ..)| args.is(at, name)) else {
            return Ok(None);
        };
        let operand = args.get(at + 1).ok_or(ArgsError::Syntax)?;
        let wanted = match of_digest {
            false => Wanted::Text(operand),
            true if operand.len() == 16 => Wanted::Digest(operand),
            true => {
                let text = "ERR must be exactly 16 hexadecimal characters";
                return Err(CommandError::Text(text));
            }
        };
        Ok(Some(Self { wanted, equal: *equal }))
    }

    /// Whether it holds for the string at the key. A missing key differs from everything.
    pub(super) fn holds(self, value: Option<StringView<'_>>) -> bool {
        let same = value.is_some_and(|value| match self.wanted {
            Wanted::Text(wanted) => value.with_text(|text| text == wanted),
            Wanted::Digest(wanted) => digest(value).eq_ignore_ascii_case(wanted),
        });
        same == self.equal
    }
}
