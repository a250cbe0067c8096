//! CLIENT TRACKING and TRACKINGINFO: being told of changes of what the client keeps copies of.

use std::sync::atomic::Ordering;

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use router::session::Tracking;
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand};

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] =
    &[(&TRACKING, tracking), (&TRACKINGINFO, trackinginfo)];

const BASE: CommandSpec = CommandSpec {
    family: Family::Connection,
    flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE),
    ..CommandSpec::NEW
};

static TRACKING: CommandSpec = CommandSpec {
    name: "client|tracking",
    arity: Arity::at_least(3),
    since: "6.0.0",
    complexity: "O(1). Some options may introduce additional complexity.",
    summary: "Controls server-assisted client-side caching for the connection.",
    ..BASE
};

static TRACKINGINFO: CommandSpec = CommandSpec {
    name: "client|trackinginfo",
    arity: Arity::exactly(2),
    since: "6.2.0",
    summary: "Returns information about server-assisted client-side caching for the connection.",
    ..BASE
};

fn tracking(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let wanted = parse(call, args)?;
    if args.is(2, "ON") {
        let wanted = join(call.session.tracking.as_ref(), wanted)?;
        call.executor.follow_tracking(call.session.id, Some(&wanted));
        call.connection.client.redirect_broken.store(false, Ordering::Relaxed);
        call.session.tracking = Some(wanted);
    } else if args.is(2, "OFF") {
        if call.session.tracking.take().is_some() {
            call.executor.follow_tracking(call.session.id, None);
        }
    } else {
        return Err(ArgsError::Syntax.into());
    }
    call.reply.ok();
    Ok(Done::Replied)
}

fn parse(call: &NodeCall<'_, '_>, args: Args<'_>) -> Result<Tracking, CommandError> {
    let mut wanted = Tracking::default();
    let mut at = 3;
    while at < args.len() {
        let more = at + 1 < args.len();
        if args.is(at, "REDIRECT") && more {
            at += 1;
            if wanted.redirect != 0 {
                return Err(CommandError::Text(
                    "ERR A client can only redirect to a single other client",
                ));
            }
            let id = u64::try_from(args.int(at)?).ok();
            let found = id.filter(|id| call.executor.node.clients.find(*id).is_some());
            wanted.redirect = found.ok_or(CommandError::Text(
                "ERR The client ID you want redirect to does not exist",
            ))?;
        } else if args.is(at, "BCAST") {
            wanted.broadcast = true;
        } else if args.is(at, "OPTIN") {
            wanted.optin = true;
        } else if args.is(at, "OPTOUT") {
            wanted.optout = true;
        } else if args.is(at, "NOLOOP") {
            wanted.noloop = true;
        } else if args.is(at, "PREFIX") && more {
            at += 1;
            wanted.prefixes.push(args.at(at).to_vec());
        } else {
            return Err(ArgsError::Syntax.into());
        }
        at += 1;
    }
    Ok(wanted)
}

/// What tracking becomes: options that contradict each other or what is on are refused.
fn join(current: Option<&Tracking>, mut wanted: Tracking) -> Result<Tracking, CommandError> {
    let refused = |text| Err(CommandError::Text(text));
    if !wanted.broadcast && !wanted.prefixes.is_empty() {
        return refused("ERR PREFIX option requires BCAST mode to be enabled");
    }
    if current.is_some_and(|current| current.broadcast != wanted.broadcast) {
        return refused(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, \
             and then re-enabling it with a different mode.",
        );
    }
    if wanted.broadcast && (wanted.optin || wanted.optout) {
        return refused("ERR OPTIN and OPTOUT are not compatible with BCAST");
    }
    if wanted.optin && wanted.optout {
        return refused("ERR You can't specify both OPTIN mode and OPTOUT mode");
    }
    let switches =
        |current: &Tracking| (wanted.optin && current.optout) || (wanted.optout && current.optin);
    if current.is_some_and(switches) {
        return refused(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, \
             and then re-enabling it with a different mode.",
        );
    }
    if wanted.broadcast {
        if wanted.prefixes.is_empty() {
            // All keys begin with nothing.
            wanted.prefixes.push(Vec::new());
        }
        let known = current.map(|current| current.prefixes.clone()).unwrap_or_default();
        check_prefixes(&known, &wanted.prefixes)?;
        wanted.prefixes.splice(0..0, known);
        wanted.prefixes.dedup();
    }
    Ok(wanted)
}

/// A client is told once of each key, so its prefixes must not overlap.
fn check_prefixes(known: &[Vec<u8>], new: &[Vec<u8>]) -> Result<(), CommandError> {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    let refused = |prefix: &[u8], what: &str, other: &[u8]| {
        let (prefix, other) = (String::from_utf8_lossy(prefix), String::from_utf8_lossy(other));
        Err(CommandError::dynamic(format!(
            "ERR Prefix '{prefix}' overlaps with {what} '{other}'. Prefixes for a single client \
             must not overlap."
        )))
    };
    for (at, prefix) in new.iter().enumerate() {
        if let Some(other) = known.iter().find(|other| overlap(prefix, other)) {
            return refused(prefix, "an existing prefix", other);
        }
        if let Some(other) = new[at + 1..].iter().find(|other| overlap(prefix, other)) {
            return refused(prefix, "another provided prefix", other);
        }
    }
    Ok(())
}

fn trackinginfo(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    let broken = call.connection.client.redirect_broken.load(Ordering::Relaxed);
    let tracking = call.session.tracking.as_ref();
    let mut flags = Vec::new();
    match tracking {
        None => flags.push("off"),
        Some(tracking) => {
            let states = [
                (true, "on"),
                (tracking.broadcast, "bcast"),
                (tracking.optin, "optin"),
                (tracking.caching == Some(true), "caching-yes"),
                (tracking.optout, "optout"),
                (tracking.caching == Some(false), "caching-no"),
                (tracking.noloop, "noloop"),
                (broken, "broken_redirect"),
            ];
            flags.extend(states.iter().filter(|(set, _)| *set).map(|(_, name)| *name));
        }
    }
    let reply = &mut *call.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.int(tracking.map_or(-1, |tracking| tracking.redirect as i64));
    reply.bulk(b"prefixes");
    let prefixes = tracking.map(|tracking| &tracking.prefixes[..]).unwrap_or_default();
    reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(Done::Replied)
}
