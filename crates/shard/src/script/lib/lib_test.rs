//! Tests of the libraries: golden vectors from Redis, settings, limits, arbitrary input.

use proptest::prelude::*;

use crate::script::Limits;
use crate::script::sha::Sha;
use crate::testing::Rig;

fn eval(rig: &mut Rig, script: &str, arguments: &[&[u8]]) -> String {
    let mut parts: Vec<&[u8]> = vec![b"EVAL", script.as_bytes(), b"0"];
    parts.extend(arguments);
    rig.run_parts(&parts).replace(&Sha::of(script.as_bytes()).hex(), "<sha>")
}

#[track_caller]
fn check(rig: &mut Rig, script: &str, reply: &str) {
    assert_eq!(eval(rig, script, &[]), reply, "{script}");
}

/// Runs the scripts of a golden file and compares what they reply.
pub(super) fn check_golden(text: &str) {
    let mut rig = Rig::new();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let prelude = lines.next().and_then(|line| line.strip_prefix("prelude ")).unwrap();
    let mut wrong = 0;
    while let Some(script) = lines.next() {
        let expected = lines.next().unwrap();
        let script = script.strip_prefix("> ").unwrap();
        let reply = eval(&mut rig, &format!("{prelude}{script}"), &[]);
        if reply != expected.strip_prefix("< ").unwrap() {
            wrong += 1;
            eprintln!("> {script}\n< {}\nis {reply}", &expected[2..]);
        }
    }
    assert_eq!(wrong, 0);
}

#[test]
fn replies_are_those_of_redis() {
    check_golden(include_str!("golden.txt"));
}

#[test]
fn settings_stay_until_the_scripts_are_flushed() {
    let mut rig = Rig::new();
    check(&mut rig, "return cjson.encode_number_precision(3)", ":3");
    check(&mut rig, "return cjson.encode(1/3)", "$0.333");
    check(&mut rig, "return cjson.new().encode(1/3)", "$0.33333333333333");
    check(&mut rig, "return cjson.encode(1/3)", "$0.333");
    rig.check("SCRIPT FLUSH", "+OK");
    check(&mut rig, "return cjson.encode(1/3)", "$0.33333333333333");
}

#[test]
fn the_generator_goes_on_from_script_to_script() {
    let mut rig = Rig::new().once();
    check(&mut rig, "return math.random(1000000)", ":396465");
    rig.check("SCRIPT FLUSH", "+OK");
    check(&mut rig, "return math.random(1000000)", ":840486");
    check(&mut rig, "math.randomseed(0)", "_");
    check(&mut rig, "return math.random(1000000)", ":170829");
}

#[test]
fn the_libraries_are_as_large_as_in_redis() {
    let list = "local names = {} for name in pairs(LIB) do names[#names + 1] = name end \
                table.sort(names) return table.concat(names, ' ')";
    let cjson = "$_NAME _VERSION decode decode_invalid_numbers decode_max_depth encode \
                 encode_invalid_numbers encode_keep_buffer encode_max_depth \
                 encode_number_precision encode_sparse_array new null";
    for (library, names) in [
        ("cjson", cjson),
        ("cjson.new()", cjson),
        ("cmsgpack", "$_COPYRIGHT _DESCRIPTION _NAME _VERSION pack unpack unpack_limit unpack_one"),
        ("struct", "$pack size unpack"),
    ] {
        check(&mut Rig::new(), &list.replace("LIB", library), names);
    }
    let texts = "return {cjson._NAME, cjson._VERSION, cmsgpack._NAME, cmsgpack._VERSION, \
                 cmsgpack._COPYRIGHT, cmsgpack._DESCRIPTION, type(cjson.null)}";
    check(
        &mut Rig::new(),
        texts,
        "[$cjson $2.1.0 $cmsgpack $lua-cmsgpack 0.4.0 \
         $Copyright (C) 2012, Salvatore Sanfilippo $MessagePack C implementation for Lua $userdata]",
    );
    check(&mut Rig::new(), "return {cjson.null, 1}", "[_ :1]");
}

