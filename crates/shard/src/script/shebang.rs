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
    /// It touches declared keys only.
    pub declared_keys: bool,
    /// When it returns an error, it is rolled back.
    pub rollback_on_error_reply: bool,
    /// How long it may run, in milliseconds; 0 says nothing.
    pub timeout_ms: u64,
    /// Memory that it may allocate, in bytes; 0 says nothing.
    pub memory_bytes: usize,
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
        flags.option(part)?;
    }
    Ok((flags, &body[end..]))
}

impl ScriptFlags {
    /// How long it may run when others may run for `limit` milliseconds (0: for ever). A script
    /// can lower its limit and not raise it.
    pub fn time_ms(&self, limit: u64) -> u64 {
        match (self.timeout_ms, limit) {
            (0, limit) => limit,
            (own, 0) => own,
            (own, limit) => own.min(limit),
        }
    }

    /// How much memory it may use when others may use `limit` bytes.
    pub fn memory_bytes(&self, limit: usize) -> usize {
        if self.memory_bytes == 0 { limit } else { self.memory_bytes.min(limit) }
    }

    /// The flags that are set and the limits, as a library would say them, in Redis's order.
    pub fn names(&self) -> Vec<String> {
        let flags = [
            (self.no_writes, "no-writes"),
            (self.allow_oom, "allow-oom"),
            (self.allow_stale, "allow-stale"),
            (self.no_cluster, "no-cluster"),
            (self.allow_cross_slot_keys, "allow-cross-slot-keys"),
            (self.declared_keys, "declared-keys"),
            (self.rollback_on_error_reply, "rollback-on-error-reply"),
        ];
        let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_owned());
        let timeout = (self.timeout_ms > 0).then(|| format!("timeout={}ms", self.timeout_ms));
        let memory = (self.memory_bytes > 0).then(|| format!("memory={}", self.memory_bytes));
        flags.chain(timeout).chain(memory).collect()
    }

    /// One option of the line.
    pub(super) fn option(&mut self, part: &[u8]) -> Result<(), CommandError> {
        let invalid = |what: &str| {
            let shown = String::from_utf8_lossy(part);
            Err(CommandError::dynamic(format!("ERR {what}: {shown}")))
        };
        if let Some(names) = part.strip_prefix(b"flags=") {
            if !names.is_empty() {
                names.split(|&byte| byte == b',').try_for_each(|name| self.set(name))?;
            }
            return Ok(());
        }
        let text = std::str::from_utf8(part).unwrap_or_default();
        if let Some(time) = text.strip_prefix("timeout=") {
            match millis(time) {
                Some(millis) => self.timeout_ms = millis,
                None => return invalid("Invalid timeout in script shebang"),
            }
        } else if let Some(memory) = text.strip_prefix("memory=") {
            match bytes(memory) {
                Some(bytes) => self.memory_bytes = bytes,
                None => return invalid("Invalid memory in script shebang"),
            }
        } else {
            return invalid("Unknown lua shebang option");
        }
        Ok(())
    }

    /// One flag.
    ///
    /// # Errors
    /// There is no such flag.
    pub(super) fn set(&mut self, name: &[u8]) -> Result<(), CommandError> {
        match name {
            b"no-writes" => self.no_writes = true,
            b"allow-oom" => self.allow_oom = true,
            b"allow-stale" => self.allow_stale = true,
            b"no-cluster" => self.no_cluster = true,
            b"allow-cross-slot-keys" => self.allow_cross_slot_keys = true,
            b"declared-keys" => self.declared_keys = true,
            b"rollback-on-error-reply" => self.rollback_on_error_reply = true,
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

/// `50ms`, `2s`, or a number of milliseconds; not zero.
fn millis(text: &str) -> Option<u64> {
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => text.strip_suffix('s').map_or((text, 1), |digits| (digits, 1000)),
    };
    positive(digits)?.checked_mul(unit)
}

/// `16mb`, `500kb`, `1gb`, or a number of bytes; not zero.
fn bytes(text: &str) -> Option<usize> {
    let units = [("kb", 10), ("mb", 20), ("gb", 30)];
    let found = units.iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, *bits)));
    let (digits, bits) = found.unwrap_or((text, 0));
    usize::try_from(positive(digits)?.checked_mul(1 << bits)?).ok()
}

/// Digits only: no sign, no blank.
fn positive(digits: &str) -> Option<u64> {
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|&number| only_digits && number > 0)
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
    fn limits_of_its_own() {
        let flags =
            |line: &str| parse(format!("#!lua {line}\n").as_bytes()).map(|(flags, _)| flags);
        let limits = flags("timeout=50ms memory=16mb flags=no-writes").unwrap();
        assert_eq!((limits.timeout_ms, limits.memory_bytes), (50, 16 << 20));
        assert_eq!(flags("timeout=2s").unwrap().timeout_ms, 2000);
        assert_eq!(flags("timeout=7").unwrap().timeout_ms, 7);
        assert_eq!(limits.time_ms(5000), 50);
        assert_eq!(limits.time_ms(10), 10);
        assert_eq!(limits.time_ms(0), 50);
        assert_eq!(limits.memory_bytes(1 << 20), 1 << 20);
        for line in ["timeout=", "timeout=0", "timeout=-1", "timeout=1h", "memory=x", "memory=+1"] {
            let error = flags(line).unwrap_err().to_string();
            assert!(error.starts_with("ERR Invalid ") && error.ends_with(line), "{error}");
        }
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
