//! The first line of a script: `#!lua flags=no-writes,allow-cross-slot-keys`.

use protocol::decode::split_line;

use crate::error::CommandError;

/// What a script declares of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScriptFlags {
    /// There is a shebang line at all: the script is held to what it declares.
    pub declared: bool,
    /// It does not write.
    pub no_writes: bool,
    /// It may run and write when memory is full.
    pub allow_oom: bool,
    /// It may run on a replica whose data is old.
    pub allow_stale: bool,
    /// It does not run in cluster mode.
    pub no_cluster: bool,
    /// It may touch keys of several slots of its shard.
    pub allow_cross_slot_keys: bool,
}

/// Reads the shebang and returns the flags and the part of the body that is Lua. The newline of
/// the shebang line stays, so that line numbers are true.
///
/// # Errors
/// Redis's texts.
pub fn parse(body: &[u8]) -> Result<(ScriptFlags, &[u8]), CommandError> {
    if !body.starts_with(b"#!") {
        return Ok((ScriptFlags::default(), body));
    }
    let end = body
        .iter()
        .position(|&byte| byte == b'\n')
        .ok_or(CommandError::Text("ERR Invalid script shebang"))?;
    let (mut text, mut spans) = (Vec::new(), Vec::new());
    split_line(&body[..end], &mut text, &mut spans)
        .map_err(|_| CommandError::Text("ERR Invalid engine in script shebang"))?;
    let mut parts = spans.iter().map(|span| span.of(&text));
    let engine = parts.next().unwrap_or_default();
    if engine != b"#!lua" {
        let shown = String::from_utf8_lossy(engine);
        return Err(CommandError::dynamic(format!(
            "ERR Unexpected engine in script shebang: {shown}"
        )));
    }
    let mut flags = ScriptFlags { declared: true, ..ScriptFlags::default() };
    for part in parts {
        let Some(names) = part.strip_prefix(b"flags=") else {
            let shown = String::from_utf8_lossy(part);
            return Err(CommandError::dynamic(format!("ERR Unknown lua shebang option: {shown}")));
        };
        if !names.is_empty() {
            names.split(|&byte| byte == b',').try_for_each(|name| flags.set(name))?;
        }
    }
    Ok((flags, &body[end..]))
}

impl ScriptFlags {
    fn set(&mut self, name: &[u8]) -> Result<(), CommandError> {
        match name {
            b"no-writes" => self.no_writes = true,
            b"allow-oom" => self.allow_oom = true,
            b"allow-stale" => self.allow_stale = true,
            b"no-cluster" => self.no_cluster = true,
            b"allow-cross-slot-keys" => self.allow_cross_slot_keys = true,
            other => {
                let shown = String::from_utf8_lossy(other);
                return Err(CommandError::dynamic(format!(
                    "ERR Unexpected flag in script shebang: {shown}"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_accepts() {
        let (flags, rest) = parse(b"#!lua flags=no-writes,allow-oom flags=\nreturn 1").unwrap();
        assert!(flags.declared && flags.no_writes && flags.allow_oom && !flags.allow_stale);
        assert_eq!(rest, b"\nreturn 1");
        assert_eq!(parse(b"return 1").unwrap(), (ScriptFlags::default(), &b"return 1"[..]));
        assert!(parse(b"#!lua flags=\"no-writes\"\r\n").unwrap().0.no_writes);
    }

    #[test]
    fn what_redis_refuses() {
        let text = |body: &[u8]| parse(body).unwrap_err().to_string();
        assert_eq!(text(b"#!lua"), "ERR Invalid script shebang");
        assert_eq!(text(b"#!lua \"x\n"), "ERR Invalid engine in script shebang");
        assert_eq!(text(b"#!LUA\n"), "ERR Unexpected engine in script shebang: #!LUA");
        assert_eq!(text(b"#!lua name=x\n"), "ERR Unknown lua shebang option: name=x");
        assert_eq!(text(b"#!lua flags=bad\n"), "ERR Unexpected flag in script shebang: bad");
        assert_eq!(
            text(b"#!lua flags=no-writes, allow-oom\n"),
            "ERR Unexpected flag in script shebang: "
        );
    }
}
