//! What is measured in this process, without a server: requests, and what must be there before.
//!
//! Some cases are there for their differences. Four reads against one in scripts with the same
//! keys give the cost of a further read; four writes with the undo log open against the same
//! without give the cost of undo.

use anyhow::{Context, Result, ensure};

use crate::inprocess::{Local, Prepared};
use load::scripts;

/// One thing to measure.
///
/// In the lines, `$1` to `$4` are the keys of the call, which share a slot, `$v1` to `$v4` values
/// of its own, `$now` a time that grows, `$sha` the script, `$document` the document.
#[derive(Debug)]
pub struct Case {
    /// The name, for options and tables.
    pub name: &'static str,
    /// Calls in one batch: about a millisecond.
    pub batch: usize,
    /// A command that the shard must know; the case is left out where it does not.
    needs: &'static str,
    script: &'static str,
    /// Requests for each key, before.
    before: &'static [&'static str],
    /// The requests of one call.
    call: &'static [&'static str],
    /// The undo log is open over the whole call.
    undo: bool,
}

const BASE: Case = Case {
    name: "",
    batch: 2000,
    needs: "EVALSHA",
    script: "",
    before: &[],
    call: &[],
    undo: false,
};

const GET_1_OF_4: &str = "redis.call('GET', KEYS[1]) return 1";

const GET_4_OF_4: &str = "\
redis.call('GET', KEYS[1])
redis.call('GET', KEYS[2])
redis.call('GET', KEYS[3])
redis.call('GET', KEYS[4])
return 1";

const SET_1_OF_4: &str = "redis.call('SET', KEYS[1], ARGV[1]) return 1";

const SET_4_OF_4: &str = "\
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[1])
redis.call('SET', KEYS[3], ARGV[1])
redis.call('SET', KEYS[4], ARGV[1])
return 1";

const FOUR_STRINGS: &[&str] = &["SET $1 $v1", "SET $2 $v2", "SET $3 $v3", "SET $4 $v4"];
const FOUR_KEYS: &[&str] = &["EVALSHA $sha 4 $1 $2 $3 $4 $v1"];
/// What [`scripts::WRITE_4`] writes to, and then its writes as plain commands.
const FOUR_TARGETS: &[&str] = &["SET $1 $v1", "HSET $2 state x", "SET $3 1", "SET $4 x"];
const FOUR_WRITES: &[&str] =
    &["SET $1 $v1", "HSET $2 state $v1", "INCRBY $3 1", "PEXPIRE $4 60000"];

/// All cases.
pub static CASES: &[Case] = &[
    Case { name: "noop", script: scripts::NOOP, call: &["EVALSHA $sha 1 $1"], ..BASE },
    Case {
        name: "get",
        script: scripts::GET,
        before: &["SET $1 $v1"],
        call: &["EVALSHA $sha 1 $1"],
        ..BASE
    },
    Case {
        name: "set",
        script: "redis.call('SET', KEYS[1], ARGV[1]) return 1",
        before: &["SET $1 $v1"],
        call: &["EVALSHA $sha 1 $1 $v2"],
        ..BASE
    },
    Case { name: "get-1", script: GET_1_OF_4, before: FOUR_STRINGS, call: FOUR_KEYS, ..BASE },
    Case { name: "get-4", script: GET_4_OF_4, before: FOUR_STRINGS, call: FOUR_KEYS, ..BASE },
    Case { name: "set-1", script: SET_1_OF_4, before: FOUR_STRINGS, call: FOUR_KEYS, ..BASE },
    Case { name: "set-4", script: SET_4_OF_4, before: FOUR_STRINGS, call: FOUR_KEYS, ..BASE },
    Case {
        name: "stock",
        script: scripts::STOCK,
        before: &["SET $1 1000000000"],
        call: &["EVALSHA $sha 1 $1 1"],
        ..BASE
    },
    Case {
        name: "lock-release",
        script: scripts::RELEASE,
        call: &["SET $1 $v1 NX PX 30000", "EVALSHA $sha 1 $1 $v1"],
        ..BASE
    },
    Case {
        name: "token-bucket",
        batch: 500,
        script: scripts::TOKEN_BUCKET,
        call: &["EVALSHA $sha 1 $1 100 0.01 $now 1"],
        ..BASE
    },
    Case {
        name: "sliding-window",
        batch: 500,
        needs: "ZADD",
        script: scripts::SLIDING_WINDOW,
        call: &["EVALSHA $sha 1 $1 $now 60000 10 $v1"],
        ..BASE
    },
    Case {
        name: "hincrby-100",
        batch: 50,
        script: scripts::HINCRBY_100,
        call: &["EVALSHA $sha 1 $1 field"],
        ..BASE
    },
    Case {
        name: "cjson-1k",
        batch: 100,
        script: scripts::CJSON,
        call: &["EVALSHA $sha 1 $1 $document"],
        ..BASE
    },
    Case {
        name: "write-4",
        batch: 1000,
        script: scripts::WRITE_4,
        before: FOUR_TARGETS,
        call: FOUR_KEYS,
        ..BASE
    },
    Case { name: "plain-4", batch: 1000, before: FOUR_TARGETS, call: FOUR_WRITES, ..BASE },
    Case {
        name: "plain-4-undo",
        batch: 1000,
        before: FOUR_TARGETS,
        call: FOUR_WRITES,
        undo: true,
        ..BASE
    },
];

