//! Arbitrary EVALs: no panic, one reply each, and nothing left behind by what failed.
//!
//! The rig also replays all effects into a second shard and compares.

#![no_main]

use arbitrary::Arbitrary;
use fuzz::may_not_end;
use libfuzzer_sys::fuzz_target;
use protocol::args::Request;
use protocol::spec::Slots;
use shard::testing::Rig;

#[derive(Debug, Arbitrary)]
struct Script<'a> {
    body: Body<'a>,
    /// How many keys the request claims to have.
    keys: Count<'a>,
    parts: Vec<&'a [u8]>,
    read_only: bool,
}

#[derive(Debug, Arbitrary)]
enum Body<'a> {
    Text(&'a [u8]),
    /// `redis.call` with all keys and arguments.
    Call,
    /// The same, and then an error.
    CallAndFail,
    Return,
    Encode,
}

#[derive(Debug, Arbitrary)]
enum Count<'a> {
    All,
    None,
    Number(i64),
    Text(&'a [u8]),
}

impl Script<'_> {
    fn request(&self) -> Request {
        let body: &[u8] = match self.body {
            Body::Text(text) => text,
            Body::Call => b"return redis.call(unpack(ARGV))",
            Body::CallAndFail => b"redis.pcall(unpack(ARGV)) error('end')",
            Body::Return => b"return {KEYS, ARGV, #KEYS, #ARGV}",
            Body::Encode => b"return {ok = ARGV[1], err = KEYS[1], double = #ARGV}",
        };
        let count = match self.keys {
            Count::All => self.parts.len().to_string().into_bytes(),
            Count::None => b"0".to_vec(),
            Count::Number(number) => number.to_string().into_bytes(),
            Count::Text(text) => text.to_vec(),
        };
        let name: &[u8] = if self.read_only { b"EVAL_RO" } else { b"EVAL" };
        let mut request = Request::of([name, body, &count]);
        self.parts.iter().for_each(|part| request.push(part));
        request
    }
}

fuzz_target!(|scripts: Vec<Script<'_>>| {
    let mut rig = Rig::new();
    for script in &scripts {
        if matches!(script.body, Body::Text(text) if may_not_end(text)) {
            continue;
        }
        let request = script.request();
        let Ok(id) = rig.shard().table().resolve(request.args()) else { continue };
        // The router refuses those before a shard sees them.
        if matches!(rig.shard().table().spec(id).slots(request.args()), Slots::Several { .. }) {
            continue;
        }
        let before = rig.shard().keyspace().exact_digest();
        let reply = rig.run_request(&request);
        if reply.starts_with('-') && matches!(script.body, Body::CallAndFail) {
            let after = rig.shard().keyspace().exact_digest();
            assert_eq!(after, before, "{script:?} replied {reply} and left something behind");
        }
    }
});
