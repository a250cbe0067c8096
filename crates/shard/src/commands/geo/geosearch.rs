//! GEOSEARCH key FROMMEMBER member|FROMLONLAT longitude latitude BYRADIUS radius unit|BYBOX width
//! height unit \[ASC|DESC\] \[COUNT count \[ANY\]\] \[WITHCOORD\] \[WITHDIST\] \[WITHHASH\]: the
//! members in a circle or a box.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::options::{Form, Search};
use super::search;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "geosearch",
        family: Family::Geo,
        arity: Arity::at_least(7),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "6.2.0",
        complexity: "O(N+log(M)) where N is the number of elements in the grid-aligned bounding \
                     box area around the shape provided as the filter and M is the number of items \
                     inside the shape",
        summary: "Queries a geospatial index for members inside an area of a box or a circle.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    search::run(call, args.at(1), "", |zset| Search::parse(args, 2, Form::Search, zset, None))
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    fn rig() -> Rig {
        let mut rig = Rig::new();
        rig.check("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2");
        rig.check("GEOADD g 12.758489 38.788135 edge1 17.241510 38.788135 edge2", ":2");
        rig
    }

    #[test]
    fn in_a_circle_and_in_a_box() {
        let mut rig = rig();
        rig.check("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC", "[$Catania $Palermo]");
        rig.check(
            "GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHDIST",
            "[[$Catania $56.4413] [$Palermo $190.4424] [$edge2 $279.7403] [$edge1 $279.7405]]",
        );
        rig.check("GEOSEARCH g FROMMEMBER Palermo BYRADIUS 0 m", "[$Palermo]");
        rig.check("GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km DESC COUNT 2", "[$edge1 $edge2]");
        rig.check("GEOSEARCH nosuch FROMMEMBER a BYRADIUS 1 m", "[]");
    }

    #[test]
    fn what_is_replied() {
        let mut rig = rig();
        rig.check(
            "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 100 km WITHCOORD WITHDIST WITHHASH",
            "[[$Catania $56.4413 :3479447370796909 [$15.08726745843887329 $37.50266842333162032]]]",
        );
        rig.check("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 500 km COUNT 1", "[$Catania]");
        let any = rig.run("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 500 km COUNT 1 ANY");
        assert_eq!(any.matches('$').count(), 1);
    }

    #[test]
    fn a_large_set_is_searched_too() {
        let mut rig = Rig::new().once();
        for n in 0..400 {
            let (longitude, latitude) = (f64::from(n % 20) / 10.0, f64::from(n / 20) / 10.0);
            rig.check(&format!("GEOADD g {longitude} {latitude} m{n}"), ":1");
        }
        let found = rig.run("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 25 km");
        assert_eq!(found.matches('$').count(), 21, "{found}");
        rig.check("GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 1 km", "[$m210]");
    }

    #[test]
    fn arguments_that_do_not_fit() {
        let mut rig = rig();
        for line in [
            "FROMMEMBER Palermo FROMLONLAT 1 1 BYRADIUS 1 m",
            "FROMLONLAT 1 1 BYRADIUS 1 m BYBOX 1 1 m",
            "FROMLONLAT 1 1 BYRADIUS 1 m STORE x",
            "FROMLONLAT 1 1 BYRADIUS 1 m COUNT",
        ] {
            rig.check(&format!("GEOSEARCH g {line}"), "-ERR syntax error");
        }
        for (line, error) in [
            (
                "BYRADIUS 1 m ASC WITHDIST",
                "exactly one of FROMMEMBER or FROMLONLAT can be \
             specified for geosearch",
            ),
            (
                "FROMLONLAT 1 1 ASC WITHDIST",
                "exactly one of BYRADIUS and BYBOX can be specified \
             for geosearch",
            ),
            ("FROMMEMBER Nowhere BYRADIUS 1 m", "could not decode requested zset member"),
            ("FROMLONLAT 1 1 BYRADIUS x m", "need numeric radius"),
            ("FROMLONLAT 1 1 BYRADIUS -1 m", "radius cannot be negative"),
            ("FROMLONLAT 1 1 BYBOX x 1 m", "need numeric width"),
            ("FROMLONLAT 1 1 BYBOX 1 x m", "need numeric height"),
            ("FROMLONLAT 1 1 BYBOX 1 -1 m", "height or width cannot be negative"),
            ("FROMLONLAT 1 1 BYRADIUS 1 m COUNT 0", "COUNT must be > 0"),
            ("FROMLONLAT 1 1 BYRADIUS 1 m ANY", "the ANY argument requires COUNT argument"),
        ] {
            rig.check(&format!("geosearch g {line}"), &format!("-ERR {error}"));
        }
        rig.check("SET k v", "+OK");
        rig.check_error("GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 m", "WRONGTYPE");
    }
}
