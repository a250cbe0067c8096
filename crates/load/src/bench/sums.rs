//! Whether what the servers hold after a run agrees with what they have replied in it.
//!
//! A request whose connection ended before its reply came may or may not have been done; each such
//! request widens by one what is taken for right.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::client::Value;
use crate::encoder::append_command;
use crate::setup::{NO_CLIENT, connect_all};
use crate::tally::Tally;
use crate::topology::Topology;
use crate::workload::Workload;

/// Asked for at once.
const CHUNK: u64 = 256;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sums {
    /// Whether it agrees.
    pub(super) right: bool,
    /// What it is about and how it adds up.
    pub(super) text: String,
}

/// Compares, for a workload of which there is something to compare. `tally` is that of all
/// requests since the keys were made.
pub(super) fn check(
    topology: &Topology,
    workload: Workload,
    keys: u64,
    stock: u64,
    tally: &Tally,
) -> Option<Sums> {
    let found = match workload {
        Workload::Sale => sales(topology, keys, stock, tally),
        Workload::Lock => locks(topology, keys, tally),
        Workload::Queue => jobs(topology, keys, tally),
        _ => return None,
    };
    Some(found.unwrap_or_else(|error| Sums {
        right: false,
        text: format!("could not be checked: {error:#}"),
    }))
}

/// Whether `a` and `b` are the same but for requests of which nothing is known.
fn agrees(a: i128, b: i128, tally: &Tally) -> bool {
    a.abs_diff(b) <= u128::from(tally.lost)
}

fn unknown(tally: &Tally) -> String {
    match tally.lost {
        0 => String::new(),
        lost => format!("; of {lost} requests nobody knows"),
    }
}

/// Each article's units are either left or sold, and what is sold is what buyers were told.
fn sales(topology: &Topology, keys: u64, stock: u64, tally: &Tally) -> Result<Sums> {
    let confirmed = i128::from(tally.done[0]);
    let (mut articles, mut sold, mut left, mut wrong) = (0u64, 0i128, 0i128, 0u64);
    for_all(topology, Workload::Sale, keys, "GET", |values| {
        let (Some(one_left), Some(one_sold)) = (number(&values[0]), number(&values[1])) else {
            wrong += 1;
            return;
        };
        articles += 1;
        (left, sold) = (left + one_left, sold + one_sold);
        wrong += u64::from(one_left < 0 || one_left + one_sold != i128::from(stock));
    })?;
    let right = wrong == 0 && agrees(sold, confirmed, tally);
    let verdict = match (right, wrong) {
        (true, _) => "nothing was sold twice".to_owned(),
        (false, 0) => "SOLD AND CONFIRMED DIFFER".to_owned(),
        (false, _) => format!("{wrong} ARTICLES DO NOT ADD UP"),
    };
    let text = format!(
        "stock: {articles} articles of {stock}: {sold} sold, {left} left, {confirmed} confirmed{}: \
         {verdict}",
        unknown(tally)
    );
    Ok(Sums { right, text })
}

/// Each lock that was taken was given back by the same holder or is still held.
fn locks(topology: &Topology, keys: u64, tally: &Tally) -> Result<Sums> {
    let (taken, released) = (i128::from(tally.done[0]), i128::from(tally.done[1]));
    let mut held = 0;
    for_all(topology, Workload::Lock, keys, "EXISTS", |values| {
        held += number(&values[0]).unwrap_or(0);
    })?;
    let right = agrees(taken, released + held, tally);
    let verdict = if right { "one holder at a time" } else { "THESE DO NOT ADD UP" };
    let text = format!(
        "locks: {taken} taken, {released} given back, {held} still held{}: {verdict}",
        unknown(tally)
    );
    Ok(Sums { right, text })
}

/// Each job that was put in waits, is being worked on, or is done.
fn jobs(topology: &Topology, keys: u64, tally: &Tally) -> Result<Sums> {
    let [put, taken, done] = tally.done.map(i128::from);
    let (mut waiting, mut at_work) = (0, 0);
    for_all(topology, Workload::Queue, keys, "LLEN", |values| {
        waiting += number(&values[0]).unwrap_or(0);
        at_work += number(&values[1]).unwrap_or(0);
    })?;
    let right = agrees(waiting, put - taken, tally) && agrees(at_work, taken - done, tally);
    let verdict = if right { "none was lost or taken twice" } else { "THESE DO NOT ADD UP" };
    let text = format!(
        "jobs: {put} put in, {taken} taken, {done} done; {waiting} waiting, {at_work} at work{}: \
         {verdict}",
        unknown(tally)
    );
    Ok(Sums { right, text })
}

/// Asks for all keys of a workload by a command with one key; `each` gets the replies on the keys
/// of one index.
fn for_all(
    topology: &Topology,
    workload: Workload,
    keys: u64,
    command: &str,
    mut each: impl FnMut(&[Value]),
) -> Result<()> {
    let mut clients = connect_all(topology)?;
    let mut pending: BTreeMap<usize, (Vec<u8>, u64)> = BTreeMap::new();
    let together = workload.keys_of(0).len();
    let mut ask = |node: &usize, (bytes, requests): &mut (Vec<u8>, u64)| -> Result<()> {
        let client = clients.get_mut(node).context(NO_CLIENT)?;
        let replies = client.batch(bytes, *requests).context("ask for what is there")?;
        if let Some(error) = replies.iter().find(|reply| matches!(reply, Value::Error(_))) {
            bail!("{command} answered {error:?}");
        }
        replies.chunks(together).for_each(&mut each);
        (*bytes, *requests) = (Vec::new(), 0);
        Ok(())
    };
    for index in 0..workload.index_count(keys) {
        let keys = workload.keys_of(index);
        for node in topology.holders(keys[0].as_bytes()) {
            let (bytes, requests) = pending.entry(node).or_default();
            for key in &keys {
                append_command(bytes, &[command.as_bytes(), key.as_bytes()]);
                *requests += 1;
            }
            if *requests >= CHUNK
                && let Some(pending) = pending.get_mut(&node)
            {
                ask(&node, pending)?;
            }
        }
    }
    pending.iter_mut().try_for_each(|(node, pending)| ask(node, pending))
}

fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Integer(number) => Some(i128::from(*number)),
        other => other.text()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_which_nothing_is_known_widens_what_is_right() {
        let mut tally = Tally::default();
        assert!(agrees(5, 5, &tally) && !agrees(5, 6, &tally));
        tally.lost = 2;
        assert!(agrees(5, 7, &tally) && agrees(7, 5, &tally) && !agrees(5, 8, &tally));
        assert_eq!(unknown(&tally), "; of 2 requests nobody knows");
    }

    #[test]
    fn a_check_that_is_not_possible_is_not_passed() {
        let nobody = Topology::unrouted(vec!["127.0.0.1:1".to_owned()]);
        let sums = check(&nobody, Workload::Lock, 10, 0, &Tally::default()).unwrap();
        assert!(!sums.right && sums.text.contains("could not be checked"), "{}", sums.text);
        assert_eq!(check(&nobody, Workload::Get, 10, 0, &Tally::default()), None);
    }
}
