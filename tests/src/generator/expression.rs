//! Values, and what is computed from them.

use super::{Generator, Kind};

/// Texts without quotes and backslashes, and some that are numbers.
const TEXTS: &[&str] = &[
    "''",
    "'abc'",
    "'Hello World'",
    "'12'",
    "'-3'",
    "'3.5'",
    "' 7 '",
    "'0x10'",
    "'1e2'",
    "'a b'",
    "'x1'",
    "'\\0bin\\255'",
    "('long '):rep(9)",
    "'nan'",
    "'{t}text'",
    "'ERR x'",
    "\"it's\"",
    "[[raw]]",
    "'tab\\t'",
    "'9007199254740993'",
];

/// Numbers whose text is the same for every printer.
const NUMBERS: &[&str] = &[
    "1", "2", "3", "-1", "7", "10", "100", "-42", "255", "65536", "1e3", "2^31", "-2^31", "2^40",
    "0.5", "1.25", "-2.75", "0x1F", "3.0", "1e15",
];

const INTEGERS: &[&str] =
    &["0", "1", "2", "3", "-1", "5", "10", "41", "100", "-42", "65536", "2^31", "1e3", "1e12"];

impl Generator {
    /// Any value.
    pub(super) fn any(&mut self) -> String {
        match self.random.below(12) {
            0..=2 => self.number(),
            3..=5 => self.text(),
            6 => self.boolean(),
            7 => self.list(),
            8 => "nil".into(),
            9 => self.special_table(),
            _ => self.variable(Kind::Any).unwrap_or_else(|| self.text()),
        }
    }

    /// A number; it may be infinite or not a number.
    pub(super) fn number(&mut self) -> String {
        if self.depth == 0 || self.random.one_in(3) {
            return match self.variable(Kind::Number) {
                Some(name) if self.random.one_in(2) => name,
                _ => self.random.pick(NUMBERS).into(),
            };
        }
        self.inside(|me| match me.random.below(12) {
            0..=4 => {
                let op = me.random.pick(&["+", "-", "*", "/", "%"]);
                let (a, b) = (me.number(), me.number());
                // No negative zero: remainders have it or not, and PUC Lua's compiler takes one that it
                // computes for the zero that it has met before.
                let end = if matches!(op, "*" | "/" | "%") { " + 0" } else { "" };
                format!("({a} {op} {b}{end})")
            }
            5 => format!("(0 - {})", me.number()),
            6 => format!("#{}", me.text_operand()),
            7 => {
                let text = me.random.pick(&["'12'", "'3.5'", "' 7 '", "'0x10'", "'1e2'", "'-3'"]);
                format!("(tonumber({text}) + {})", me.number())
            }
            8 => {
                let text = me.random.pick(&["'12'", "'0x10'", "' 7 '"]);
                format!("({text} * {} + 0)", me.number())
            }
            9 => format!("({} ^ {})", me.number(), me.random.below(3)),
            _ => me.library_number(),
        })
    }

    /// A whole number that is safe to hand to a command.
    pub(super) fn integer(&mut self) -> String {
        if self.depth == 0 || self.random.one_in(2) {
            return self.random.pick(INTEGERS).into();
        }
        self.inside(|me| match me.random.below(4) {
            0 => format!("({} + {})", me.integer(), me.integer()),
            1 => format!("({} - {})", me.integer(), me.integer()),
            2 => format!("#{}", me.text_operand()),
            _ => format!("({} * 2 + 0)", me.integer()),
        })
    }

    /// A text in a form that `#` and methods can stand at.
    fn text_operand(&mut self) -> String {
        match self.variable(Kind::Text) {
            Some(name) => name,
            None => format!("({})", self.random.pick(TEXTS)),
        }
    }

    /// A text that is not long.
    pub(super) fn short_text(&mut self) -> String {
        self.random.pick(TEXTS).into()
    }

    pub(super) fn text(&mut self) -> String {
        if self.depth == 0 || self.random.one_in(3) {
            return match self.variable(Kind::Text) {
                Some(name) if self.random.one_in(2) => name,
                _ => self.random.pick(TEXTS).into(),
            };
        }
        self.inside(|me| match me.random.below(9) {
            0 | 1 => format!("({} .. {})", me.text(), me.text()),
            2 => format!("({} .. {})", me.text(), me.integer()),
            // The text of NaN has a sign or not.
            3 => format!("tostring({})", me.integer()),
            4 => format!("tostring({})", me.random.pick(&["nil", "true", "false", "'x'", "1.5"])),
            5 => format!("type({})", me.any()),
            6 => format!("({} and {} or {})", me.boolean(), me.text(), me.text()),
            _ => me.library_text(),
        })
    }

