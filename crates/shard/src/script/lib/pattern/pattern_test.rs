//! Tests of the matcher alone: cases by hand, and sets against their tables.

use proptest::prelude::*;

use super::class::{Set, Table};
use super::{Captured, Matcher, find_plain, is_plain, split_anchor};
use crate::script::interrupt::{Control, Request};
use crate::script::lib::Watch;
use crate::script::pulse::Pulse;
use crate::script::raw::Raise;

fn watch(control: &Control) -> Watch<'_> {
    Watch { control, pulse: Pulse::new(control, None, None), budget: usize::MAX, left: u32::MAX }
}

fn text(raise: Raise) -> String {
    match raise {
        Raise::At(text) => String::from_utf8(text).unwrap(),
        Raise::Top => unreachable!("the matcher pushes nothing"),
    }
}

/// Where a pattern matches, counted from 0, and the captures; `-` for no match; the error.
fn search(subject: &str, pattern: &str) -> String {
    let control = Control::default();
    let watch = watch(&control);
    let (anchored, pattern) = split_anchor(pattern.as_bytes());
    let mut matcher = Matcher::new(subject.as_bytes(), pattern, &watch);
    let found = match matcher.find(0, anchored) {
        Ok(Some(found)) => found,
        Ok(None) => return "-".into(),
        Err(raise) => return text(raise),
    };
    let mut out = format!("{found:?}");
    for index in 0..matcher.captures() {
        match matcher.capture(index, &found) {
            Ok(Captured::Text(text)) => {
                out.push_str(&format!(" {:?}", String::from_utf8_lossy(text)));
            }
            Ok(Captured::Position(at)) => out.push_str(&format!(" @{at}")),
            Err(raise) => return text(raise),
        }
    }
    out
}

#[test]
fn what_matches() {
    for (subject, pattern, result) in [
        ("hello", "", "0..0"),
        ("hello", "l", "2..3"),
        ("hello", "l+", "2..4"),
        ("hello", "l*", "0..0"),
        ("hello", "x", "-"),
        ("hello", "^l", "-"),
        ("hello", "^hel", "0..3"),
        ("hello", "lo$", "3..5"),
        ("hel$o", "l$o", "2..5"),
        ("hello", "$", "5..5"),
        ("", "^$", "0..0"),
        ("a^b", "a^", "0..2"),
        ("hello", ".", "0..1"),
        ("hello", ".-l", "0..3"),
        ("hello", ".*l", "0..4"),
        ("hello", "h?e", "0..2"),
        ("ello", "h?e", "0..1"),
        ("aaa", "a-$", "0..3"),
        ("aaab", "a?a?a?a?b", "0..4"),
        ("x=12, y=3", "(%a)=(%d+)", "0..4 \"x\" \"12\""),
        ("hello", "()ll()", "2..4 @3 @5"),
        ("abcabc", "(abc)%1", "0..6 \"abc\""),
        ("abcabd", "(abc)%1", "-"),
        ("abab", "((a)(b))%1", "0..4 \"ab\" \"a\" \"b\""),
        ("aa", "()a%1", "-"),
        ("f(a(b)c)d", "%b()", "1..8"),
        ("((", "%b()", "-"),
        ("xaxax", "%bxx", "0..3"),
        ("THE (quick) fox", "%f[%a]%a+%f[%A]", "0..3"),
        ("THE (quick) fox", "%f[%l]%l+", "5..10"),
        ("abc", "%f[%z]", "3..3"),
        ("abc", "[a-b]+", "0..2"),
        ("abc", "[^a-b]+", "2..3"),
        ("a-b", "[a-]+", "0..2"),
        ("a-b", "[%a-]+", "0..3"),
        ("a-z", "[%a-z]+", "0..3"),
        ("]", "[]]", "0..1"),
        ("x]", "[^]]+", "0..1"),
        ("^", "[x^]", "0..1"),
        ("%", "%%", "0..1"),
        ("a.b", "%.", "1..2"),
        ("b", "[c-a]", "-"),
        ("a", "[a-%%]", "-"),
        ("]", "[a-%%]", "0..1"),
        ("a]", "[+--]", "-"),
        ("ab1_", "%w+", "0..3"),
        ("ab1_", "%W", "3..4"),
        ("\t\u{b} x", "%s+", "0..3"),
        ("ab\0cd", "%z", "2..3"),
        ("ab\0cd", "%Z+", "0..2"),
        ("ab\0cd", "b\0c", "1..4"),
        ("ab\0cd", "[\0c]+", "2..4"),
        ("g", "%g", "0..1"),
        ("x", "%g", "-"),
        ("G", "%G", "0..1"),
        ("deadBEEF", "%x+", "0..8"),
        ("a1!", "%p", "2..3"),
        ("a\u{7f}", "%c", "1..2"),
        ("aB", "%u", "1..2"),
        ("é", "%a", "-"),
        ("*a", "*a", "0..2"),
        ("+", "+", "0..1"),
        ("a)", "a%)", "0..2"),
    ] {
        assert_eq!(search(subject, pattern), result, "{subject:?} {pattern:?}");
    }
}

