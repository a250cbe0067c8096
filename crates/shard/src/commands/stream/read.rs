//! The arguments of XREAD and XREADGROUP.
//!
//! Not a command.

use protocol::args::Args;
use protocol::error::ArgsError;

use crate::commands::blocking::millis;
use crate::error::CommandError;

/// What was asked for, up to STREAMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Options<'a> {
    /// Entries of each stream; 0 is all.
    pub(super) count: usize,
    /// How long to wait, in milliseconds; 0 is for ever.
    pub(super) block: Option<i64>,
    /// The group and the consumer.
    pub(super) group: Option<(&'a [u8], &'a [u8])>,
    pub(super) no_ack: bool,
    /// The part with the first key.
    pub(super) first: usize,
    /// How many streams there are.
    pub(super) streams: usize,
}

impl<'a> Options<'a> {
    /// Reads the options.
    pub(super) fn parse(args: Args<'a>, of_group: bool) -> Result<Self, CommandError> {
        let mut options =
            Self { count: 0, block: None, group: None, no_ack: false, first: 0, streams: 0 };
        let mut at = 1;
        while at < args.len() && options.first == 0 {
            let more = args.len() - at - 1;
            if more > 0 && args.is(at, "BLOCK") {
                options.block = Some(millis(args, at + 1)?);
                at += 1;
            } else if more > 0 && args.is(at, "COUNT") {
                options.count = usize::try_from(args.int(at + 1)?).unwrap_or(0);
                at += 1;
            } else if more > 0 && args.is(at, "STREAMS") {
                if more % 2 == 1 {
                    return Err(CommandError::Text(unbalanced(of_group)));
                }
                options.first = at + 1;
                options.streams = more / 2;
            } else if more >= 2 && args.is(at, "GROUP") {
                if !of_group {
                    return Err(CommandError::Text(
                        "ERR The GROUP option is only supported by XREADGROUP. You called XREAD \
                         instead.",
                    ));
                }
                options.group = Some((args.at(at + 1), args.at(at + 2)));
                at += 2;
            } else if args.is(at, "NOACK") {
                if !of_group {
                    return Err(CommandError::Text(
                        "ERR The NOACK option is only supported by XREADGROUP. You called XREAD \
                         instead.",
                    ));
                }
                options.no_ack = true;
            } else {
                return Err(ArgsError::Syntax.into());
            }
            at += 1;
        }
        if options.first == 0 {
            return Err(ArgsError::Syntax.into());
        }
        if of_group && options.group.is_none() {
            return Err(CommandError::Text("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(options)
    }

    /// The parts with the key and the id of each stream.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (first, streams) = (self.first, self.streams);
        (first..first + streams).map(move |at| (at, at + streams))
    }
}

// Redis names `+` here since 7.4, and so do we, since we know it.
const fn unbalanced(of_group: bool) -> &'static str {
    if of_group {
        "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must \
         be specified."
    } else {
        "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be \
         specified."
    }
}
