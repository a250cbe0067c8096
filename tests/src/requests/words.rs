//! The arguments that the letters of a pattern stand for: mostly sound, some at the edge, some wrong.

use super::Requests;

/// Keys of each type. They are of one slot. Those of `lex` are for ranges of members alone, so that
/// all scores stay the same: what such a range is when they are not, nobody says.
const KEYS: &[(&str, &str)] = &[
    ("number", "{t}num"),
    ("string", "{t}num"),
    ("string", "{t}text"),
    ("string", "{t}bits"),
    ("list", "{t}list"),
    ("set", "{t}set"),
    ("set", "{t}ints"),
    ("hash", "{t}hash"),
    ("zset", "{t}zset"),
    ("lex", "{t}lex"),
    ("lex", "{t}lex"),
    ("lex", "{t}lex"),
    ("lex", "{t}nolex"),
    ("zset", "{t}geo"),
    ("hll", "{t}hll"),
    ("stream", "{t}stream"),
    ("any", "{t}none"),
    ("any", "{t}other"),
];

const INTEGERS: &[&str] = &["0", "1", "2", "3", "-1", "-2", "-3", "5", "10", "100"];

const ODD_INTEGERS: &[&str] = &[
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "4294967296",
    "-0",
    "+1",
    "01",
    " 1",
    "1 ",
    "1.0",
    "1e2",
    "0x1",
    "",
    "x",
];

const FLOATS: &[&str] =
    &["0", "1", "2", "-1", "0.5", "1.5", "-2.25", "3", "10", "13.5", "38.1", "1e3", "100000"];

const ODD_FLOATS: &[&str] = &[
    "inf",
    "-inf",
    "+inf",
    "Infinity",
    "nan",
    "-0",
    "1e308",
    "1e400",
    "-1e308",
    "1e-320",
    "0x1p3",
    "1_0",
    "1e",
    ".5",
    "5.",
    " 1.5",
    "1.5 ",
    "",
    "x",
    "3.0000000000000001",
    "17179869184.25",
    "9223372036854775807",
];

/// Times that are long past, far ahead, or out of range.
const TIMES: &[&str] = &[
    "1",
    "100",
    "99999999999",
    "9999999999999",
    "9223372036854775",
    "9223372036854776",
    "-1",
    "0",
    "9223372036854775807",
    "-9223372036854775808",
    "x",
];

const VALUES: &[&str] = &["hello", "", "1", "-5", "2.5", "a", "long text with blanks", "\u{e9}\0"];

const MEMBERS: &[&str] = &["a", "b", "c", "d", "1", "2", "z", "", "aa"];

const SCORES: &[&str] = &["0", "1", "2", "3", "(1", "(2", "-inf", "+inf", "inf", "(inf", "2.5"];

const ODD_SCORES: &[&str] = &["nan", "((1", "(", "", "x", "[1", "-", "+"];

const BOUNDS: &[&str] = &["-", "+", "[a", "(a", "[c", "(b", "[", "(", "[aa"];

const ODD_BOUNDS: &[&str] = &["a", "", "1", "--", "+a", "-inf"];

const ENTRIES: &[&str] = &["0", "1-1", "2-1", "3-1", "4-1", "5", "7-1", "-", "+", "$", "2", "0-1"];

const ODD_ENTRIES: &[&str] = &[
    "(1-1",
    "(-",
    ">",
    "5-*",
    "0-0",
    "18446744073709551615-18446744073709551615",
    "18446744073709551616",
    "1-1-1",
    "-1",
    "x",
    "",
    "1-",
    "-1-1",
    "01-1",
];

const BITS: &[&str] = &["0", "1", "7", "8", "15", "20", "23", "100", "#0", "#1", "#2"];

const ODD_BITS: &[&str] = &["-1", "4294967296", "4294967295000", "#-1", "#", "x", "", "1.5"];

const TYPES: &[&str] = &["u1", "u8", "i8", "u4", "i16", "u63", "i64", "U8"];

const ODD_TYPES: &[&str] = &["u64", "i65", "i0", "u", "8", "", "u-1", "u08", "x8"];

