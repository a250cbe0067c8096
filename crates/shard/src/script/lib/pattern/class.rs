//! Classes (`%a`) and sets (`[a-z%d]`) of bytes.

/// Kinds of bytes that classes ask for.
const ALPHA: u16 = 1 << 0;
const CONTROL: u16 = 1 << 1;
const DIGIT: u16 = 1 << 2;
const LOWER: u16 = 1 << 3;
const PUNCTUATION: u16 = 1 << 4;
const SPACE: u16 = 1 << 5;
const UPPER: u16 = 1 << 6;
const ALPHANUMERIC: u16 = 1 << 7;
const HEXADECIMAL: u16 = 1 << 8;
const ZERO: u16 = 1 << 9;

/// The kinds of each byte, as the C locale has them.
static KINDS: [u16; 256] = kinds_of_all();

const fn kinds_of_all() -> [u16; 256] {
    let mut kinds = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        kinds[at] = if_is(byte.is_ascii_alphabetic(), ALPHA)
            | if_is(byte.is_ascii_control(), CONTROL)
            | if_is(byte.is_ascii_digit(), DIGIT)
            | if_is(byte.is_ascii_lowercase(), LOWER)
            | if_is(byte.is_ascii_punctuation(), PUNCTUATION)
            | if_is(byte == b' ' || (9 <= byte && byte <= 13), SPACE)
            | if_is(byte.is_ascii_uppercase(), UPPER)
            | if_is(byte.is_ascii_alphanumeric(), ALPHANUMERIC)
            | if_is(byte.is_ascii_hexdigit(), HEXADECIMAL)
            | if_is(byte == 0, ZERO);
        at += 1;
    }
    kinds
}

const fn if_is(yes: bool, kind: u16) -> u16 {
    if yes { kind } else { 0 }
}

/// The class that each letter stands for after a `%`: a kind, perhaps with [`INVERTED`]; 0 where it
/// stands for itself.
static CLASSES: [u16; 256] = classes();

/// All bytes that are not of the kind.
const INVERTED: u16 = 1 << 15;

const fn classes() -> [u16; 256] {
    let letters = *b"acdlpsuwxz";
    let kinds =
        [ALPHA, CONTROL, DIGIT, LOWER, PUNCTUATION, SPACE, UPPER, ALPHANUMERIC, HEXADECIMAL, ZERO];
    let mut classes = [0; 256];
    let mut at = 0;
    while at < letters.len() {
        classes[letters[at] as usize] = kinds[at];
        classes[letters[at].to_ascii_uppercase() as usize] = kinds[at] | INVERTED;
        at += 1;
    }
    classes
}

/// What `%` and a letter match.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    class: u16,
    letter: u8,
}

impl Class {
    #[inline]
    pub(super) fn of(letter: u8) -> Self {
        Self { class: CLASSES[usize::from(letter)], letter }
    }

    #[inline]
    pub(super) fn has(self, byte: u8) -> bool {
        if self.class == 0 {
            return byte == self.letter;
        }
        (KINDS[usize::from(byte)] & self.class != 0) != (self.class & INVERTED != 0)
    }
}

/// A set as the pattern has it: from after the `[` (and `^`) on, the closing `]` included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Set<'p> {
    text: &'p [u8],
    inverted: bool,
}

/// A part of a set.
#[derive(Debug, Clone, Copy)]
pub(super) enum Element {
    Class(Class),
    /// From the first to the last byte; none when they are the wrong way round.
    Range(u8, u8),
}

impl<'p> Set<'p> {
    /// The set with this text, brackets included.
    #[inline]
    pub(super) fn new(text: &'p [u8]) -> Self {
        match text {
            [_, b'^', text @ ..] => Self { text, inverted: true },
            [_, text @ ..] => Self { text, inverted: false },
            [] => Self { text, inverted: false },
        }
    }

    #[inline]
    pub(super) fn has(self, byte: u8) -> bool {
        self.elements().any(|element| element.has(byte)) != self.inverted
    }

    /// Whether it is of the bytes that it does not name.
    pub(super) fn is_inverted(self) -> bool {
        self.inverted
    }

    #[inline]
    pub(super) fn elements(self) -> Elements<'p> {
        Elements { rest: self.text }
    }
}

impl Element {
    #[inline]
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Class(class) => class.has(byte),
            Self::Range(first, last) => first <= byte && byte <= last,
        }
    }
}

/// The parts of a set, one after the other.
pub(super) struct Elements<'p> {
    /// The closing `]` is its last byte, unless that has been read after a `%`.
    rest: &'p [u8],
}

impl Iterator for Elements<'_> {
    type Item = Element;

    #[inline]
    fn next(&mut self) -> Option<Element> {
        let (element, rest) = match self.rest {
            [] | [_] => return None,
            [b'%', letter, rest @ ..] => (Element::Class(Class::of(*letter)), rest),
            [first, b'-', last, rest @ ..] if !rest.is_empty() => {
                (Element::Range(*first, *last), rest)
            }
            [byte, rest @ ..] => (Element::Range(*byte, *byte), rest),
        };
        self.rest = rest;
        Some(element)
    }
}

/// A set of bytes with a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table([u64; 4]);

impl Table {
    /// A table for a set: nothing yet.
    pub(super) fn new() -> Self {
        Self([0; 4])
    }

    pub(super) fn add(&mut self, element: Element) {
        match element {
            Element::Class(class) => {
                (0..=255).filter(|&byte| class.has(byte)).for_each(|byte| self.set(byte));
            }
            Element::Range(first, last) => (first..=last).for_each(|byte| self.set(byte)),
        }
    }

    fn set(&mut self, byte: u8) {
        self.0[usize::from(byte / 64)] |= 1 << (byte % 64);
    }

    /// The table of a set all of whose elements have been added.
    pub(super) fn complete(self, set: Set<'_>) -> Self {
        if set.inverted { Self(self.0.map(|word| !word)) } else { self }
    }

    #[inline]
    pub(super) fn has(self, byte: u8) -> bool {
        self.0[usize::from(byte / 64)] & (1 << (byte % 64)) != 0
    }
}
