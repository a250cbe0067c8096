//! GEODIST key member1 member2 \[M|KM|FT|MI\]: how far apart two members are.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::cell::position_of;
use super::distance::{between, parse_unit, text};
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "geodist",
        family: Family::Geo,
        arity: Arity::at_least(4),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "3.2.0",
        complexity: "O(1)",
        summary: "Returns the distance between two members of a geospatial index.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let unit = match args.len() {
        4 => 1.0,
        5 => parse_unit(args, 4)?,
        _ => return Err(ArgsError::Syntax.into()),
    };
    let zset = call.keyspace.zset(args.at(1))?;
    let position = |member| zset.and_then(|zset| zset.score(member)).map(position_of);
    match position(args.at(2)).zip(position(args.at(3))) {
        Some((from, to)) => call.reply.bulk(text(between(from, to) / unit).as_bytes()),
        None => call.reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn distances_have_four_decimals() {
        for mut rig in [Rig::new(), Rig::new().resp3()] {
            rig.check("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2");
            rig.check("GEODIST g Palermo Catania", "$166274.1516");
            rig.check("GEODIST g Palermo Catania km", "$166.2742");
            rig.check("GEODIST g Palermo Catania MI", "$103.3182");
            rig.check("GEODIST g Palermo Palermo ft", "$0.0000");
            rig.check("GEODIST g Palermo Nowhere", "_");
            rig.check("GEODIST nosuch Palermo Catania", "_");
        }
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("GEODIST g a b yd", "-ERR unsupported unit provided. please use M, KM, FT, MI");
        rig.check("GEODIST g a b km x", "-ERR syntax error");
        rig.check("SET k v", "+OK");
        rig.check_error("GEODIST k a b", "WRONGTYPE");
    }
}
