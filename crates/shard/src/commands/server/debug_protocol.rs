//! DEBUG PROTOCOL type: a reply of each type that the protocol has, for tests of clients and of what
//! scripts get. DEBUG's other subcommands are the node's.

use protocol::args::Args;
use protocol::encode::Version;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const DEBUG: Command = Command {
    spec: CommandSpec {
        name: "debug",
        family: Family::Server,
        arity: Arity::at_least(2),
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::CONTAINER),
        complexity: "Depends on subcommand.",
        summary: "A container for debugging commands.",
        ..CommandSpec::NEW
    },
    run: |_, _| Err(CommandError::Arity("debug")),
};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "debug|protocol",
        family: Family::Server,
        arity: Arity::exactly(3),
        flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
        summary: "Replies a value of a type of the protocol.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let reply = &mut *call.reply;
    let is = |name: &str| args.is(2, name);
    if is("string") {
        reply.bulk(b"Hello World");
    } else if is("integer") {
        reply.int(12345);
    } else if is("double") {
        // The number that Redis has for it.
        reply.double(3141.0 / 1000.0);
    } else if is("null") {
        reply.null();
    } else if is("array") {
        reply.array(3);
        (0..3).for_each(|number| reply.int(number));
    } else if is("set") {
        reply.set(3);
        (0..3).for_each(|number| reply.int(number));
    } else if is("map") {
        reply.map(3);
        (0..3).for_each(|number| {
            reply.int(number);
            reply.boolean(number == 1);
        });
    } else if is("attrib") {
        if reply.attribute(1) {
            reply.bulk(b"key-popularity");
            reply.array(2);
            reply.bulk(b"key:123");
            reply.int(90);
        }
        reply.bulk(b"Some real reply following the attribute");
    } else if is("push") {
        if matches!(reply.version(), Version::Resp2) {
            return Err(CommandError::Text("ERR RESP2 is not supported by this command"));
        }
        reply.push(2);
        reply.bulk(b"server-cpu-usage");
        reply.int(42);
    } else if is("verbatim") {
        reply.verbatim(b"This is a verbatim\nstring");
    } else if is("true") {
        reply.boolean(true);
    } else if is("false") {
        reply.boolean(false);
    } else if is("bignum") {
        reply.big_number(b"1234567999999999999999999999999999999");
    } else {
        return Err(CommandError::Text(
            "ERR Wrong protocol type name. Please use one of the following: \
             string|integer|double|null|array|set|map|attrib|push|verbatim|true|false|bignum",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_each_type_in_both_versions() {
        let cases = [
            (
                "bignum",
                "$1234567999999999999999999999999999999",
                "(1234567999999999999999999999999999999",
            ),
            ("map", "[:0 :0 :1 :1 :2 :0]", "%{:0:#f :1:#t :2:#f}"),
            ("set", "[:0 :1 :2]", "~[:0 :1 :2]"),
            ("double", "$3.141", ",3.141"),
            ("null", "_", "_"),
            ("true", ":1", "#t"),
        ];
        let (mut two, mut three) = (Rig::new(), Rig::new().resp3());
        for (name, resp2, resp3) in cases {
            two.check(&format!("DEBUG PROTOCOL {name}"), resp2);
            three.check(&format!("DEBUG PROTOCOL {name}"), resp3);
        }
        two.check_error("DEBUG PROTOCOL nosuch", "ERR Wrong protocol type name.");
        two.check_error("DEBUG PROTOCOL push", "ERR RESP2 is not supported");
        two.check("DEBUG PROTOCOL attrib", "$Some real reply following the attribute");
        two.check_error(
            "EVAL \"return redis.call('debug','protocol','map')\" 0",
            "ERR This Redis command is not allowed from script",
        );
        two.shard().scripts_mut().permit_all_commands(true);
        let script =
            "EVAL \"redis.setresp(3) return redis.call('debug','protocol','bignum').big_number\" 0";
        two.check(script, "$1234567999999999999999999999999999999");
    }
}
