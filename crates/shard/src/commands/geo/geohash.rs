//! GEOHASH key \[member …\]: the positions of members as geohash texts.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::cell::text_of;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "geohash",
        family: Family::Geo,
        arity: Arity::at_least(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "3.2.0",
        complexity: "O(1) for each member requested.",
        summary: "Returns members from a geospatial index as geohash strings.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let zset = call.keyspace.zset(args.at(1))?;
    call.reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => call.reply.bulk(&text_of(score)),
            None => call.reply.null(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn texts_have_eleven_letters() {
        let mut rig = Rig::new();
        rig.check("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2");
        rig.check("GEOHASH g Palermo Nowhere Catania", "[$sqc8b49rny0 _ $sqdtr74hyu0]");
        rig.check("GEOHASH g", "[]");
        rig.check("GEOHASH nosuch a", "[_]");
        rig.check("SET k v", "+OK");
        rig.check_error("GEOHASH k a", "WRONGTYPE");
    }
}
