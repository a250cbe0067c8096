//! Keeps the frame of a script that ends in `return redis.call(…)`, so that an error in there knows
//! its line.
//!
//! Lua replaces the frame of a function that ends in `return f(…)` by that of `f`. PUC Lua, and so
//! Redis, does that for Lua functions alone and keeps the frame when `f` is one of C; LuaJIT always
//! replaces it. Scripts end in `return redis.call(…)` more often than in anything else, and their
//! errors would lose line and position.
//!
//! In parentheses, `return (f(…))`, a call is no tail call. It gives one value then; but of what a
//! *script* returns only the first value counts, so that for the main chunk the two mean the same.
//! Other functions are left as they are. The parentheses stand on the lines of what they enclose.
//!
//! # Invariants
//! - I1. What this does not understand it leaves as it is: then a line is wrong, and nothing else.

use std::ops::Range;

/// The script with its own calls in `return` in parentheses; `None` when there is nothing to change.
pub(super) fn keep_frames(script: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(script.len() + 16);
    let mut copied = 0;
    for expression in returned(script)? {
        out.extend_from_slice(&script[copied..expression.start]);
        out.push(b'(');
        out.extend_from_slice(&script[expression.clone()]);
        out.push(b')');
        copied = expression.end;
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(&script[copied..]);
    Some(out)
}

/// Where the main chunk returns one expression that ends in a call, in order. `None` when the script
/// is not understood.
fn returned(script: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut found = Vec::new();
    // What is open: true for a function.
    let mut blocks: Vec<bool> = Vec::new();
    let mut tokens = Tokens { script, at: 0 };
    while let Some(token) = tokens.next()? {
        match &script[token] {
            b"function" => blocks.push(true),
            b"do" | b"then" | b"repeat" => blocks.push(false),
            b"elseif" | b"end" | b"until" => drop(blocks.pop()?),
            b"return" if !blocks.contains(&true) => {
                let returned = read_returned(&mut tokens)?;
                found.extend(returned.call);
                match returned.closer.map(|closer| &script[closer]) {
                    Some(b"elseif" | b"end" | b"until") => drop(blocks.pop()?),
                    Some(b"else" | b";") | None => {}
                    Some(_) => return None,
                }
            }
            _ => {}
        }
    }
    blocks.is_empty().then_some(found)
}

/// What a `return` is followed by.
struct Returned {
    /// The expression, when it is the only one and ends as a call does.
    call: Option<Range<usize>>,
    /// The token that ends it; `None` at the end of the script.
    closer: Option<Range<usize>>,
}

/// Reads what is returned, up to and with the token that ends it.
fn read_returned(tokens: &mut Tokens<'_>) -> Option<Returned> {
    let script = tokens.script;
    let mut whole: Option<Range<usize>> = None;
    let (mut depth, mut functions, mut several, mut is_call) = (0usize, Vec::new(), false, false);
    loop {
        let Some(token) = tokens.next()? else {
            return Some(Returned { call: whole.filter(|_| is_call), closer: None });
        };
        let text = &script[token.clone()];
        if functions.is_empty() && depth == 0 {
            if matches!(text, b"end" | b"else" | b"elseif" | b"until" | b";") {
                return Some(Returned { call: whole.filter(|_| is_call), closer: Some(token) });
            }
            several |= text == b",";
        }
        match text {
            b"(" | b"{" | b"[" => depth += 1,
            b")" | b"}" | b"]" => depth = depth.checked_sub(1)?,
            b"function" | b"do" | b"then" | b"repeat" => functions.push(()),
            b"elseif" | b"end" | b"until" => functions.pop()?,
            _ => {}
        }
        // `f(…)`, `f{…}` and `f"…"`; what else ends like that is not harmed by parentheses.
        is_call = matches!(text, b")" | b"}") || text.starts_with(b"\"") || text.starts_with(b"'");
        is_call &= !several;
        whole = Some(whole.map_or(token.start, |whole| whole.start)..token.end);
    }
}

/// The tokens of a script, comments left out.
struct Tokens<'a> {
    script: &'a [u8],
    at: usize,
}

