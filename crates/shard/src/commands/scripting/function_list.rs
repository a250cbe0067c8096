//! FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]: the libraries of the node.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::glob;
use crate::reply::Reply;
use crate::script::functions::{Function, Library};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "function|list",
        family: Family::Scripting,
        arity: Arity::at_least(2),
        flags: Flags::NOSCRIPT,
        tips: &["nondeterministic_output_order"],
        since: "7.0.0",
        complexity: "O(N) where N is the number of functions",
        summary: "Returns information about all libraries.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (mut pattern, mut with_code) = (None, false);
    let mut at = 2;
    while at < args.len() {
        if !with_code && args.is(at, "WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && args.is(at, "LIBRARYNAME") {
            at += 1;
            let missing = CommandError::Text("ERR library name argument was not given");
            pattern = Some(args.get(at).ok_or(missing)?);
        } else {
            let shown = String::from_utf8_lossy(args.at(at));
            return Err(CommandError::dynamic(format!("ERR Unknown argument {shown}")));
        }
        at += 1;
    }
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    let mut libraries = scripts.function_store().libraries();
    if let Some(pattern) = pattern {
        libraries.retain(|library| glob::matches(pattern, library.name.as_bytes(), true));
    }
    call.reply.array(libraries.len());
    libraries.iter().for_each(|library| write_library(call.reply, library, with_code));
    Ok(())
}

fn write_library(reply: &mut Reply<'_>, library: &Library, with_code: bool) {
    reply.map(3 + usize::from(with_code));
    reply.bulk(b"library_name");
    reply.bulk(library.name.as_bytes());
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    library.functions.iter().for_each(|function| write_function(reply, function));
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.code);
    }
}

fn write_function(reply: &mut Reply<'_>, function: &Function) {
    reply.map(3);
    reply.bulk(b"name");
    reply.bulk(function.name.as_bytes());
    reply.bulk(b"description");
    reply.bulk_or_null(function.description.as_deref());
    reply.bulk(b"flags");
    let flags = function.flags.names();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.status(flag));
}

#[cfg(test)]
#[path = "function_list_test.rs"]
mod tests;