    /// A value whose text is known: no table, no function.
    fn plain(&mut self) -> String {
        match self.random.below(4) {
            0 => self.boolean(),
            1 => self.text(),
            2 => "nil".into(),
            _ => self.number(),
        }
    }

    pub(super) fn boolean(&mut self) -> String {
        if self.depth == 0 || self.random.one_in(3) {
            return match self.variable(Kind::Boolean) {
                Some(name) if self.random.one_in(2) => name,
                _ => self.random.pick(&["true", "false"]).into(),
            };
        }
        self.inside(|me| match me.random.below(7) {
            0 | 1 => {
                let op = me.random.pick(&["<", ">", "<=", ">=", "==", "~="]);
                format!("({} {op} {})", me.number(), me.number())
            }
            2 => {
                let op = me.random.pick(&["<", ">", "<=", ">=", "==", "~="]);
                format!("({} {op} {})", me.text(), me.text())
            }
            3 => format!("(not {})", me.any()),
            4 => format!("({} == {})", me.any(), me.any()),
            5 => format!("({} and {})", me.boolean(), me.boolean()),
            _ => format!("rawequal({}, {})", me.plain(), me.plain()),
        })
    }

    pub(super) fn list(&mut self) -> String {
        if self.depth == 0 || self.random.one_in(4) {
            return match self.variable(Kind::List) {
                Some(name) if self.random.one_in(2) => name,
                _ => self.random.pick(&["{}", "{1, 2, 3}", "{'a', 'b'}", "{unpack(ARGV)}"]).into(),
            };
        }
        self.inside(|me| match me.random.below(4) {
            0 => format!("{{unpack({})}}", me.list()),
            1 => format!("{{{}, {}}}", me.list(), me.plain_but_nil()),
            _ => {
                let count = me.random.below(4);
                let items: Vec<String> = (0..count).map(|_| me.plain_but_nil()).collect();
                format!("{{{}}}", items.join(", "))
            }
        })
    }

    /// A list whose items can be compared with each other.
    pub(super) fn sortable(&mut self) -> String {
        let count = self.random.below(6);
        let texts = self.random.one_in(2);
        let items: Vec<String> =
            (0..count).map(|_| if texts { self.text() } else { self.integer() }).collect();
        format!("{{{}}}", items.join(", "))
    }

    pub(super) fn plain_but_nil(&mut self) -> String {
        match self.random.below(4) {
            0 => self.boolean(),
            1 => self.text(),
            _ => self.number(),
        }
    }

    /// Tables that mean something as a reply.
    pub(super) fn special_table(&mut self) -> String {
        match self.random.below(14) {
            0 => format!("{{ok = {}}}", self.reply_text()),
            1 => format!("{{err = {}}}", self.reply_text()),
            2 => format!("{{double = {}}}", self.random.pick(&["1.5", "-2", "0", "0.25", "1e3"])),
            3 => format!("{{map = {{{} = {}}}}}", self.random.pick(&["a", "b"]), self.any()),
            4 => format!("{{set = {{{} = true}}}}", self.random.pick(&["a", "b"])),
            5 => format!("{{big_number = {}}}", self.random.pick(&["'123'", "'x'", "5"])),
            6 => "{verbatim_string = {format = 'txt', string = 'hi'}}".into(),
            7 => format!("{{{}, nil, {}}}", self.plain(), self.plain()),
            8 => format!("redis.error_reply({})", self.reply_text()),
            9 => format!("redis.status_reply({})", self.reply_text()),
            10 => "setmetatable({1, 2}, {__index = function(_, k) return k end})".into(),
            11 => format!("{{{} = {}}}", self.random.pick(&["a", "[2]", "[1]"]), self.plain()),
            12 => "cjson.null".into(),
            _ => format!("{{ok = {}, {}}}", self.plain(), self.plain()),
        }
    }

    /// A text without line breaks, for statuses and errors.
    pub(super) fn reply_text(&mut self) -> String {
        let texts = [
            "'OK'",
            "'FINE then'",
            "'MY code'",
            "'ERR words'",
            "'-X y'",
            "'word'",
            "''",
            "'a  b'",
            "'c\\0d'",
        ];
        self.random.pick(&texts).into()
    }
}
