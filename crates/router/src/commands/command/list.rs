//! COMMAND LIST [FILTERBY MODULE name|ACLCAT category|PATTERN pattern]: names of commands.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::commands::table::CommandTable;
use shard::error::CommandError;
use shard::glob;

use super::FLAGS;
use super::describe::categories;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "command|list",
        family: Family::Server,
        arity: Arity::at_least(2),
        flags: FLAGS,
        acl_extra: &["connection"],
        tips: &["nondeterministic_output_order"],
        since: "7.0.0",
        complexity: "O(N) where N is the total number of Redis commands",
        summary: "Returns a list of command names.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let filter = parse(args)?;
    let names = filter.names(call.table);
    call.reply.array(names.len());
    for name in names {
        call.reply.bulk(name.as_bytes());
    }
    Ok(())
}

/// Which commands to list.
enum Filter<'a> {
    All,
    /// Of this ACL category.
    Category(&'a [u8]),
    /// Of a module. There are no modules.
    Module,
    /// Whose names match this pattern.
    Pattern(&'a [u8]),
}

fn parse(args: Args<'_>) -> Result<Filter<'_>, CommandError> {
    match args.len() {
        2 => Ok(Filter::All),
        5 if args.is(2, "FILTERBY") && args.is(3, "MODULE") => Ok(Filter::Module),
        5 if args.is(2, "FILTERBY") && args.is(3, "ACLCAT") => Ok(Filter::Category(args.at(4))),
        5 if args.is(2, "FILTERBY") && args.is(3, "PATTERN") => Ok(Filter::Pattern(args.at(4))),
        _ => Err(ArgsError::Syntax.into()),
    }
}

impl Filter<'_> {
    /// The names of the commands and subcommands that pass, sorted.
    fn names(&self, table: &CommandTable) -> Vec<&'static str> {
        let passes = |spec: &CommandSpec| match self {
            Self::All => true,
            Self::Category(wanted) => categories(spec)
                .iter()
                .any(|category| category.as_bytes().eq_ignore_ascii_case(wanted)),
            Self::Module => false,
            Self::Pattern(pattern) => glob::matches(pattern, spec.name.as_bytes(), true),
        };
        table
            .iter()
            .map(|(_, row)| row.spec)
            .filter(|spec| passes(spec))
            .map(|spec| spec.name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Rig, table};

    #[test]
    fn all_names_are_listed_with_those_of_subcommands() {
        let names: Vec<String> =
            table().iter().map(|(_, row)| format!("${}", row.spec.name)).collect();
        Rig::new().check("COMMAND LIST", &format!("[{}]", names.join(" ")));
    }

    #[test]
    fn filters() {
        let mut rig = Rig::new();
        rig.check("COMMAND LIST FILTERBY PATTERN 'CLUSTER|SH?RD*'", "[$cluster|shards]");
        let strings = rig.run("COMMAND LIST filterby aclcat STRING");
        assert!(
            strings.starts_with('[') && strings.contains("$get ") && !strings.contains("$auth")
        );
        rig.check("COMMAND LIST FILTERBY ACLCAT nosuch", "[]");
        rig.check("COMMAND LIST FILTERBY MODULE json", "[]");
        for options in ["foo", "FILTERBY", "FILTERBY foo x", "FILTERBY ACLCAT string x"] {
            rig.check(&format!("COMMAND LIST {options}"), "-ERR syntax error");
        }
    }
}
