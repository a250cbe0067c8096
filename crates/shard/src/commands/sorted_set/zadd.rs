//! ZADD key \[NX|XX\] \[GT|LT\] \[CH\] \[INCR\] score member \[score member …\]: add members, or
//! change their scores. Replies how many are new, with CH how many are new or changed, with INCR
//! the new score.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::NOT_A_NUMBER;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zadd",
        family: Family::SortedSet,
        arity: Arity::at_least(4),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["update"])],
        since: "1.2.0",
        complexity: "O(log(N)) for each item added, where N is the number of elements in the \
                     sorted set.",
        summary: "Adds one or more members to a sorted set, or updates their scores. Creates the \
                  key if it doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

/// What ZADD does with members that are there, and with those that are not.
#[derive(Clone, Copy, Default)]
pub(in crate::commands) struct Options {
    /// Adds only.
    pub(in crate::commands) nx: bool,
    /// Changes only.
    pub(in crate::commands) xx: bool,
    /// Raises only.
    gt: bool,
    /// Lowers only.
    lt: bool,
    /// Counts changes too.
    pub(in crate::commands) ch: bool,
    incr: bool,
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (options, first) = Options::parse(args)?;
    for at in (first..args.len()).step_by(2) {
        args.float(at)?;
    }
    let key = args.at(1);
    if options.incr {
        return increment(call, key, args.float(first)?, args.at(first + 1), options);
    }
    let mut pairs = (first..args.len()).step_by(2).map(|at| Ok((args.float(at)?, args.at(at + 1))));
    let changed = add(call, key, options, &mut pairs)?;
    call.reply.count(changed);
    Ok(())
}

/// Adds members or changes their scores, and returns how many are new, or changed if the options
/// say so. Scores are numbers.
pub(in crate::commands) fn add(
    call: &mut Call<'_, '_>,
    key: &[u8],
    options: Options,
    pairs: &mut dyn Iterator<Item = Result<(f64, &[u8]), CommandError>>,
) -> Result<usize, CommandError> {
    let (mut added, mut changed) = (0, 0);
    for pair in pairs {
        let (score, member) = pair?;
        // Only the first can find the wrong type, and then nothing has changed.
        match call.keyspace.zset_update(key, member, |old| options.decide(old, score))? {
            Some(true) => added += 1,
            Some(false) => changed += 1,
            None => {}
        }
    }
    if added + changed > 0 {
        call.keyspace.notify(Events::SORTED_SET, "zadd", key);
    }
    Ok(if options.ch { added + changed } else { added })
}

/// Adds to the score of a member; one that is missing has 0. Replies the sum, or the null when the
/// options leave the member as it is.
pub(super) fn increment(
    call: &mut Call<'_, '_>,
    key: &[u8],
    increment: f64,
    member: &[u8],
    options: Options,
) -> Result<(), CommandError> {
    let old = call.keyspace.zset(key)?.and_then(|zset| zset.score(member));
    let sum = old.map_or(increment, |old| old + increment);
    // NX leaves a member as it is, whatever the sum would be.
    if sum.is_nan() && !options.nx {
        return Err(NOT_A_NUMBER);
    }
    let is_kept = old == Some(sum) && !options.nx && !options.gt && !options.lt;
    match options.decide(old, sum) {
        Some(sum) => {
            call.keyspace.zset_update(key, member, |_| Some(sum))?;
            call.keyspace.notify(Events::SORTED_SET, "zincr", key);
            call.reply.double(sum);
        }
        None if is_kept => call.reply.double(sum),
        None => call.reply.null(),
    }
    Ok(())
}

impl Options {
    /// The options, and the part where scores and members begin.
    fn parse(args: Args<'_>) -> Result<(Self, usize), CommandError> {
        let mut options = Self::default();
        let mut at = 2;
        while at < args.len() {
            let option = [
                ("NX", &mut options.nx),
                ("XX", &mut options.xx),
                ("GT", &mut options.gt),
                ("LT", &mut options.lt),
                ("CH", &mut options.ch),
                ("INCR", &mut options.incr),
            ];
            let Some((_, flag)) = option.into_iter().find(|(word, _)| args.is(at, word)) else {
                break;
            };
            *flag = true;
            at += 1;
        }
        let parts = args.len() - at;
        if parts == 0 || parts % 2 == 1 {
            return Err(ArgsError::Syntax.into());
        }
        options.check(parts / 2)?;
        Ok((options, at))
    }

