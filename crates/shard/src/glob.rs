//! Glob patterns as KEYS, SCAN and PSUBSCRIBE know them: `*`, `?`, `[a-c]`, `[^x]`, `\` escapes.
//!
//! Byte for byte what Redis's `stringmatchlen` answers, its oddities included (below). Redis tries
//! each star against each rest of the text by recursion. Here only the last star is ever moved:
//! whatever an earlier star could give by taking more, the last one can give too. So a pattern of
//! m bytes over a text of n costs O(n * m), however many stars it has.
//!
//! # Oddities kept
//! - A class that is not closed ends with the pattern: `a[bc` is `a[bc]`.
//! - `[]` matches nothing, and a bracket right after `-` ends a range, not the class.
//! - A range may be written backwards, and its bytes compare as signed chars (as on x86).
//! - An escaped byte in a class is compared in its own case even when case is ignored.
//! - An empty text matches `*`, but not `**`.

/// Whether the whole of `text` matches `pattern`; `nocase` ignores the case of ASCII letters.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return matches!(pattern, [] | b"*");
    }
    let (mut pattern, mut text) = (pattern, text);
    // What follows the last star, and the text from where that is to be tried next.
    let mut retry: Option<(&[u8], &[u8])> = None;
    let mut stars = 0;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            if rest.is_empty() {
                return true;
            }
            stars += usize::from(rest.first() != Some(&b'*'));
            if stars > STARS_MAX {
                return false;
            }
            retry = Some((rest, text));
            continue;
        }
        let Some((&byte, text_rest)) = text.split_first() else {
            // Taking more with the last star would leave even less text for the pattern's rest.
            return pattern.is_empty();
        };
        if let Some(pattern_rest) = match_one(pattern, byte, nocase) {
            (pattern, text) = (pattern_rest, text_rest);
            continue;
        }
        let Some((after_star, [_, tail @ ..])) = retry else { return false };
        (pattern, text) = (after_star, tail);
        retry = Some((after_star, tail));
    }
}

/// More stars than this match nothing: Redis bounds its recursion so, and programs can tell.
const STARS_MAX: usize = 1000;

/// Matches one byte with what the pattern begins with, which is no star. Returns the rest of the
/// pattern, or `None` when there is no match.
fn match_one(pattern: &[u8], byte: u8, nocase: bool) -> Option<&[u8]> {
    let (matched, rest) = match pattern {
        [] => (false, pattern),
        [b'?', rest @ ..] => (true, rest),
        [b'[', rest @ ..] => match_class(rest, byte, nocase),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (same(*literal, byte, nocase), rest),
    };
    matched.then_some(rest)
}

