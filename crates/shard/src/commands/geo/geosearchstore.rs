//! GEOSEARCHSTORE destination source …\[STOREDIST\]: GEOSEARCH whose result is stored, with the
//! scores that it has, or with distances as scores.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::options::{Form, Search};
use super::search;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "geosearchstore",
        family: Family::Geo,
        arity: Arity::at_least(8),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[KeySpec::at(1, Access::Ow, &["update"]), KeySpec::at(2, Access::Ro, &["access"])],
        since: "6.2.0",
        complexity: "O(N+log(M)) where N is the number of elements in the grid-aligned bounding \
                     box area around the shape provided as the filter and M is the number of items \
                     inside the shape",
        summary: "Queries a geospatial index for members inside an area of a box or a circle, \
                  optionally stores the result.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    search::run(call, args.at(2), "geosearchstore", |zset| {
        Search::parse(args, 3, Form::SearchStore, zset, None)
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn stores_positions_or_distances() {
        let mut rig = Rig::new();
        rig.check("GEOADD {t}g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2");
        rig.check("GEOSEARCHSTORE {t}d {t}g FROMLONLAT 15 37 BYRADIUS 100 km", ":1");
        rig.check("ZRANGE {t}d 0 -1 WITHSCORES", "[$Catania $3479447370796909]");
        rig.check("GEOSEARCHSTORE {t}d {t}g FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST", ":2");
        rig.check(
            "ZRANGE {t}d 0 -1 WITHSCORES",
            "[$Catania $56.4412578701582 $Palermo $190.44242984775784]",
        );
        rig.check("GEOSEARCHSTORE {t}d {t}g FROMLONLAT 0 0 BYRADIUS 1 km", ":0");
        rig.check("EXISTS {t}d", ":0");
        rig.check("SET {t}d v", "+OK");
        rig.check("GEOSEARCHSTORE {t}d {t}nosuch FROMLONLAT 0 0 BYRADIUS 1 km", ":0");
        rig.check("EXISTS {t}d", ":0");
    }

    #[test]
    fn nothing_is_shown_besides() {
        let mut rig = Rig::new();
        rig.check(
            "GEOSEARCHSTORE {t}d {t}g FROMLONLAT 15 37 BYRADIUS 1 km WITHDIST",
            "-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        );
        rig.check(
            "GEOSEARCHSTORE {t}d {t}g FROMLONLAT 15 37 BYRADIUS 1 km STORE {t}x",
            "-ERR syntax error",
        );
    }
}
