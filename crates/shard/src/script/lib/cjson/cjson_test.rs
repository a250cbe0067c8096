//! Tests of `cjson` where it goes fast: what is taken at a glance is what is taken step by step,
//! and values that are looked at are those that the API gives.

use proptest::prelude::*;

use crate::script::raw::BLIND;
use crate::testing::Rig;

thread_local! {
    /// One VM for all cases of a test.
    static RIG: std::cell::RefCell<Rig> = std::cell::RefCell::new(Rig::new().once());
}

fn eval(script: &str, arguments: &[&[u8]]) -> String {
    let mut parts: Vec<&[u8]> = vec![b"EVAL", script.as_bytes(), b"0"];
    parts.extend(arguments);
    RIG.with_borrow_mut(|rig| rig.run_parts(&parts))
}

/// The reply of a script, which is the same when values cannot be looked at.
#[track_caller]
fn both(script: &str, arguments: &[&[u8]]) -> String {
    let reply = eval(script, arguments);
    BLIND.set(true);
    let blind = eval(script, arguments);
    BLIND.set(false);
    assert_eq!(reply, blind, "{script}");
    reply
}

#[track_caller]
fn encoded(table: &str, text: &str) {
    let script =
        format!("local ok, r = pcall(function() {table} end) return r == ARGV[1] and 1 or r");
    assert_eq!(both(&script, &[text.as_bytes()]), ":1", "{table}");
}

#[test]
fn tables_of_all_shapes_are_written() {
    for (table, text) in [
        ("return cjson.encode({})", "{}"),
        ("return cjson.encode({1, 2, 3})", "[1,2,3]"),
        ("return cjson.encode({1, nil, 3})", "[1,null,3]"),
        ("return cjson.encode({nil, nil, 3})", "[null,null,3]"),
        ("return cjson.encode({[0] = 1})", "{\"0\":1}"),
        ("local t = {1, 2, 3} t[3] = nil t[1] = nil return cjson.encode(t)", "[null,2]"),
        ("local t = {1, 2, 3} t[3] = nil t[2] = nil t[1] = nil return cjson.encode(t)", "{}"),
        ("local t = {} for i = 4, 1, -1 do t[i] = i end return cjson.encode(t)", "[1,2,3,4]"),
        ("local t = {} t[2 ^ 20] = 1 t[2 ^ 20] = nil t[2] = 5 return cjson.encode(t)", "[null,5]"),
        (
            "local t = {[9] = 9} for i = 1, 7 do t[i] = i end return cjson.encode(t)",
            "[1,2,3,4,5,6,7,null,9]",
        ),
        ("return cjson.encode({[11] = 1})", "Cannot serialise table: excessively sparse array"),
        (
            "return cjson.encode({1, 2, 3, [30] = 1})",
            "Cannot serialise table: excessively sparse array",
        ),
        ("return cjson.encode({[10] = 1})", "[null,null,null,null,null,null,null,null,null,1]"),
        ("return cjson.encode({[1.5] = 1})", "{\"1.5\":1}"),
        ("return cjson.encode({[-1] = 1})", "{\"-1\":1}"),
        ("return cjson.encode({[1e10] = 1})", "{\"10000000000\":1}"),
        (
            "return cjson.encode({[true] = 1})",
            "Cannot serialise boolean: table key must be a number or string",
        ),
        (
            "return cjson.encode({[{}] = 1})",
            "Cannot serialise table: table key must be a number or string",
        ),
        (
            "return cjson.encode({[string.len] = 1})",
            "Cannot serialise function: table key must be a number or string",
        ),
        (
            "return cjson.encode({[cjson.null] = 1})",
            "Cannot serialise userdata: table key must be a number or string",
        ),
        ("return cjson.encode({string.len})", "Cannot serialise function: type not supported"),
        (
            "return cjson.encode({coroutine.create(function() end)})",
            "Cannot serialise thread: type not supported",
        ),
        ("return cjson.encode({cjson.null, true, false, 'x'})", "[null,true,false,\"x\"]"),
        ("return cjson.encode(nil)", "null"),
        ("return cjson.encode(cjson.null)", "null"),
        (
            "return cjson.encode({a = {b = {c = {1, {}, {{}}}}}})",
            "{\"a\":{\"b\":{\"c\":[1,{},[{}]]}}}",
        ),
        ("return cjson.encode(setmetatable({1}, {__index = function() return 2 end}))", "[1]"),
        (
            "return cjson.encode(setmetatable({}, {__pairs = error, __len = error, __index = {1, 2}}))",
            "{}",
        ),
        ("return cjson.encode({0/0})", "Cannot serialise number: must not be NaN or Inf"),
        (
            "local t = {} t[1] = t return cjson.encode(t)",
            "Cannot serialise, excessive nesting (1001)",
        ),
        (
            "local t = {} t.t = t return cjson.encode(t)",
            "Cannot serialise, excessive nesting (1001)",
        ),
    ] {
        encoded(table, text);
    }
}

