//! What the commands on expiring fields have in common: `FIELDS numfields field…`, and times.
//!
//! Not a command.

use protocol::args::Args;
use protocol::error::ArgsError;

use crate::error::CommandError;
use crate::time::Millis;

/// The latest time that a field can expire, as Redis has it: it keeps 46 bits.
const TIME_MAX: i64 = (1 << 46) - 1;

/// The text for a count of fields that is no positive integer; HEXPIRE and its kin have their own.
pub(super) const BAD_COUNT: &str = "ERR Number of fields must be a positive integer";

/// The fields behind `FIELDS numfields` at part `at`, which are the rest of the request.
pub(super) fn parse_fields<'a>(
    args: Args<'a>,
    at: usize,
    command: &'static str,
    bad_count: &'static str,
) -> Result<Args<'a>, CommandError> {
    if !args.is(at, "FIELDS") {
        return Err(CommandError::Text(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    if args.len() == at + 1 {
        return Err(CommandError::Arity(command));
    }
    let count = args.int(at + 1).ok().filter(|count| *count > 0);
    let count = count.ok_or(CommandError::Text(bad_count))?;
    let fields = args.skip(at + 2);
    if count != fields.len() as i64 {
        return Err(CommandError::Text(
            "ERR The `numfields` parameter must match the number of arguments",
        ));
    }
    Ok(fields)
}

/// What the number of a time means.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    pub(super) ms: i64,
    /// From the time of the request; otherwise since 1970.
    pub(super) from_now: bool,
}

impl Unit {
    /// The unit that an option of HGETEX and HSETEX names.
    pub(super) fn of(args: Args<'_>, at: usize) -> Option<Self> {
        const UNITS: [(&str, i64, bool); 4] =
            [("EX", 1000, true), ("PX", 1, true), ("EXAT", 1000, false), ("PXAT", 1, false)];
        let found = UNITS.iter().find(|(name, ..)| args.is(at, name));
        found.map(|&(_, ms, from_now)| Self { ms, from_now })
    }

    /// The point in time that part `at` stands for. It may be over.
    pub(super) fn parse(
        self,
        args: Args<'_>,
        at: usize,
        now: Millis,
        command: &'static str,
    ) -> Result<Millis, CommandError> {
        if at >= args.len() {
            return Err(ArgsError::Syntax.into());
        }
        let number = args.int(at)?;
        if number < 0 {
            return Err(CommandError::Text("ERR invalid expire time, must be >= 0"));
        }
        let base = if self.from_now { now.0 } else { 0 };
        let time = number.checked_mul(self.ms).and_then(|ms| ms.checked_add(base));
        let time = time.filter(|time| *time <= TIME_MAX);
        time.map(Millis).ok_or(CommandError::InvalidExpire(command))
    }
}
