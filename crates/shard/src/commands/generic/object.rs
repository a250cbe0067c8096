//! OBJECT: what is known of a value besides its contents.
//!
//! ENCODING is the name of the form it is stored in. IDLETIME counts seconds since its last use;
//! asking is none. FREQ is how often it has been used, under the policies of eviction that count
//! uses.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Command, Run};
use crate::error::CommandError;

pub(super) const OBJECT: Command = Command {
    spec: CommandSpec {
        name: "object",
        family: Family::Generic,
        arity: Arity::at_least(2),
        flags: Flags::CONTAINER,
        since: "2.2.3",
        complexity: "Depends on subcommand.",
        summary: "A container for object introspection commands.",
        ..CommandSpec::NEW
    },
    // The table resolves a container to one of its subcommands.
    run: |_, _| Err(CommandError::Arity("object")),
};

pub(super) const ENCODING: Command = about_key(
    "object|encoding",
    "2.2.3",
    "Returns the internal encoding of a Redis object.",
    |call, args| {
        call.reply.bulk_or_null(call.keyspace.encoding(args.at(2)).map(str::as_bytes));
        Ok(())
    },
);

pub(super) const FREQ: Command = about_key(
    "object|freq",
    "4.0.0",
    "Returns the logarithmic access frequency counter of a Redis object.",
    |call, args| {
        let is_lfu = call.keyspace.settings().eviction.is_lfu();
        match call.keyspace.frequency(args.at(2)) {
            None => call.reply.null(),
            Some(_) if !is_lfu => return Err(CommandError::Text(NOT_COUNTED)),
            Some(count) => call.reply.int(i64::from(count)),
        }
        Ok(())
    },
);

const NOT_COUNTED: &str = "ERR An LFU maxmemory policy is not selected, access frequency not \
    tracked. Please note that when switching between policies at runtime LRU and LFU data will \
    take some time to adjust.";

const NOT_DATED: &str = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please \
    note that when switching between policies at runtime LRU and LFU data will take some time to \
    adjust.";

pub(super) const IDLETIME: Command = about_key(
    "object|idletime",
    "2.2.3",
    "Returns the time since the last access to a Redis object.",
    |call, args| {
        let is_lfu = call.keyspace.settings().eviction.is_lfu();
        match call.keyspace.idle_seconds(args.at(2)) {
            Some(_) if is_lfu => return Err(CommandError::Text(NOT_DATED)),
            Some(seconds) => call.reply.int(i64::from(seconds)),
            None => call.reply.null(),
        }
        Ok(())
    },
);

// Redis: 2147483647 for the small integers that it shares; we: 1, since nothing is shared.
pub(super) const REFCOUNT: Command = about_key(
    "object|refcount",
    "2.2.3",
    "Returns the reference count of a value of a key.",
    |call, args| {
        if call.keyspace.contains(args.at(2)) {
            call.reply.int(1);
        } else {
            call.reply.null();
        }
        Ok(())
    },
);

const fn about_key(
    name: &'static str,
    since: &'static str,
    summary: &'static str,
    run: Run,
) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::Generic,
            arity: Arity::exactly(3),
            flags: Flags::READONLY,
            keys: const { &[KeySpec::at(2, Access::Ro, &[])] },
            tips: &["nondeterministic_output"],
            since,
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

pub(super) const HELP: Command = Command {
    spec: CommandSpec {
        name: "object|help",
        family: Family::Generic,
        arity: Arity::exactly(2),
        flags: Flags::LOADING.union(Flags::STALE),
        since: "6.2.0",
        summary: "Returns helpful text about the different subcommands.",
        ..CommandSpec::NEW
    },
    run: |call, _| {
        call.reply.array(HELP_LINES.len());
        HELP_LINES.iter().for_each(|line| call.reply.status(line));
        Ok(())
    },
};

const HELP_LINES: [&str; 15] = [
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    Return the kind of internal representation used in order to store the value",
    "    associated with a <key>.",
    "FREQ <key>",
    "    Return the access frequency index of the <key>. The returned integer is",
    "    proportional to the logarithm of the recent access frequency of the key.",
    "IDLETIME <key>",
    "    Return the idle time of the <key>, that is the approximated number of",
    "    seconds elapsed since the last access to the key.",
    "REFCOUNT <key>",
    "    Return the number of references of the value associated with the specified",
    "    <key>.",
    "HELP",
    "    Prints this help.",
];

#[cfg(test)]
mod tests {
    use super::NOT_COUNTED;
    use crate::testing::Rig;

    #[test]
    fn encoding_names_the_form() {
        let mut rig = Rig::new();
        rig.check("SET int 17", "+OK");
        rig.check("OBJECT ENCODING int", "$int");
        rig.check("SET text abc", "+OK");
        rig.check("OBJECT ENCODING text", "$embstr");
        rig.check(&format!("SET long {}", "x".repeat(45)), "+OK");
        rig.check("object encoding long", "$raw");
        rig.check("HSET h f v", ":1");
        rig.check("OBJECT ENCODING h", "$listpack");
        rig.check(&format!("HSET h f {}", "x".repeat(65)), ":0");
        rig.check("OBJECT ENCODING h", "$hashtable");
    }

    #[test]
    fn idletime_counts_seconds_since_the_last_use() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.advance_ms(12_000);
        rig.check("OBJECT IDLETIME k", ":12");
        rig.check("OBJECT IDLETIME k", ":12");
        rig.check("GET k", "$v");
        rig.check("OBJECT IDLETIME k", ":0");
    }

    #[test]
    fn freq_and_refcount() {
        let mut rig = Rig::new();
        rig.check("HSET h f v", ":1");
        rig.check("OBJECT FREQ h", &format!("-{NOT_COUNTED}"));
        rig.check("OBJECT REFCOUNT h", ":1");
    }

    #[test]
    fn a_missing_key_replies_the_null() {
        let mut rig = Rig::new();
        for name in ["ENCODING", "FREQ", "IDLETIME", "REFCOUNT"] {
            rig.check(&format!("OBJECT {name} k"), "_");
        }
    }

    #[test]
    fn help_is_an_array_of_statuses() {
        let mut rig = Rig::new();
        let help = rig.run("OBJECT HELP");
        assert!(help.starts_with("[+OBJECT <subcommand> [<arg> [value] [opt] ...]. Sub"), "{help}");
        assert!(help.ends_with("+HELP +    Prints this help.]"), "{help}");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("OBJECT", "-ERR wrong number of arguments for 'object' command");
        rig.check("OBJECT nope k", "-ERR unknown subcommand 'nope'. Try OBJECT HELP.");
        for name in ["encoding", "freq", "idletime", "refcount"] {
            let error = format!("-ERR wrong number of arguments for 'object|{name}' command");
            rig.check(&format!("OBJECT {name}"), &error);
            rig.check(&format!("OBJECT {name} k k"), &error);
        }
        rig.check("OBJECT HELP k", "-ERR wrong number of arguments for 'object|help' command");
    }
}