/// A case whose requests are ready and whose keys are in place.
pub struct Ready<'a> {
    case: &'a Case,
    local: Local,
    /// The requests of all calls, one call after the other.
    requests: Vec<Prepared>,
    calls: usize,
    /// The call that is next.
    next: usize,
}

impl Case {
    /// The case of that name.
    pub fn named(name: &str) -> Result<&'static Self> {
        CASES.iter().find(|case| case.name == name).with_context(|| format!("no case {name}"))
    }

    /// Whether the shard has what it takes.
    pub fn is_possible(&self) -> bool {
        Local::new().knows(self.needs)
    }

    /// Makes a shard with the keys of `calls` different calls in place, and runs one to see that it
    /// does not fail. Each call has keys and values of its own. With few, strings of the VM live
    /// from one turn to the next, as they do not in a server with many keys; with many, the time
    /// of a call is that of waiting for memory.
    pub fn prepare(&self, calls: usize) -> Result<Ready<'_>> {
        let mut local = Local::new();
        let sha = if self.script.is_empty() { String::new() } else { local.load(self.script)? };
        let mut requests = Vec::with_capacity(calls * self.call.len());
        for call in 0..calls {
            for line in self.before {
                let words = words_of(line, call, &sha);
                local.request(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
            }
            for line in self.call {
                requests.push(local.prepare(&words_of(line, call, &sha))?);
            }
        }
        let mut ready = Ready { case: self, local, requests, calls, next: 0 };
        ready.check()?;
        Ok(ready)
    }
}

impl Ready<'_> {
    /// Looks at the replies of the first call.
    fn check(&mut self) -> Result<()> {
        for request in &self.requests[..self.case.call.len()] {
            let reply = self.local.run(request);
            let text = String::from_utf8_lossy(reply).into_owned();
            ensure!(!text.starts_with('-'), "{}: {text}", self.case.name);
        }
        Ok(())
    }

    /// Runs one batch of calls.
    pub fn run_batch(&mut self) {
        let per_call = self.case.call.len();
        for _ in 0..self.case.batch {
            let requests = &self.requests[self.next * per_call..(self.next + 1) * per_call];
            if self.case.undo {
                self.local.run_undoable(requests);
            } else {
                for request in requests {
                    self.local.run(request);
                }
            }
            self.next = (self.next + 1) % self.calls;
        }
    }
}

fn words_of(line: &str, call: usize, sha: &str) -> Vec<String> {
    let word = |word: &str| match word {
        "$1" | "$2" | "$3" | "$4" => format!("{{{call:012}}}{}", &word[1..]),
        "$v1" | "$v2" | "$v3" | "$v4" => format!("value-{call:08}-{}", &word[2..]),
        "$now" => (1_700_000_000_000 + call as u64 * 10).to_string(),
        "$sha" => sha.to_owned(),
        "$document" => scripts::document(),
        other => other.to_owned(),
    };
    line.split(' ').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for case in CASES {
            assert!(std::ptr::eq(Case::named(case.name).unwrap(), case), "{}", case.name);
        }
    }

    #[test]
    fn all_cases_run() {
        for case in CASES.iter().filter(|case| case.is_possible()) {
            case.prepare(64).unwrap().run_batch();
        }
    }

    #[test]
    fn undo_changes_what_is_run_in_nothing_else() {
        let run = |name| {
            let mut ready = Case::named(name).unwrap().prepare(4096).unwrap();
            ready.run_batch();
            ready.local.changes()
        };
        assert_eq!(run("plain-4"), run("plain-4-undo"));
        // The script and the commands do the same.
        assert_eq!(run("write-4"), run("plain-4"));
    }
}
