//! ACL CAT [category]: the categories, or the commands of one.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::FLAGS;
use crate::acl::category::{CATEGORIES, belongs, category};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "acl|cat",
        family: Family::Server,
        arity: Arity::at_least(2),
        flags: FLAGS,
        since: "6.0.0",
        complexity: "O(1) since the categories and commands are a fixed set.",
        summary: "Lists the ACL categories, or the commands inside a category.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let names: Vec<&str> = match args.len() {
        2 => CATEGORIES.to_vec(),
        3 => commands_of(call, args.at(2))?,
        _ => return Err(super::super::help::unknown_or_wrong("ACL", args)),
    };
    call.reply.array(names.len());
    names.iter().for_each(|name| call.reply.bulk(name.as_bytes()));
    Ok(())
}

fn commands_of(call: &SessionCall<'_, '_>, name: &[u8]) -> Result<Vec<&'static str>, CommandError> {
    let category = category(name).ok_or_else(|| {
        let name = String::from_utf8_lossy(&name[..name.len().min(128)]);
        CommandError::dynamic(format!("ERR Unknown category '{name}'"))
    })?;
    let rows = call.table.iter().map(|(_, row)| row.spec);
    Ok(rows.filter(|spec| belongs(spec, category)).map(|spec| spec.name).collect())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn categories_and_their_commands() {
        let mut rig = Rig::new();
        assert!(rig.run("ACL CAT").starts_with("[$keyspace $read $write $set $sortedset $list "));
        let hashes = rig.run("acl cat HASH");
        assert!(hashes.starts_with("[$hdel ") && !hashes.contains("$get "), "{hashes}");
        assert!(rig.run("ACL CAT dangerous").contains("$acl|list "));
        rig.check("ACL CAT nope", "-ERR Unknown category 'nope'");
    }
}