/// LuaJIT forgets the frame of a chunk that ends in `return f()`; PUC Lua, and so Redis, keeps it.
#[test]
fn a_tail_call_is_given_the_line_of_the_last_return() {
    check(
        &mut Rig::new(),
        "return cjson.encode(print_)",
        "-ERR user_script:1: Script attempted to access nonexistent global variable 'print_' \
         script: <sha>, on @user_script:1.",
    );
    check(
        &mut Rig::new(),
        "return cjson.encode(string.len)",
        "-ERR user_script:1: Cannot serialise function: type not supported script: <sha>, on \
         @user_script:1.",
    );
}

#[test]
fn tables_are_read_raw() {
    let mut rig = Rig::new();
    let meta = "setmetatable({}, {__index = function() error('x') end, __len = error})";
    check(&mut rig, &format!("return cjson.encode({meta})"), "${}");
    check(&mut rig, &format!("return cmsgpack.pack({meta})"), "$\\x90");
}

#[test]
fn nothing_grows_beyond_the_memory_limit() {
    let mut rig = Rig::new().once();
    let limits = Limits { memory_bytes: 16 << 20, ..Limits::default() };
    rig.shard().scripts_mut().configure(limits);
    let shared = "local t = {} for i = 1, 60 do t = {t, t} end ";
    let texts = "local s, t = string.rep('/', 1e6), {} for i = 1, 7000 do t[i] = s end ";
    let wide = "local t = 'abc' for i = 1, 15 do t = {t, t, t, t, t, t, t, t} end ";
    for bomb in [
        &format!("{shared} return #cjson.encode(t)"),
        &format!("{shared} pcall(cjson.encode, t) return 1"),
        &format!("{shared} while true do pcall(cjson.encode, t) end"),
        &format!("{texts} return #cjson.encode(t)"),
        &format!("{texts} return #cmsgpack.pack(t)"),
        &format!("{texts} return #struct.pack(string.rep('s', 7000), unpack(t))"),
        &format!("{wide} return #cmsgpack.pack(t)"),
        "cjson.encode_sparse_array(false, 0) return #cjson.encode({[2^31 - 1] = 1})",
        "return #cjson.decode('[' .. string.rep('[],', 1e6) .. '1]')",
        "return #cmsgpack.unpack('\\221\\0\\15\\66\\64' .. string.rep('\\144', 1e6))",
        "return #cmsgpack.unpack('\\221\\0\\15\\66\\64' .. string.rep('\\145', 1e6))",
    ] {
        let reply = eval(&mut rig, bomb, &[]);
        let refused = reply.starts_with("-OOM Script used more than 16777216 bytes")
            || reply.contains("stack overflow");
        assert!(refused, "{bomb}: {reply}");
        rig.check("SCRIPT FLUSH", "+OK");
    }
}

#[test]
fn a_kill_ends_a_library_function() {
    use crate::script::interrupt::Request;
    let mut rig = Rig::new().once();
    let control = rig.shard().scripts().control().clone();
    let killer = std::thread::spawn(move || {
        let run = loop {
            match control.running() {
                Some(run) => break run,
                None => std::hint::spin_loop(),
            }
        };
        control.ask(run, Request::Kill);
    });
    let script = "local t = {} for i = 1, 60 do t = {t, t} end pcall(cjson.encode, t) \
                  while true do end";
    let reply = eval(&mut rig, script, &[]);
    killer.join().unwrap();
    assert!(reply.starts_with("-ERR Script killed by user with SCRIPT KILL..."), "{reply}");
}

/// Lua: whether two values are the same, tables by what they hold.
const SAME: &str = "local function same(a, b) \
    if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end \
    for k, v in pairs(a) do if not same(v, b[k]) then return false end end \
    for k in pairs(b) do if a[k] == nil then return false end end \
    return true end ";

/// JSON of some depth. Numbers have few digits: more than 14 are not kept.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        (-1_000_000i32..1_000_000, -3i32..20).prop_map(|(n, e)| format!("{n}e{e}")),
        "[a-z /é€]{0,6}".prop_map(|text| format!("{text:?}")),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec(("[a-z]{1,3}", inner), 0..5).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

thread_local! {
    /// One VM for all cases of a test.
    static RIG: std::cell::RefCell<Rig> = std::cell::RefCell::new(Rig::new().once());
}

fn eval_shared(script: &str, arguments: &[&[u8]]) -> String {
    RIG.with_borrow_mut(|rig| eval(rig, script, arguments))
}

