//! The options EX, PX, EXAT, PXAT and KEEPTTL of SET, GETEX and MSETEX, and the times of SETEX and
//! PSETEX.
//!
//! Not a command. Reading the option and resolving it are two steps because Redis replies some
//! other errors in between.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::number::parse_i64;

use crate::error::CommandError;
use crate::keyspace::NewExpiry;
use crate::time::Millis;

/// Which of the options it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// EX: seconds from now.
    Ex,
    /// PX: milliseconds from now.
    Px,
    /// EXAT: seconds since the epoch.
    ExAt,
    /// PXAT: milliseconds since the epoch.
    PxAt,
}

impl Unit {
    fn of(word: &[u8]) -> Option<Self> {
        const UNITS: [(&str, Unit); 4] =
            [("EX", Unit::Ex), ("PX", Unit::Px), ("EXAT", Unit::ExAt), ("PXAT", Unit::PxAt)];
        let found = UNITS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, unit)| *unit)
    }
}

/// A point in time as the client gave it, not yet read as a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time<'a> {
    pub(super) unit: Unit,
    pub(super) text: &'a [u8],
}

impl<'a> Time<'a> {
    /// The option whose name is part `at` and whose number is the part after it.
    ///
    /// Redis takes an option that is given twice, and the last number counts; two different ones
    /// contradict each other. `earlier` is the one given so far.
    pub(super) fn read(
        args: Args<'a>,
        at: usize,
        earlier: Option<Self>,
    ) -> Result<Self, ArgsError> {
        let unit = Unit::of(args.at(at)).ok_or(ArgsError::Syntax)?;
        let text = args.get(at + 1).ok_or(ArgsError::Syntax)?;
        if earlier.is_some_and(|earlier| earlier.unit != unit) {
            return Err(ArgsError::Syntax);
        }
        Ok(Self { unit, text })
    }

    /// The point in time. `command` is the name for the error.
    pub(super) fn resolve(
        self,
        now: Millis,
        command: &'static str,
    ) -> Result<Millis, CommandError> {
        let number = parse_i64(self.text).ok_or(ArgsError::NotAnInteger)?;
        let ms = match self.unit {
            Unit::Ex | Unit::ExAt => number.checked_mul(1000),
            Unit::Px | Unit::PxAt => Some(number),
        };
        let ms = ms.filter(|ms| *ms > 0);
        let at = match self.unit {
            Unit::Ex | Unit::Px => ms.and_then(|ms| ms.checked_add(now.0)),
            Unit::ExAt | Unit::PxAt => ms,
        };
        at.map(Millis).ok_or(CommandError::InvalidExpire(command))
    }
}

/// What becomes of the expiry of a key that is set.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expiry<'a> {
    Never,
    Keep,
    At(Time<'a>),
}

impl<'a> Expiry<'a> {
    /// The time given so far, when another one follows.
    pub(super) fn earlier(self) -> Result<Option<Time<'a>>, ArgsError> {
        match self {
            Self::Never => Ok(None),
            Self::Keep => Err(ArgsError::Syntax),
            Self::At(time) => Ok(Some(time)),
        }
    }

    /// The expiry for the keyspace. `command` is the name for the error.
    pub(super) fn resolve(
        self,
        now: Millis,
        command: &'static str,
    ) -> Result<NewExpiry, CommandError> {
        Ok(match self {
            Self::Never => NewExpiry::Never,
            Self::Keep => NewExpiry::Keep,
            Self::At(time) => NewExpiry::At(time.resolve(now, command)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(unit: Unit, text: &str) -> Result<i64, String> {
        let time = Time { unit, text: text.as_bytes() };
        time.resolve(Millis(1000), "set").map(|at| at.0).map_err(|error| error.to_string())
    }

    #[test]
    fn units_and_bases() {
        assert_eq!(resolve(Unit::Ex, "5"), Ok(6000));
        assert_eq!(resolve(Unit::Px, "5"), Ok(1005));
        assert_eq!(resolve(Unit::ExAt, "5"), Ok(5000));
        assert_eq!(resolve(Unit::PxAt, "5"), Ok(5));
        assert_eq!(resolve(Unit::ExAt, "9223372036854775"), Ok(9_223_372_036_854_775_000));
        assert_eq!(resolve(Unit::PxAt, "9223372036854775807"), Ok(i64::MAX));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let invalid = Err("ERR invalid expire time in 'set' command".to_owned());
        for unit in [Unit::Ex, Unit::Px, Unit::ExAt, Unit::PxAt] {
            assert_eq!(resolve(unit, "0"), invalid);
            assert_eq!(resolve(unit, "-1"), invalid);
            let text = "ERR value is not an integer or out of range".to_owned();
            assert_eq!(resolve(unit, "1.5"), Err(text));
        }
        assert_eq!(resolve(Unit::Ex, "9223372036854775"), invalid);
        assert_eq!(resolve(Unit::Ex, "9223372036854775807"), invalid);
        assert_eq!(resolve(Unit::Px, "9223372036854775807"), invalid);
        assert_eq!(resolve(Unit::ExAt, "9223372036854776"), invalid);
    }
}