    fn check(self, pairs: usize) -> Result<(), CommandError> {
        let Self { nx, xx, gt, lt, incr, .. } = self;
        if nx && xx {
            return Err(CommandError::Text(
                "ERR XX and NX options at the same time are not compatible",
            ));
        }
        if (nx && (gt || lt)) || (gt && lt) {
            return Err(CommandError::Text(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if incr && pairs > 1 {
            return Err(CommandError::Text(
                "ERR INCR option supports a single increment-element pair",
            ));
        }
        Ok(())
    }

    /// The score that a member gets; `None` leaves it as it is.
    fn decide(self, old: Option<f64>, new: f64) -> Option<f64> {
        let wanted = match old {
            None => !self.xx,
            Some(old) => {
                let is_barred = self.nx || (self.gt && new <= old) || (self.lt && new >= old);
                !is_barred && new != old
            }
        };
        wanted.then_some(new)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_how_many_are_new() {
        let mut rig = Rig::new();
        rig.check("ZADD z 2 b 1 a 3 a", ":2");
        rig.check("ZADD z 2 b 5 c", ":1");
        rig.check("ZRANGE z 0 -1 WITHSCORES", "[$b $2 $a $3 $c $5]");
        rig.check("ZADD z CH 2 b 6 c 0 d", ":2");
        rig.check("TYPE z", "+zset");
    }

    #[test]
    fn nx_adds_and_xx_changes() {
        let mut rig = Rig::new();
        rig.check("ZADD z XX 1 a", ":0");
        rig.check("EXISTS z", ":0");
        rig.check("ZADD z NX 1 a", ":1");
        rig.check("ZADD z NX CH 2 a 3 b", ":1");
        rig.check("ZADD z XX CH 2 a 3 c", ":1");
        rig.check("ZRANGE z 0 -1 WITHSCORES", "[$a $2 $b $3]");
    }

    #[test]
    fn gt_raises_and_lt_lowers() {
        let mut rig = Rig::new();
        rig.check("ZADD z 5 a 5 b", ":2");
        rig.check("ZADD z GT CH 4 a 6 b 1 c", ":2");
        rig.check("ZADD z LT CH 4 a 7 b 1 d", ":2");
        rig.check("ZRANGE z 0 -1 WITHSCORES", "[$c $1 $d $1 $a $4 $b $6]");
        rig.check("ZADD z GT XX CH 9 e 9 a", ":1");
    }

    #[test]
    fn incr_replies_the_sum_or_the_null() {
        let mut rig = Rig::new();
        rig.check("ZADD z INCR 1.5 a", "$1.5");
        rig.check("ZADD z INCR 2 a", "$3.5");
        rig.check("ZADD z INCR 0 a", "$3.5");
        rig.check("ZADD z NX INCR 2 a", "_");
        rig.check("ZADD z XX INCR 2 b", "_");
        rig.check("ZADD z GT INCR -1 a", "_");
        rig.check("ZADD z LT INCR -1 a", "$2.5");
        rig.check("ZADD z GT INCR 0 a", "_");
        rig.check(
            "ZADD z INCR 1 a 2 b",
            "-ERR INCR option supports a single increment-element pair",
        );
        let mut rig = Rig::new().resp3();
        rig.check("ZADD z INCR 1.5 a", ",1.5");
    }

    #[test]
    fn infinities_do_not_add_up_to_nothing() {
        let mut rig = Rig::new();
        rig.check("ZADD z inf a -inf b +Infinity c", ":3");
        rig.check("ZADD z INCR -inf a", "-ERR resulting score is not a number (NaN)");
        rig.check("ZADD z INCR 5 a", "$inf");
        rig.check("ZSCORE z b", "$-inf");
        rig.check("ZADD z nan d", "-ERR value is not a valid float");
        rig.check("ZADD z -0 zero", ":1");
        rig.check("ZSCORE z zero", "$0");
        rig.check("ZADD z INCR -0 minus", "$-0");
        rig.check("ZADD z CH 0 zero", ":0");
    }

    #[test]
    fn a_set_that_grows_changes_its_form() {
        let mut rig = Rig::new();
        for n in 0..128 {
            rig.check(&format!("ZADD z {n} m{n}"), ":1");
        }
        rig.check("OBJECT ENCODING z", "$listpack");
        rig.check("ZADD z 5.5 m7", ":0");
        rig.check("OBJECT ENCODING z", "$listpack");
        rig.check("ZADD z 128 m128", ":1");
        rig.check("OBJECT ENCODING z", "$skiplist");
        rig.check("ZRANK z m7", ":6");
        rig.check(&format!("ZADD y 1 {}", "x".repeat(65)), ":1");
        rig.check("OBJECT ENCODING y", "$skiplist");
    }

    #[test]
    fn bad_arguments_change_nothing() {
        let mut rig = Rig::new();
        rig.check("ZADD z 1 a x b", "-ERR value is not a valid float");
        rig.check("ZADD z 1 a 2", "-ERR syntax error");
        rig.check("ZADD z NX CH", "-ERR syntax error");
        rig.check("ZADD z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible");
        for options in ["NX GT", "NX LT", "GT LT", "NX GT LT"] {
            rig.check(
                &format!("ZADD z {options} 1 a"),
                "-ERR GT, LT, and/or NX options at the same time are not compatible",
            );
        }
        rig.check("EXISTS z", ":0");
        rig.check("SET k v", "+OK");
        rig.check_error("ZADD k 1 a", "WRONGTYPE");
        rig.check_error("ZADD k INCR 1 a", "WRONGTYPE");
        rig.check_error("ZADD k XX 1 a", "WRONGTYPE");
        rig.check("GET k", "$v");
    }
}