/// Runs a call that may fail and replies its error, or `ok`.
fn attempt(call: &str, arguments: &[&[u8]]) -> String {
    let script = format!("local ok, e = pcall(function() {call} end) return ok and 'ok' or e");
    eval_shared(&script, arguments)
}

proptest! {
    #[test]
    fn json_comes_back(text in json()) {
        let script = format!(
            "{SAME} local v = cjson.decode(ARGV[1]) \
             return same(v, cjson.decode(cjson.encode(v))) and 'same' or cjson.encode(v)"
        );
        prop_assert_eq!(eval_shared(&script, &[text.as_bytes()]), "$same");
    }

    #[test]
    fn message_pack_comes_back(text in json(), number: f64, integer: i64) {
        let text = text.replace("null", "false");
        let script = format!(
            "{SAME} local v = {{cjson.decode(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])}} \
             return same(v, cmsgpack.unpack(cmsgpack.pack(v))) and 'same' or 'other'"
        );
        let (number, integer) = (format!("{number:e}"), integer.to_string());
        let arguments = [text.as_bytes(), number.as_bytes(), integer.as_bytes()];
        prop_assert_eq!(eval_shared(&script, &arguments), "$same");
    }

    #[test]
    fn structures_come_back(numbers: [i32; 4], text in "[a-z]{0,9}", big: bool, align in 0u32..4) {
        let format = format!("{}!{} bhil d s Bc0", if big { '>' } else { '<' }, 1 << align);
        let script = "local f, t = ARGV[1], ARGV[2] local a, b, c, d = unpack(ARGV, 3) \
             local s = struct.pack(f, a, b, c, d, a / 3, t, #t, t) \
             local r = {struct.unpack(f, s)} \
             return r[3] == tonumber(c) and r[4] == tonumber(d) and r[5] == a / 3 and r[6] == t \
                 and r[7] == t and r[8] == #s + 1 and 'same' or 'other'";
        let numbers = numbers.map(|number| number.to_string());
        let mut arguments = vec![format.as_bytes(), text.as_bytes()];
        arguments.extend(numbers.iter().map(|number| number.as_bytes()));
        prop_assert_eq!(eval_shared(script, &arguments), "$same");
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes: Vec<u8>, offset: i32, limit: i8) {
        let (offset, limit) = (offset.to_string(), limit.to_string());
        let arguments = [&bytes[..], offset.as_bytes(), limit.as_bytes()];
        for call in [
            "cjson.decode(ARGV[1])",
            "cjson.decode('[\"' .. ARGV[1] .. '\"]')",
            "cjson.decode(cjson.encode(ARGV[1]))",
            "cmsgpack.unpack(ARGV[1])",
            "cmsgpack.unpack_one(ARGV[1], ARGV[2])",
            "cmsgpack.unpack_limit(ARGV[1], ARGV[3], ARGV[2])",
            "struct.unpack(ARGV[1], ARGV[1], ARGV[2])",
            "struct.pack(ARGV[1], 1, 2, 3, 4)",
            "struct.size(ARGV[1])",
        ] {
            let reply = attempt(call, &arguments);
            prop_assert!(reply.starts_with('$'), "{call}: {reply}");
        }
    }

    #[test]
    fn what_looks_like_json_does_no_harm(text in "[\\[\\]{}\",:0-9eE.+\\-xuUtrufalsn\\\\ ]{0,30}") {
        let reply = attempt("cjson.decode(ARGV[1])", &[text.as_bytes()]);
        prop_assert!(reply == "$ok" || reply.contains("Expected "), "{reply}");
    }

    #[test]
    fn arbitrary_formats_do_no_harm(
        format in "[<>!xbBhHiIlLTfdsc0-9 ]{0,20}",
        data: Vec<u8>,
        number: f64,
    ) {
        let number = format!("{number:e}");
        let arguments = [format.as_bytes(), &data, number.as_bytes()];
        for call in [
            "struct.unpack(ARGV[1], ARGV[2])",
            "struct.size(ARGV[1])",
            "local n = ARGV[3] struct.pack(ARGV[1], n, n, n, n, n, n, n, n, n, n)",
        ] {
            let reply = attempt(call, &arguments);
            prop_assert!(reply.starts_with('$'), "{call}: {reply}");
        }
    }
}