#[test]
fn keys_come_in_the_order_of_next() {
    let script = "local t, names = {}, {} \
        for i = 1, tonumber(ARGV[1]) do t['k' .. i * 7919 % 1000] = i end \
        for i = 1, tonumber(ARGV[1]), 3 do t['k' .. i * 7919 % 1000] = nil end \
        t[-5], t[1.5], t[1e15] = 1, 2, 3 \
        for k, v in pairs(t) do names[#names + 1] = '\"' .. k .. '\":' .. v end \
        return cjson.encode(t) == '{' .. table.concat(names, ',') .. '}'";
    for count in ["0", "1", "2", "3", "8", "9", "100", "500"] {
        assert_eq!(both(script, &[count.as_bytes()]), ":1", "{count}");
    }
}

#[test]
fn what_nests_too_deep_for_the_stack_is_the_same_either_way() {
    for (table, opened) in [("{t}", "["), ("{a = t}", "{\"a\":"), ("{1, {a = t}}", "[1,{\"a\":")] {
        let script = format!(
            "cjson.encode_max_depth(100000) cjson.decode_max_depth(100000) local t = {{}} \
             for i = 1, 9000 do t = {table} end local _, e = pcall(cjson.encode, t) \
             local _, d = pcall(cjson.decode, string.rep('{opened}', 9000)) \
             cjson.encode_max_depth(1000) cjson.decode_max_depth(1000) return {{e, d}}"
        );
        let reply = both(&script, &[]);
        assert!(
            reply.contains("excessive nesting (") && reply.contains("Found too many"),
            "{reply}"
        );
    }
}

#[test]
fn long_lists_and_long_texts_are_written() {
    let script = "local t = {} for i = 1, tonumber(ARGV[1]) do t[i] = i % 10 end \
        return cjson.encode(t) == '[' .. table.concat(t, ',') .. ']'";
    for count in ["1022", "1023", "1024", "1025", "5000"] {
        assert_eq!(both(script, &[count.as_bytes()]), ":1", "{count}");
    }
    let script = "local s = string.rep('x', tonumber(ARGV[1])) \
        local text = '[\"' .. s .. '\\\\/\\\\n\",\"' .. s .. '\"]' \
        return cjson.encode({s .. '/\\n', s}) == text and 1";
    for count in ["0", "65533", "65534", "65535", "65536", "131072", "200000"] {
        assert_eq!(both(script, &[count.as_bytes()]), ":1", "{count}");
    }
}

/// JSON with every kind of token, and with white space.
const SAMPLE: &str = "{\"name\" : \"x\",\"exactly16bytes!!\":[1,-2.5 ,1e3, true,false,null,[],{}],\n\
    \"fifteen--bytes!\":\"\",\t\"\":\"fifteen--bytes!\",\"name\":{\"name\":\"with \\\"escape\\u00e9\"},\
    \"a\":[{\"a\":1,\"b\":\"b\"},{\"a\":2,\"b\":\"eightby8\"},{\"a\":3,\"b\":\"a much longer text\"}]}";

const DECODE: &str = "local ok, v = pcall(cjson.decode, ARGV[1]) if not ok then return v end \
    local function show(v) if type(v) ~= 'table' then return type(v) .. ':' .. tostring(v) end \
        local t = {} for k, w in pairs(v) do t[#t + 1] = type(k) .. tostring(k) .. '=' .. show(w) end \
        table.sort(t) return '<' .. table.concat(t, ',') .. '>' end \
    return show(v)";

