//! GEOPOS key \[member …\]: the longitudes and latitudes of members.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::cell::{Position, position_of};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::reply::Reply;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "geopos",
        family: Family::Geo,
        arity: Arity::at_least(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "3.2.0",
        complexity: "O(1) for each member requested.",
        summary: "Returns the longitude and latitude of members from a geospatial index.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let zset = call.keyspace.zset(args.at(1))?;
    call.reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => write_position(call.reply, position_of(score)),
            None => call.reply.null_array(),
        }
    }
    Ok(())
}

/// Replies a longitude and a latitude.
pub(super) fn write_position(reply: &mut Reply<'_>, position: Position) {
    reply.array(2);
    reply.decimal(position.longitude);
    reply.decimal(position.latitude);
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn positions_have_seventeen_decimals() {
        let mut rig = Rig::new();
        rig.check("GEOADD g 13.361389 38.115556 Palermo", ":1");
        rig.check("GEOPOS g Palermo Nowhere", "[[$13.36138933897018433 $38.11555639549629859] _]");
        rig.check("GEOPOS g", "[]");
        rig.check("GEOPOS nosuch a", "[_]");
        let mut rig = Rig::new().resp3();
        rig.check("GEOADD g 13.361389 38.115556 Palermo", ":1");
        rig.check("GEOPOS g Palermo", "[[,13.36138933897018433 ,38.11555639549629859]]");
        rig.check("SET k v", "+OK");
        rig.check_error("GEOPOS k a", "WRONGTYPE");
    }
}
