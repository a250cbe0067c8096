//! GEOADD key \[NX|XX\] \[CH\] longitude latitude member \[longitude latitude member …\]: add
//! members at positions, or move them.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::cell::score_of;
use super::distance::parse_position;
use crate::commands::sorted_set::zadd::{Options, add};
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "geoadd",
        family: Family::Geo,
        arity: Arity::at_least(5),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[KeySpec::at(1, Access::Rw, &["update"])],
        since: "3.2.0",
        complexity: "O(log(N)) for each item added, where N is the number of elements in the \
                     sorted set.",
        summary: "Adds one or more members to a geospatial index. The key is created if it \
                  doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let mut options = Options::default();
    let mut first = 2;
    loop {
        let flag = if args.is(first, "NX") {
            &mut options.nx
        } else if args.is(first, "XX") {
            &mut options.xx
        } else if args.is(first, "CH") {
            &mut options.ch
        } else {
            break;
        };
        *flag = true;
        first += 1;
    }
    let parts = args.len().saturating_sub(first);
    if parts == 0 || parts % 3 != 0 || (options.nx && options.xx) {
        return Err(ArgsError::Syntax.into());
    }
    let places = (first..args.len()).step_by(3);
    for at in places.clone() {
        parse_position(args, at)?;
    }
    let mut pairs = places.map(|at| Ok((score_of(parse_position(args, at)?), args.at(at + 2))));
    let changed = add(call, args.at(1), options, &mut pairs)?;
    call.reply.count(changed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn scores_are_those_of_redis() {
        let mut rig = Rig::new();
        rig.check("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2");
        rig.check("ZSCORE g Palermo", "$3479099956230698");
        rig.check("ZSCORE g Catania", "$3479447370796909");
        rig.check("TYPE g", "+zset");
    }

    #[test]
    fn options_are_those_of_zadd() {
        let mut rig = Rig::new();
        rig.check("GEOADD g XX 1 2 a", ":0");
        rig.check("GEOADD g NX 1 2 a", ":1");
        rig.check("GEOADD g NX CH 3 4 a 5 6 b", ":1");
        rig.check("GEOADD g CH 3 4 a 5 6 b", ":1");
        rig.check("GEOADD g CH XX 3 4 a 5 6 b", ":0");
    }

    #[test]
    fn bad_arguments_change_nothing() {
        let mut rig = Rig::new();
        rig.check(
            "GEOADD g 1 2 a 181 86 b",
            "-ERR invalid longitude,latitude pair 181.000000,86.000000",
        );
        rig.check("GEOADD g 1 2 a x 2 b", "-ERR value is not a valid float");
        rig.check("GEOADD g 1 2 a 3", "-ERR syntax error");
        rig.check("GEOADD g NX XX 1 2 a", "-ERR syntax error");
        rig.check("GEOADD g NX CH XX", "-ERR syntax error");
        rig.check("EXISTS g", ":0");
        rig.check("SET k v", "+OK");
        rig.check_error("GEOADD k 1 2 a", "WRONGTYPE");
    }
}
