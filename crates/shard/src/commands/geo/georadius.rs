//! GEORADIUS key longitude latitude radius unit …, GEORADIUSBYMEMBER key member radius unit …, and
//! their forms that store nothing: GEOSEARCH as it was before 6.2. STORE key and STOREDIST key
//! store the result.

use protocol::args::Args;
use protocol::spec::{Access, Arity, Begin, CommandSpec, Family, Find, Flags, KeySpec};

use super::distance::parse_position;
use super::options::{Form, Search, parse_radius, position_of_member};
use super::search;
use super::shape::Shape;
use crate::commands::{Call, Command, Run};
use crate::error::CommandError;

pub(super) const GEORADIUS: Command = command(
    "georadius",
    "3.2.0",
    6,
    &[KeySpec::at(1, Access::Ro, &["access"]), stored("STORE", 6), stored("STOREDIST", 6)],
    "Queries a geospatial index for members within a distance from a coordinate, optionally \
     stores the result.",
    |call, args| around_position(call, args, Form::Radius),
);

pub(super) const GEORADIUS_RO: Command = command(
    "georadius_ro",
    "3.2.10",
    6,
    &[KeySpec::at(1, Access::Ro, &["access"])],
    "Returns members from a geospatial index that are within a distance from a coordinate.",
    |call, args| around_position(call, args, Form::RadiusReadOnly),
);

pub(super) const GEORADIUSBYMEMBER: Command = command(
    "georadiusbymember",
    "3.2.0",
    5,
    &[KeySpec::at(1, Access::Ro, &["access"]), stored("STORE", 5), stored("STOREDIST", 5)],
    "Queries a geospatial index for members within a distance from a member, optionally stores \
     the result.",
    |call, args| around_member(call, args, Form::Radius),
);

pub(super) const GEORADIUSBYMEMBER_RO: Command = command(
    "georadiusbymember_ro",
    "3.2.10",
    5,
    &[KeySpec::at(1, Access::Ro, &["access"])],
    "Returns members from a geospatial index that are within a distance from a member.",
    |call, args| around_member(call, args, Form::RadiusReadOnly),
);

/// The key after this word.
const fn stored(word: &'static str, from: i8) -> KeySpec {
    KeySpec {
        begin: Begin::Keyword { word, from },
        find: Find::Range { last: 0, step: 1, limit: 0 },
        access: Access::Ow,
        notes: &["update"],
        remark: "",
    }
}

const fn command(
    name: &'static str,
    since: &'static str,
    parts: i16,
    keys: &'static [KeySpec],
    summary: &'static str,
    run: Run,
) -> Command {
    let stores = Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS);
    Command {
        spec: CommandSpec {
            name,
            family: Family::Geo,
            arity: Arity::at_least(parts),
            flags: if keys.len() > 1 { stores } else { Flags::READONLY },
            keys,
            since,
            complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of \
                         the circular area delimited by center and radius and M is the number of \
                         items inside the index.",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn around_position(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    form: Form,
) -> Result<(), CommandError> {
    search::run(call, args.at(1), "georadiusstore", |zset| {
        let center = parse_position(args, 2)?;
        let (extent, unit) = parse_radius(args, 4)?;
        Search::parse(args, 6, form, zset, Some((Shape { center, extent }, unit)))
    })
}

fn around_member(call: &mut Call<'_, '_>, args: Args<'_>, form: Form) -> Result<(), CommandError> {
    search::run(call, args.at(1), "georadiusstore", |zset| {
        // Without a source there is no center, and nobody looks at the radius.
        let shape = match position_of_member(zset, args.at(2))? {
            Some(center) => {
                let (extent, unit) = parse_radius(args, 3)?;
                Some((Shape { center, extent }, unit))
            }
            None => None,
        };
        Search::parse(args, 5, form, zset, shape)
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    fn rig() -> Rig {
        let mut rig = Rig::new();
        rig.check("GEOADD {t}g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2");
        rig
    }

    #[test]
    fn around_a_position_or_a_member() {
        let mut rig = rig();
        for name in ["GEORADIUS", "GEORADIUS_RO"] {
            rig.check(
                &format!("{name} {{t}}g 15 37 200 km WITHDIST DESC"),
                "[[$Palermo $190.4424] [$Catania $56.4413]]",
            );
            rig.check(&format!("{name} {{t}}nosuch 15 37 200 km"), "[]");
        }
        for name in ["GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"] {
            rig.check(&format!("{name} {{t}}g Palermo 100 km"), "[$Palermo]");
            rig.check(&format!("{name} {{t}}nosuch Palermo 100 yd"), "[]");
        }
    }

    #[test]
    fn results_can_be_stored() {
        let mut rig = rig();
        rig.check("GEORADIUS {t}g 15 37 100 km STORE {t}d", ":1");
        rig.check("ZRANGE {t}d 0 -1 WITHSCORES", "[$Catania $3479447370796909]");
        rig.check("GEORADIUSBYMEMBER {t}g Palermo 100 km STOREDIST {t}d", ":1");
        rig.check("ZRANGE {t}d 0 -1 WITHSCORES", "[$Palermo $0]");
        rig.check("GEORADIUSBYMEMBER {t}nosuch Palermo 100 km STORE {t}d", ":0");
        rig.check("EXISTS {t}d", ":0");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = rig();
        for line in ["GEORADIUS_RO {t}g 15 37 1 km", "GEORADIUSBYMEMBER_RO {t}g Palermo 1 km"] {
            rig.check(&format!("{line} STORE {{t}}d"), "-ERR syntax error");
        }
        rig.check(
            "GEORADIUS {t}g 15 37 1 km WITHDIST STORE {t}d",
            "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and \
             WITHCOORD options",
        );
        rig.check(
            "GEORADIUSBYMEMBER {t}g Nowhere 1 km",
            "-ERR could not decode requested zset member",
        );
        rig.check("GEORADIUS {t}g 15 37 x km", "-ERR need numeric radius");
        rig.check_error("GEORADIUS {t}g 15 100 1 km", "ERR invalid longitude,latitude pair");
    }
}