impl Tokens<'_> {
    /// The next token; `Some(None)` at the end, `None` when the text is not understood.
    fn next(&mut self) -> Option<Option<Range<usize>>> {
        loop {
            let rest = &self.script[self.at..];
            let Some(&first) = rest.first() else { return Some(None) };
            let start = self.at;
            match first {
                b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => self.at += 1,
                b'-' if rest.starts_with(b"--") => {
                    self.at += 2;
                    if !self.long_bracket()? {
                        let line = self.script[self.at..].iter().position(|&byte| byte == b'\n');
                        self.at = line.map_or(self.script.len(), |line| self.at + line);
                    }
                }
                b'"' | b'\'' => {
                    self.quoted(first)?;
                    return Some(Some(start..self.at));
                }
                b'[' => {
                    if !self.long_bracket()? {
                        self.at += 1;
                    }
                    return Some(Some(start..self.at));
                }
                _ if is_word(first) => {
                    let len =
                        rest.iter().take_while(|&&byte| is_word(byte) || byte == b'.').count();
                    // A number may have dots; a name ends at the first.
                    let dot = rest[..len].iter().position(|&byte| byte == b'.');
                    let len = if first.is_ascii_digit() { len } else { dot.unwrap_or(len) };
                    self.at += len;
                    return Some(Some(start..self.at));
                }
                _ => {
                    self.at += 1;
                    return Some(Some(start..self.at));
                }
            }
        }
    }

    /// Passes a long bracket `[[…]]`, `[=[…]=]`, if there is one.
    fn long_bracket(&mut self) -> Option<bool> {
        let rest = &self.script[self.at..];
        let level = rest.iter().skip(1).take_while(|&&byte| byte == b'=').count();
        if rest.first() != Some(&b'[') || rest.get(level + 1) != Some(&b'[') {
            return Some(false);
        }
        let closer = [&b"]"[..], &vec![b'='; level], b"]"].concat();
        let end = rest.windows(closer.len()).position(|window| window == closer)?;
        self.at += end + closer.len();
        Some(true)
    }

    /// Passes a string in quotes.
    fn quoted(&mut self, quote: u8) -> Option<()> {
        self.at += 1;
        loop {
            match *self.script.get(self.at)? {
                b'\\' => self.at += 2,
                byte => {
                    self.at += 1;
                    if byte == quote {
                        return Some(());
                    }
                }
            }
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(script: &str, expected: &str) {
        let kept = keep_frames(script.as_bytes());
        let kept = kept.map_or(script.to_owned(), |kept| String::from_utf8(kept).unwrap());
        assert_eq!(kept, expected);
    }

    #[test]
    fn calls_that_the_script_returns_are_put_in_parentheses() {
        check("return redis.call('get', KEYS[1])", "return (redis.call('get', KEYS[1]))");
        check("return f'x'", "return (f'x')");
        check("return f{1} -- so", "return (f{1}) -- so");
        check(
            "if a then return f() elseif b then return g(1) else return h() end return 1",
            "if a then return (f()) elseif b then return (g(1)) else return (h()) end return 1",
        );
        check("repeat return f() until x", "repeat return (f()) until x");
        check("do return f(); end", "do return (f()); end");
        check("for i = 1, 2 do return f(i)\nend", "for i = 1, 2 do return (f(i))\nend");
        check("while a do return a\n.b\n:c() end", "while a do return (a\n.b\n:c()) end");
        check("return f(function() return g() end)", "return (f(function() return g() end))");
    }

    #[test]
    fn everything_else_is_left_as_it_is() {
        for script in [
            "return",
            "return 1",
            "return a, f()",
            "return f(), 1",
            "return a .. b",
            "local function f() return g() end return f",
            "return function() return f() end",
            "-- return f()",
            "local s = [[ return f() ]] return s",
            "local s = 'return f()' return #s",
            "return [==[ ]] f() ]==]",
            "x = 'unclosed",
            "return f())",
            "end return f()",
        ] {
            check(script, script);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(
            words in proptest::collection::vec(
                prop_oneof![
                    Just("return "), Just("function "), Just("end "), Just("f("), Just(")"),
                    Just("if "), Just("then "), Just("'"), Just("\\"), Just("[["), Just("]"),
                    Just("--"), Just("\n"), Just("{"), Just("}"), Just(","), Just("1.2"),
                ],
                0..30,
            )
        ) {
            let _ = keep_frames(words.concat().as_bytes());
        }
    }
}
