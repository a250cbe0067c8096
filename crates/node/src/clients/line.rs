//! A client's line in CLIENT LIST.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use protocol::args::Args;

use super::memory::Footprint;
use super::{Client, Facts};

/// Output up to this is shown as `obl`, more as `omem`: so much fits into the fixed buffer of a
/// client of Redis.
const SMALL_OUTPUT: usize = 16 * 1024;

/// What a client sees of itself, while its request is being answered.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Now {
    /// Bytes of the request.
    pub(crate) input: usize,
    /// Those of its arguments.
    pub(crate) arguments: usize,
}

impl Now {
    /// As it was sent, if it was sent as an array.
    pub(crate) fn of(args: Args<'_>) -> Self {
        let line = |number: usize| number.to_string().len() + 3;
        let arguments = args.iter_from(0).map(<[u8]>::len).sum();
        let framed = args.iter_from(0).map(|part| line(part.len()) + part.len() + 2);
        Self { input: line(args.len()) + framed.sum::<usize>(), arguments }
    }
}

impl Client {
    /// The letters that CLIENT LIST shows for what the client is and does.
    pub(crate) fn flags(&self) -> String {
        self.flags_of(&self.facts())
    }

    fn flags_of(&self, facts: &Facts) -> String {
        let is = |flag: &std::sync::atomic::AtomicBool| flag.load(Ordering::Relaxed);
        let states = [
            (facts.monitors, 'O'),
            (facts.subscriptions != [0; 3], 'P'),
            (facts.multi.is_some(), 'x'),
            (is(&self.blocked) || is(&self.paused), 'b'),
            (facts.tracking, 't'),
            (facts.tracking && is(&self.redirect_broken), 'R'),
            (facts.broadcast, 'B'),
            (facts.watch_flag.as_ref().is_some_and(|flag| flag.spoiled()), 'd'),
            (facts.readonly, 'r'),
            (facts.no_evict, 'e'),
            (facts.no_touch, 'T'),
        ];
        let flags: String =
            states.iter().filter(|(set, _)| *set).map(|(_, letter)| *letter).collect();
        if flags.is_empty() { "N".into() } else { flags }
    }

    /// The client's line. `command` is the name of its last one; `now` is for the client that asks.
    pub(crate) fn describe(&self, command: &str, now: Now) -> String {
        let facts = self.facts();
        let footprint = *self.footprint();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let [channels, patterns, shard_channels] = facts.subscriptions;
        let mut line = format!(
            "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db=0 sub={channels} \
             psub={patterns} ssub={shard_channels} multi={} watch={}",
            self.id,
            self.address,
            self.local,
            self.fd,
            text(&facts.name),
            self.age_seconds(),
            self.idle_seconds(),
            self.flags_of(&facts),
            facts.multi.map_or(-1, |count| count as i64),
            facts.watching,
        );
        describe_memory(&mut line, &footprint, now);
        // Writing to a string does not fail.
        let _ = write!(
            line,
            " events={} cmd={command} user={} redir={} resp={} lib-name={} lib-ver={} \
             io-thread={} tot-net-in={} tot-net-out={} tot-cmds={}",
            if footprint.output > 0 { "rw" } else { "r" },
            text(&facts.user),
            facts.redirect,
            facts.resp,
            text(&facts.lib_name),
            text(&facts.lib_ver),
            self.executor,
            self.bytes_in.load(Ordering::Relaxed),
            self.bytes_out.load(Ordering::Relaxed),
            // The one that shows it has not ended.
            self.commands.load(Ordering::Relaxed).saturating_sub(u64::from(now.input > 0)),
        );
        line
    }
}

fn describe_memory(line: &mut String, footprint: &Footprint, now: Now) {
    let Footprint { output, output_room, .. } = *footprint;
    let (small, large) = if output <= SMALL_OUTPUT { (output, 0) } else { (0, output) };
    // Writing to a string does not fail.
    let _ = write!(
        line,
        " qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={output_room} rbp={output_room} \
         obl={small} oll={} omem={large} tot-mem={}",
        footprint.input + now.input,
        footprint.input_room - footprint.input.min(footprint.input_room),
        footprint.arguments + now.arguments,
        footprint.queued,
        large.div_ceil(SMALL_OUTPUT),
        footprint.total() + now.input,
    );
}

#[cfg(test)]
mod tests {
    use protocol::args::Request;

    use super::*;
    use crate::clients::Clients;

    #[test]
    fn a_request_is_as_long_as_it_was_sent() {
        let request = Request::of(["client", "info"]);
        let now = Now::of(request.args());
        assert_eq!((now.input, now.arguments), (26, 10));
    }

    #[test]
    fn a_line_shows_what_is_known() {
        let clients = Clients::default();
        let address = "127.0.0.1:1".parse().unwrap();
        let client = clients.add(-1, address, address, 3);
        let line = client.describe("get", Now::default());
        assert!(line.contains(" flags=N ") && line.contains(" io-thread=3 "), "{line}");
        let footprint = Footprint { input: 10, input_room: 64, output: 20_000, ..line_of_output() };
        clients.note_footprint(&client, footprint, false);
        client.facts().tracking = true;
        client.facts().broadcast = true;
        client.facts().multi = Some(2);
        let line = client.describe("get", Now::default());
        for part in [
            "flags=xtB",
            "multi=2",
            "qbuf=10",
            "qbuf-free=54",
            "rbs=30000",
            "obl=0",
            "oll=2",
            "omem=20000",
            "tot-mem=32112",
            "events=rw",
        ] {
            assert!(line.contains(&format!(" {part} ")), "{part} in {line}");
        }
    }

    fn line_of_output() -> Footprint {
        Footprint { output_room: 30_000, ..Footprint::default() }
    }
}
