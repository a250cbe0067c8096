//! The first line of a library: `#!lua name=mylib`.

use protocol::decode::split_line;

use crate::error::CommandError;

/// What the first line of a library says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Metadata<'a> {
    /// The library's name: ASCII letters, digits and underscores.
    pub(super) name: String,
    /// What is behind that line. Its newline stays, so that line numbers are true.
    pub(super) lua: &'a [u8],
}

const BAD_NAME: &str = "Library names can only contain letters, numbers, or underscores(_) and \
                        must be at least one character long";

/// The name of a library or a function as text.
///
/// # Errors
/// It is no such name; Redis has one text for both.
pub(super) fn parse_name(name: &[u8]) -> Result<String, &'static str> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if name.is_empty() || !name.iter().all(fits) {
        return Err(BAD_NAME);
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// Reads the first line of a library.
///
/// # Errors
/// Redis's texts, in the order of its checks.
pub(super) fn parse(code: &[u8]) -> Result<Metadata<'_>, CommandError> {
    if !code.starts_with(b"#!") {
        return Err(CommandError::Text("ERR Missing library metadata"));
    }
    const INVALID: CommandError = CommandError::Text("ERR Invalid library metadata");
    let end = code.iter().position(|&byte| byte == b'\n').ok_or(INVALID)?;
    let (mut text, mut spans) = (Vec::new(), Vec::new());
    split_line(&code[..end], &mut text, &mut spans).map_err(|_| INVALID)?;
    let mut parts = spans.iter().map(|span| span.of(&text));
    let engine = parts.next().and_then(|part| part.get(2..)).ok_or(INVALID)?;
    let mut name = None;
    for part in parts {
        let Some(value) = value_of_name(part) else {
            let shown = String::from_utf8_lossy(part);
            return Err(CommandError::dynamic(format!(
                "ERR Invalid metadata value given: {shown}"
            )));
        };
        if name.replace(value).is_some() {
            return Err(CommandError::Text(
                "ERR Invalid metadata value, name argument was given multiple times",
            ));
        }
    }
    let name = name.ok_or(CommandError::Text("ERR Library name was not given"))?;
    let name = parse_name(name).map_err(|text| CommandError::dynamic(format!("ERR {text}")))?;
    if !engine.eq_ignore_ascii_case(b"lua") {
        let shown = String::from_utf8_lossy(engine);
        return Err(CommandError::dynamic(format!("ERR Engine '{shown}' not found")));
    }
    Ok(Metadata { name, lua: &code[end..] })
}

/// `x` of `name=x`.
fn value_of_name(part: &[u8]) -> Option<&[u8]> {
    let (key, value) = part.split_at_checked(5)?;
    key.eq_ignore_ascii_case(b"name=").then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_accepts() {
        for line in ["#!lua name=lib_1", "#!LUA NAME=lib_1", "#!lua name=\"lib_1\"\r"] {
            let code = format!("{line}\nx");
            let metadata = parse(code.as_bytes()).unwrap();
            assert_eq!((&*metadata.name, metadata.lua), ("lib_1", &b"\nx"[..]), "{line}");
        }
    }

    #[test]
    fn what_redis_refuses() {
        for (code, text) in [
            ("", "ERR Missing library metadata"),
            (" #!lua name=a\n", "ERR Missing library metadata"),
            ("#!lua name=a", "ERR Invalid library metadata"),
            ("#!lua \"name=a\n", "ERR Invalid library metadata"),
            ("#!lua\n", "ERR Library name was not given"),
            ("#!nope\n", "ERR Library name was not given"),
            (
                "#!lua name=a name=b\n",
                "ERR Invalid metadata value, name argument was given multiple times",
            ),
            ("#!lua name=a foo=b\n", "ERR Invalid metadata value given: foo=b"),
            ("#! lua name=a\n", "ERR Invalid metadata value given: lua"),
            ("#! name=a\n", "ERR Engine '' not found"),
            ("#!nope name=a\n", "ERR Engine 'nope' not found"),
        ] {
            assert_eq!(parse(code.as_bytes()).unwrap_err().to_string(), text, "{code}");
        }
        for name in ["", "a-b", "a b", "\u{e4}"] {
            let code = format!("#!nope \"name={name}\"\n");
            let error = parse(code.as_bytes()).unwrap_err().to_string();
            assert_eq!(error, format!("ERR {BAD_NAME}"), "{name}");
        }
    }
}
