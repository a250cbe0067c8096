//! The functions that scripts see against the VM's own, over random patterns and subjects.
//!
//! The same Lua code runs as a script and in a bare VM, where `string` is LuaJIT's.

use std::cell::RefCell;
use std::sync::Arc;

use proptest::prelude::*;

use crate::script::interrupt::Control;
use crate::script::raw::Vm;
use crate::testing::Rig;

/// Tries everything with a subject, a pattern, a replacement and a place, and returns one text of
/// all results and errors. Every call that may fail is an argument, so that its frame is known.
const TRY_ALL: &str = include_str!("try_all.lua");

struct Pair {
    rig: Rig,
    native: Vm,
    _control: Arc<Control>,
}

impl Pair {
    fn new() -> Self {
        let control = Arc::<Control>::default();
        let native = Vm::new(&control, usize::MAX).unwrap();
        Self { rig: Rig::new().once(), native, _control: control }
    }

    fn through_script(&mut self, arguments: &[&[u8]]) -> String {
        let mut parts: Vec<&[u8]> = vec![b"EVAL", TRY_ALL.as_bytes(), b"0"];
        parts.extend(arguments);
        self.rig.run_parts(&parts).replace("\\'", "'")
    }

    fn native(&mut self, arguments: &[&[u8]]) -> String {
        let stack = self.native.stack();
        let source = format!("local ARGV = {{...}} {TRY_ALL}");
        stack.load(source.as_bytes(), c"@user_script").unwrap();
        arguments.iter().for_each(|argument| stack.push_bytes(argument));
        stack.call_trusted(arguments.len() as i32).unwrap();
        let text = String::from_utf8(stack.text(-1).unwrap()).unwrap();
        stack.set_top(0);
        format!("${text}")
    }
}

thread_local! {
    static PAIR: RefCell<Pair> = RefCell::new(Pair::new());
}

/// Texts of few bytes, so that patterns match parts of them.
fn subject() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(b"aab".as_slice()),
        4 => prop::sample::select(b"c1 ()%]-^$.Z\0\n\xe9".as_slice()),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..12)
}

/// Patterns: mostly whole items, sometimes broken ones. Without zeros, which end a pattern there,
/// and `%g`, which is a class there and is none in Lua 5.1.
fn pattern() -> impl Strategy<Value = Vec<u8>> {
    let text = |items: Vec<&'static str>| prop::sample::select(items).prop_map(str::to_owned);
    let item = prop_oneof![
        6 => text(vec![
            "a", "b", "c", ".", "%a", "%d", "%s", "%w", "%p", "%l", "%u", "%x", "%z", "%c", "%A",
            "%S", "%Z", "%.", "%%", "%]", "[ab]", "[^a]", "[a-c]", "[%a-]", "[]]", "[^]]", "[%w_]",
            "[a-%%]", "[%]-a]", "[+--]", "[c-a]", "é", "^", "$", "-", "]",
        ]),
        3 => text(vec!["(", ")", "()", "(a)", "(.-)", "%1", "%2", "%b()", "%bab", "%baa",
            "%f[%w]", "%f[^a]", "%f[%z]"]),
        1 => text(vec!["%", "[", "[a", "[^", "[%", "%b", "%f", "%9", "%0", "%f[", "[a-"]),
        1 => any::<u8>().prop_map(|byte| String::from(char::from(byte))),
    ];
    let repeat = prop::sample::select(vec!["", "", "", "*", "+", "-", "?"]);
    let repeated = (item, repeat).prop_map(|(item, repeat)| format!("{item}{repeat}"));
    (any::<bool>(), prop::collection::vec(repeated, 0..6)).prop_map(|(anchor, items)| {
        let pattern = format!("{}{}", if anchor { "^" } else { "" }, items.concat());
        let latin: Vec<u8> = pattern.chars().map(|char| char as u32 as u8).collect();
        if latin.windows(2).any(|two| two[0] == b'%' && two[1] | 0x20 == b'g') {
            return b"%a".to_vec();
        }
        latin.into_iter().map(|byte| byte.max(1)).collect()
    })
}

fn replacement() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec!["x", "", "%0", "%1", "%2", "%9", "%%", "%", "%a", "yy"]),
        0..4,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn the_vm_would_have_done_the_same(
        subject in subject(),
        pattern in pattern(),
        replacement in replacement(),
        init in -4i32..14,
    ) {
        let init = init.to_string();
        let arguments: [&[u8]; 4] =
            [&subject, &pattern, replacement.as_bytes(), init.as_bytes()];
        let (ours, native) = PAIR.with_borrow_mut(|pair| {
            (pair.through_script(&arguments), pair.native(&arguments))
        });
        let pattern = String::from_utf8_lossy(&pattern);
        prop_assert_eq!(ours, native, "{:?} {:?}", String::from_utf8_lossy(&subject), pattern);
    }
}
