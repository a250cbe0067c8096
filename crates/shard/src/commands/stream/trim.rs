//! The options of XADD and XTRIM that say what is trimmed, and the trimming itself.
//!
//! Not a command.

use protocol::args::Args;
use protocol::error::ArgsError;

use super::id::{NewId, parse};
use super::references::References;
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::types::stream::{Threshold, Trim};

/// What was asked for.
pub(super) struct Options {
    /// XADD: a missing key is not made.
    pub(super) no_make: bool,
    pub(super) trim: Option<Trim>,
    pub(super) references: References,
}

/// What the loop over the options has found so far.
#[derive(Default)]
struct Parsed {
    no_make: bool,
    threshold: Option<Threshold>,
    approximate: bool,
    limit: Option<u64>,
    references: Option<References>,
}

const BOTH: CommandError = CommandError::Text(
    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
);

impl Options {
    /// Reads the options of XTRIM.
    pub(super) fn of_xtrim(args: Args<'_>, entries_max: usize) -> Result<Self, CommandError> {
        let mut parsed = Parsed::default();
        let mut at = 2;
        while at < args.len() {
            let next = parsed.option(args, at)?.ok_or(ArgsError::Syntax)?;
            at = next;
        }
        parsed.finish(entries_max, false)
    }

    /// Reads the options of XADD, the id that follows them, and says where that is.
    pub(super) fn of_xadd(
        args: Args<'_>,
        entries_max: usize,
    ) -> Result<(Self, NewId, usize), CommandError> {
        let mut parsed = Parsed::default();
        let mut at = 2;
        let mut id = NewId::Next;
        while at < args.len() {
            if args.at(at) == b"*" {
                break;
            }
            if args.is(at, "NOMKSTREAM") {
                parsed.no_make = true;
                at += 1;
                continue;
            }
            match parsed.option(args, at)? {
                Some(next) => at = next,
                None => {
                    id = NewId::parse(args.at(at))?;
                    break;
                }
            }
        }
        Ok((parsed.finish(entries_max, true)?, id, at))
    }
}

impl Parsed {
    /// Reads the option at `at` and says where the next one is; `None` when it is none.
    fn option(&mut self, args: Args<'_>, at: usize) -> Result<Option<usize>, CommandError> {
        let more = args.len() - 1 - at;
        if more > 0 && (args.is(at, "MAXLEN") || args.is(at, "MINID")) {
            if self.threshold.is_some() {
                return Err(BOTH);
            }
            let mut number = at + 1;
            if more >= 2 && matches!(args.at(number), b"~" | b"=") {
                self.approximate = args.at(number) == b"~";
                number += 1;
            }
            self.threshold = Some(threshold(args, at, number)?);
            return Ok(Some(number + 1));
        }
        if more > 0 && args.is(at, "LIMIT") {
            let limit = args.int(at + 1)?;
            let negative = CommandError::Text("ERR The LIMIT argument must be >= 0.");
            self.limit = Some(u64::try_from(limit).map_err(|_| negative)?);
            return Ok(Some(at + 2));
        }
        if self.references.is_none() {
            self.references = References::parse(args, at);
            return Ok(self.references.map(|_| at + 1));
        }
        Ok(None)
    }

    fn finish(self, entries_max: usize, adds: bool) -> Result<Options, CommandError> {
        let Self { no_make, threshold, approximate, limit, references } = self;
        let references = references.unwrap_or(References::Keep);
        let Some(threshold) = threshold else {
            if limit.is_some_and(|limit| limit > 0) {
                return Err(CommandError::Text(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                ));
            }
            if !adds {
                return Err(CommandError::Text(
                    "ERR syntax error, XTRIM must be called with a trimming strategy",
                ));
            }
            return Ok(Options { no_make, trim: None, references });
        };
        if limit.is_some() && !approximate {
            return Err(CommandError::Text(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        let limit = limit.unwrap_or(if approximate { limit_of(entries_max) } else { 0 });
        Ok(Options { no_make, trim: Some(Trim { threshold, approximate, limit }), references })
    }
}

/// How much approximate trimming removes at most when the client does not say.
fn limit_of(entries_max: usize) -> u64 {
    match entries_max.saturating_mul(100) as u64 {
        0 => 10_000,
        limit => limit.min(1_000_000),
    }
}

fn threshold(args: Args<'_>, option: usize, number: usize) -> Result<Threshold, CommandError> {
    if args.is(option, "MINID") {
        return Ok(Threshold::MinId(parse(args.at(number))?));
    }
    let negative = CommandError::Text("ERR The MAXLEN argument must be >= 0.");
    Ok(Threshold::MaxLen(u64::try_from(args.int(number)?).map_err(|_| negative)?))
}

/// Trims the stream at a key and returns how many entries are gone.
pub(super) fn trim(keyspace: &mut Keyspace, key: &[u8], options: &Options) -> usize {
    let Some(trim) = options.trim else { return 0 };
    let Ok(Some(stream)) = keyspace.stream(key) else { return 0 };
    if options.references == References::Acknowledged {
        let ids = stream.trimmable_acknowledged(trim);
        let deleted = ids.iter().filter(|id| keyspace.stream_delete(key, **id, true));
        return deleted.count();
    }
    let Some(point) = stream.trim_point(trim) else { return 0 };
    if options.references == References::Delete {
        References::forget_through(keyspace, key, point);
    }
    keyspace.stream_trim_through(key, point)
}