#[test]
fn what_is_wrong_with_a_pattern() {
    let many = "()".repeat(32);
    let too_many = "()".repeat(33);
    for (subject, pattern, error) in [
        ("a", "%", "malformed pattern (ends with '%')"),
        ("a", "a%", "malformed pattern (ends with '%')"),
        ("a", "[", "malformed pattern (missing ']')"),
        ("a", "[]", "malformed pattern (missing ']')"),
        ("a", "[^]", "malformed pattern (missing ']')"),
        ("a", "[a%]", "malformed pattern (missing ']')"),
        ("a", "[a%", "malformed pattern (missing ']')"),
        ("a", "[a", "malformed pattern (missing ']')"),
        ("a", "%b", "unbalanced pattern"),
        ("a", "%bx", "unbalanced pattern"),
        ("a", ")", "invalid pattern capture"),
        ("a", "())", "invalid pattern capture"),
        ("a", "%1", "invalid capture index"),
        ("a", "(a%1)", "invalid capture index"),
        ("a", "(a)%2", "invalid capture index"),
        ("a", "%0", "invalid capture index"),
        ("a", "(a", "unfinished capture"),
        ("a", "%f", "missing '[' after '%f' in pattern"),
        ("a", "%fa", "missing '[' after '%f' in pattern"),
        ("a", "%f[a", "malformed pattern (missing ']')"),
        ("a", &too_many, "too many captures"),
        // What is not reached is not looked at.
        ("b", "a[", "-"),
        ("b", "a%", "-"),
    ] {
        assert_eq!(search(subject, pattern), error, "{subject:?} {pattern:?}");
    }
    assert_eq!(search("a", &many), format!("0..0{}", " @1".repeat(32)));
}

#[test]
fn the_depth_of_a_pattern_is_bounded_and_that_of_a_subject_is_not() {
    assert_eq!(search("", &"a?".repeat(1000)), "0..0");
    assert_eq!(search(&"a".repeat(1000), &"a?".repeat(199)), "0..199");
    assert_eq!(search(&"a".repeat(1000), &"a?".repeat(200)), "pattern too complex");
    assert_eq!(search(&"a".repeat(1000), &"a*".repeat(1000)), "pattern too complex");
    let long = "a".repeat(200_000);
    for pattern in [".-b", "a*b", "a-b", "[a-z]+b", "%a-b", ".*b", "[^b]*b"] {
        assert_eq!(search(&long, &format!("^{pattern}")), "-", "{pattern}");
        assert_eq!(search(&format!("{long}b"), &format!("^{pattern}$")), "0..200001", "{pattern}");
    }
    assert_eq!(search(&format!("{long}{}", "b".repeat(200_000)), "%bab$"), "0..400000");
}