#[test]
fn a_text_is_read_or_refused_the_same_wherever_it_ends() {
    assert!(both(DECODE, &[SAMPLE.as_bytes()]).starts_with("$<string=string:fifteen--bytes!,"));
    for end in 0..SAMPLE.len() {
        let prefix = &SAMPLE.as_bytes()[..end];
        let reply = both(DECODE, &[prefix]);
        assert!(reply.contains("Expected "), "{reply}");
    }
}

#[test]
fn a_byte_that_is_wrong_is_found_where_it_is() {
    for at in 0..SAMPLE.len() {
        for byte in *b"\"\\,:]}[{0x \n\0\x7f\xff" {
            let mut text = SAMPLE.as_bytes().to_vec();
            text[at] = byte;
            both(DECODE, &[&text]);
        }
    }
}

#[test]
fn strings_of_all_lengths_are_read() {
    let texts: Vec<String> =
        (0..40).map(|len| "abcdefghijklmno\u{e9}".chars().cycle().take(len).collect()).collect();
    for text in &texts {
        let list = vec![format!("\"{text}\""); 12].join(",");
        let object =
            format!("{{\"{text}\":[{list}],\"other\":\"{text}\",\"{text}\":[\"{text}\",{list}]}}");
        let expected = vec![text.as_str(); 13].join("|");
        let script = "local v = cjson.decode(ARGV[1]) \
            return table.concat(v[ARGV[2]], '|') == ARGV[3] and (v.other or ARGV[2]) == ARGV[2]";
        let arguments = [object.as_bytes(), text.as_bytes(), expected.as_bytes()];
        assert_eq!(both(script, &arguments), ":1", "{text}");
    }
}

/// Strings that a table which is replaced has had alone are collected while the text is being
/// decoded.
#[test]
fn what_is_replaced_while_it_is_decoded_does_no_harm() {
    let script = "local parts = {} for i = 1, 3000 do \
            parts[i] = '\"k\":{\"n' .. i % 700 .. '\":\"v' .. i % 300 .. '\"},\"k\":\"w' .. i % 500 .. '\"' end \
        local text = '[{' .. table.concat(parts, ',') .. '},{' .. table.concat(parts, ',') .. '}]' \
        for i = 1, 20 do local v = cjson.decode(text) \
            if cjson.encode(v) ~= '[{\"k\":\"w0\"},{\"k\":\"w0\"}]' then return cjson.encode(v) end end \
        return 'fine'";
    assert_eq!(both(script, &[]), "$fine");
}

/// A value in Lua: any table that JSON has a text for, and some that it has not.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("cjson.null".to_owned()),
        Just("nil".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        (-1_000_000i32..1_000_000, -3i32..20).prop_map(|(n, e)| format!("{n}e{e}")),
        "[a-z /\\\\x7f]{0,20}".prop_map(|text| format!("{text:?}")),
        Just("string.len".to_owned()),
    ];
    leaf.prop_recursive(4, 60, 6, |inner| {
        let key = prop_oneof![
            (-2i32..20).prop_map(|key| format!("[{key}]")),
            "[a-z]{1,12}".prop_map(|key| format!("[{key:?}]")),
            Just("[0.5]".to_owned()),
            Just("[true]".to_owned()),
        ];
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|items| format!("{{{}}}", items.join(","))),
            3 => prop::collection::vec(("[a-z]{1,12}", inner.clone()), 0..6).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.iter().map(|(key, value)| format!("[{key:?}]={value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
            1 => prop::collection::vec((key, inner), 0..6).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.iter().map(|(key, value)| format!("t{key}={value}")).collect();
                format!("(function() local t = {{}} {} return t end)()", fields.join(" "))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn values_are_written_the_same_either_way(value in value()) {
        both(&format!("local ok, r = pcall(cjson.encode, {value}) return r"), &[]);
    }

    #[test]
    fn texts_are_read_the_same_either_way(
        text in "[\\[{]{0,3}(\"[a-z\"\\\\ntu0 é]{0,17}\"[:,] ?|[0-9.eE-]{0,6}, ?|[\\[\\]{}]|true,|null:){0,20}[\\]}]{0,3}"
    ) {
        // Long enough for strings to be kept.
        let text = format!("{text}{}", " ".repeat(100));
        both(DECODE, &[text.as_bytes()]);
        let text = format!("[{text}1]");
        both(DECODE, &[text.as_bytes()]);
    }
}