/// Matches one byte with a class, whose opening bracket is gone already. Returns whether it
/// matches and what follows the class.
fn match_class(class: &[u8], byte: u8, nocase: bool) -> (bool, &[u8]) {
    let (negated, mut class) = match class {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    loop {
        class = match class {
            [] => break,
            [b'\\', literal, rest @ ..] => {
                found |= *literal == byte;
                rest
            }
            [b']', rest @ ..] => {
                class = rest;
                break;
            }
            [from, b'-', to, rest @ ..] => {
                found |= in_range(*from, *to, byte, nocase);
                rest
            }
            [literal, rest @ ..] => {
                found |= same(*literal, byte, nocase);
                rest
            }
        };
    }
    (found != negated, class)
}

fn in_range(from: u8, to: u8, byte: u8, nocase: bool) -> bool {
    let signed = |byte: u8| byte as i8;
    // Redis: put in order first, then folded to lower case.
    let (low, high) = if signed(from) <= signed(to) { (from, to) } else { (to, from) };
    let fold = |byte: u8| signed(if nocase { byte.to_ascii_lowercase() } else { byte });
    (fold(low)..=fold(high)).contains(&fold(byte))
}

fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || (nocase && a.eq_ignore_ascii_case(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn vectors_of_redis() {
        let vectors = [
            // What the documentation of KEYS says.
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "hllo", true),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hbllo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[a-b]llo", "hcllo", false),
            (r"h\*llo", "h*llo", true),
            (r"h\*llo", "hello", false),
            // Of Redis's own tests, and tried on a server.
            ("foo*", "foo_a", true),
            ("a*b*c*", "abbbcd", true),
            ("a*b*c", "abbbcd", false),
            ("ab**", "ab", true),
            ("", "", true),
            ("*", "", true),
            ("**", "", false),
            ("", "a", false),
            ("a[", "ab", false),
            ("a[^", "ab", true),
            ("a[a-]", "ab", false),
            ("a[a-]", "a_", true),
            ("a[c-a]", "ab", true),
            ("a[b", "ab", true),
            ("a[]b]", "ab", false),
            (r"[\a]b", "ab", true),
            (r"[\]]", "]", true),
            (r"a\", r"a\", true),
            (r"a\", "ab", false),
            ("[^x]", "\u{e9}", false),
            ("[^x][^x]", "\u{e9}", true),
        ];
        for (pattern, text, expected) in vectors {
            let found = matches(pattern.as_bytes(), text.as_bytes(), false);
            assert_eq!(found, expected, "{pattern:?} over {text:?}");
        }
    }

    #[test]
    fn case_is_ignored_when_asked_to() {
        assert!(matches(b"HeL[L-o]*", b"hello", true));
        assert!(!matches(b"HeLLo", b"hello", false));
        assert!(!matches(br"[\H]", b"h", true));
    }

    #[test]
    fn ranges_compare_signed_chars() {
        assert!(matches(b"[a-\xff]", b"\x00", false));
        assert!(!matches(b"[a-\xff]", b"b", false));
    }

    #[test]
    fn many_stars_do_not_blow_up() {
        let pattern = b"a*".repeat(900);
        let text = vec![b'a'; 30_000];
        assert!(!matches(&[&pattern[..], b"b"].concat(), &text, false));
        assert!(matches(&pattern, &text, false));
    }

    #[test]
    fn too_many_stars_match_nothing() {
        let text = vec![b'a'; 50_000];
        assert!(!matches(&b"*?".repeat(50_000), &text, false));
        assert!(matches(&b"*".repeat(50_000), &text, false));
    }

    /// Redis's function as it is written, without the shortcut that keeps it from exploding.
    fn model(mut pattern: &[u8], mut text: &[u8], nocase: bool) -> bool {
        let lower = |byte: u8| {
            if nocase { i32::from(byte.to_ascii_lowercase() as i8) } else { i32::from(byte as i8) }
        };
        while !pattern.is_empty() && !text.is_empty() {
            match pattern[0] {
                b'*' => {
                    while pattern.get(1) == Some(&b'*') {
                        pattern = &pattern[1..];
                    }
                    let any = |at| model(&pattern[1..], &text[at..], nocase);
                    return pattern.len() == 1 || (0..text.len()).any(any);
                }
                b'?' => {}
                b'[' => {
                    let mut at = 1;
                    let not = pattern.get(at) == Some(&b'^');
                    at += usize::from(not);
                    let mut matched = false;
                    loop {
                        let left = pattern.len() - at;
                        if left >= 2 && pattern[at] == b'\\' {
                            at += 1;
                            matched |= pattern[at] == text[0];
                        } else if left > 0 && pattern[at] == b']' {
                            break;
                        } else if left == 0 {
                            at -= 1;
                            break;
                        } else if left >= 3 && pattern[at + 1] == b'-' {
                            let (mut start, mut end) = (pattern[at], pattern[at + 2]);
                            if (start as i8) > (end as i8) {
                                (start, end) = (end, start);
                            }
                            at += 2;
                            matched |=
                                lower(start) <= lower(text[0]) && lower(text[0]) <= lower(end);
                        } else {
                            matched |= lower(pattern[at]) == lower(text[0]);
                        }
                        at += 1;
                    }
                    if matched == not {
                        return false;
                    }
                    pattern = &pattern[at..];
                }
                first => {
                    if first == b'\\' && pattern.len() >= 2 {
                        pattern = &pattern[1..];
                    }
                    if lower(pattern[0]) != lower(text[0]) {
                        return false;
                    }
                }
            }
            (pattern, text) = (&pattern[1..], &text[1..]);
            if text.is_empty() {
                while pattern.first() == Some(&b'*') {
                    pattern = &pattern[1..];
                }
            }
        }
        pattern.is_empty() && text.is_empty()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn answers_what_redis_answers(
            pattern in r"[*?\[\]^\\aAbc-]{0,12}",
            text in r"[*\]\\aAbc-]{1,8}",
            nocase in any::<bool>(),
        ) {
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(matches(pattern, text, nocase), model(pattern, text, nocase));
        }
    }
}