#[test]
fn a_match_ends_when_the_script_is_to_end() {
    let control = Control::default();
    control.begin_run();
    control.request_now(Request::Kill);
    let watch = watch(&control);
    let (many, long) = ("a".repeat(200_000), "b".repeat(1 << 24));
    let set = format!("[{long}]");
    for (subject, pattern) in [
        (&many, "a?".repeat(30) + "b"),
        (&many, ".-.-.-.-b".into()),
        (&many, "a-a-a-b".into()),
        (&many, "((((a*)*)*)*)*b".into()),
        (&many, "%bab".into()),
        (&many, "(a*)%1b".into()),
        (&long, "a*a".into()),
        (&long, "[^a]*a".into()),
        (&many, set.clone()),
        (&many, format!("%f{set}")),
        (&many, format!("{set}*")),
        (&many, format!("[^{set}-")),
    ] {
        let mut matcher = Matcher::new(subject.as_bytes(), pattern.as_bytes(), &watch);
        let result = matcher.find(0, false).map_err(text);
        assert_eq!(result, Err("the script is to end".into()), "{}", &pattern[..9]);
    }
    let needle = "a".repeat(100_000) + "b";
    let found = find_plain(many.as_bytes(), needle.as_bytes(), &watch).map_err(text);
    assert_eq!(found, Err("the script is to end".into()));
}

#[test]
fn plain_texts_are_found() {
    assert!(is_plain(b"a)]b\0"));
    for special in "^$*+?.([%-".chars() {
        assert!(!is_plain(format!("a{special}").as_bytes()));
    }
    let control = Control::default();
    let watch = watch(&control);
    let find = |text: &[u8], needle: &[u8]| find_plain(text, needle, &watch).ok().unwrap();
    assert_eq!(find(b"abc", b""), Some(0));
    assert_eq!(find(b"", b""), Some(0));
    assert_eq!(find(b"abc", b"bc"), Some(1));
    assert_eq!(find(b"abc", b"abcd"), None);
    let mut long = vec![b'a'; 700_000];
    assert_eq!(find(&long, b"b"), None);
    assert_eq!(find(&long, &[b'a'; 700_001]), None);
    assert_eq!(find(&long, &[b'a'; 700_000]), Some(0));
    // Across the slices, at the very end, longer than the head.
    for (at, len) in [(262_140, 10), (699_990, 10), (262_144, 1), (300_000, 50_000)] {
        long[at] = b'x';
        long[at + len - 1] = b'y';
        let needle = long[at..at + len].to_vec();
        assert_eq!(find(&long, &needle), Some(at));
        long[at..at + len].fill(b'a');
    }
}

/// Sets that are closed, by their text.
fn set_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-f%^\\-]",
        Just("%a".to_owned()),
        Just("%S".to_owned()),
        Just("%]".to_owned()),
        Just("%%".to_owned()),
        Just("a-z".to_owned()),
        Just("\0-/".to_owned()),
        Just("z-a".to_owned()),
        Just("+--".to_owned()),
    ];
    prop::collection::vec(part, 1..6).prop_map(|parts| format!("[{}]", parts.concat()))
}

proptest! {
    #[test]
    fn a_set_and_its_table_are_the_same(text in set_text()) {
        let set = Set::new(text.as_bytes());
        let mut table = Table::new();
        set.elements().for_each(|element| table.add(element));
        let table = table.complete(set);
        for byte in 0..=255 {
            prop_assert_eq!(table.has(byte), set.has(byte), "{} {}", text, byte);
        }
    }

    #[test]
    fn arbitrary_patterns_do_no_harm(subject: Vec<u8>, pattern: Vec<u8>) {
        let control = Control::default();
        let watch = watch(&control);
        let mut matcher = Matcher::new(&subject, &pattern, &watch);
        if let Ok(Some(found)) = matcher.find(0, false) {
            prop_assert!(found.end <= subject.len());
        }
    }
}
