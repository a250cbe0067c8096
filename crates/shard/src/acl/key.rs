//! What a command does with a key, as far as permissions are concerned.

use protocol::args::Args;
use protocol::spec::{CommandSpec, KeySpec};

/// What has to be allowed for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// The user learns what is in the key.
    pub read: bool,
    /// The user changes what is in the key.
    pub write: bool,
}

/// What `spec` needs of the keys of `key`. Commands that ask neither what is in a key nor change it
/// (EXISTS, TYPE) need no more than that some pattern fits.
pub fn needs(spec: &CommandSpec, key: &KeySpec, args: Args<'_>) -> Needs {
    if key.notes.contains(&"variable_flags") {
        match spec.name {
            "set" => return Needs { read: has_word(args, 3, "GET"), write: true },
            "bitfield" => return Needs { read: true, write: bitfield_writes(args) },
            _ => {}
        }
    }
    Needs {
        read: key.notes.contains(&"access"),
        write: key.notes.iter().any(|note| matches!(*note, "insert" | "update" | "delete")),
    }
}

fn has_word(args: Args<'_>, from: usize, word: &str) -> bool {
    (from..args.len()).any(|at| args.is(at, word))
}

/// Whether one of the operations of BITFIELD is other than GET; what is none counts as one.
fn bitfield_writes(args: Args<'_>) -> bool {
    let mut at = 2;
    while at < args.len() {
        let left = args.len() - at - 1;
        at += match () {
            () if args.is(at, "GET") && left >= 2 => 3,
            () if args.is(at, "OVERFLOW") && left >= 1 => 2,
            () => return true,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::args::Request;
    use protocol::spec::Access;

    fn of(name: &'static str, notes: &'static [&'static str], parts: &[&str]) -> (bool, bool) {
        let spec = CommandSpec { name, ..CommandSpec::NEW };
        let key = KeySpec::at(1, Access::Rw, notes);
        let request = Request::of(parts);
        let needs = needs(&spec, &key, request.args());
        (needs.read, needs.write)
    }

    #[test]
    fn notes_say_what_is_needed() {
        assert_eq!(of("get", &["access"], &["get", "k"]), (true, false));
        assert_eq!(of("lpush", &["insert"], &["lpush", "k", "v"]), (false, true));
        assert_eq!(of("lpop", &["access", "delete"], &["lpop", "k"]), (true, true));
        assert_eq!(of("exists", &[], &["exists", "k"]), (false, false));
    }

    #[test]
    fn some_requests_need_more_than_others_of_their_command() {
        const NOTES: &[&str] = &["access", "update", "variable_flags"];
        assert_eq!(of("set", NOTES, &["set", "k", "get"]), (false, true));
        assert_eq!(of("set", NOTES, &["set", "k", "v", "nx", "get"]), (true, true));
        let read = &["bitfield", "k", "overflow", "sat", "get", "u8", "0"];
        assert_eq!(of("bitfield", NOTES, read), (true, false));
        let written = &["bitfield", "k", "get", "u8", "set", "incrby", "u8", "0", "1"];
        assert_eq!(of("bitfield", NOTES, written), (true, true));
        assert_eq!(of("bitfield", NOTES, &["bitfield", "k", "x"]), (true, true));
    }
}