const GLOBS: &[&str] =
    &["*", "{t}*", "*s*", "{t}[lz]*", "{t}????", "a", "[", "\\", "{t}[^a-m]*", "", "{t}num", "*["];

const OPTIONS: &[&str] = &[
    "NX",
    "XX",
    "GT",
    "LT",
    "CH",
    "INCR",
    "GET",
    "EX",
    "PX",
    "KEEPTTL",
    "LIMIT",
    "COUNT",
    "MATCH",
    "WITHSCORES",
    "WITHSCORE",
    "BYSCORE",
    "BYLEX",
    "REV",
    "ASC",
    "DESC",
    "ANY",
    "WEIGHTS",
    "AGGREGATE",
    "STORE",
    "BY",
    "ALPHA",
    "REPLACE",
    "LEFT",
    "BEFORE",
    "MAXLEN",
    "~",
    "STREAMS",
    "BIT",
    "RANK",
    "ABSTTL",
    "MIN",
];

impl Requests {
    /// Adds what one word of a pattern stands for.
    pub(super) fn word(&mut self, word: &str, out: &mut Vec<String>) {
        let (usual, odd) = match word {
            "k" => return out.push(self.key()),
            "n" => return self.numbered_keys(out),
            "i" => (INTEGERS, ODD_INTEGERS),
            "t" => (TIMES, ODD_INTEGERS),
            "f" => (FLOATS, ODD_FLOATS),
            "v" => (VALUES, MEMBERS),
            "m" => (MEMBERS, VALUES),
            "s" => (SCORES, ODD_SCORES),
            "l" => (BOUNDS, ODD_BOUNDS),
            "x" => (ENTRIES, ODD_ENTRIES),
            "b" => (BITS, ODD_BITS),
            "y" => (TYPES, ODD_TYPES),
            "p" => (GLOBS, VALUES),
            "g" => (&["g", "g", "g", "h"][..], MEMBERS),
            "c" => (&["c", "c", "d"][..], MEMBERS),
            "u" => (&["m", "km", "KM", "ft", "mi"][..], MEMBERS),
            "o" => (OPTIONS, OPTIONS),
            literal => return out.push(self.any_case(literal)),
        };
        let words = if self.random.one_in(6) { odd } else { usual };
        let word = self.random.pick(words);
        let word = if odd == OPTIONS { self.any_case(word) } else { word.to_owned() };
        out.push(word);
    }

    /// A word in capitals, small letters or both; patterns with `{` are keys, and stay.
    pub(super) fn any_case(&mut self, word: &str) -> String {
        if word.contains('{') {
            return word.to_owned();
        }
        match self.random.below(3) {
            0 => word.to_ascii_lowercase(),
            1 => word.to_ascii_uppercase(),
            _ => {
                let mut turned = |letter: char| {
                    if self.random.one_in(2) { letter.to_ascii_uppercase() } else { letter }
                };
                word.to_ascii_lowercase().chars().map(&mut turned).collect()
            }
        }
    }

    fn key(&mut self) -> String {
        let fits = |key: &&(&str, &str)| match self.kind {
            "any" => key.0 != "lex",
            kind => key.0 == kind,
        };
        let of_kind: Vec<&str> = KEYS.iter().filter(fits).map(|key| key.1).collect();
        // What PFCOUNT stores in a HyperLogLog on Redis is for other commands of HyperLogLogs to see.
        let is_string = matches!(self.kind, "string" | "number");
        let is_lex = self.kind == "lex";
        let fits = |key: &&(&str, &str)| match key.0 {
            "hll" => !is_string,
            "lex" => is_lex,
            "zset" | "any" => !is_lex,
            _ => true,
        };
        let all: Vec<&str> = KEYS.iter().filter(fits).map(|key| key.1).collect();
        let keys = if self.random.one_in(4) { all } else { of_kind };
        self.random.pick(&keys).to_owned()
    }

    /// A number of keys, which may be wrong, and keys.
    fn numbered_keys(&mut self, out: &mut Vec<String>) {
        let count = 1 + self.random.below(3);
        if self.random.one_in(8) {
            self.word("i", out);
        } else {
            out.push(count.to_string());
        }
        for _ in 0..count {
            out.push(self.key());
        }
    }
}
