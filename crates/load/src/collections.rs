//! Requests on collections: hashes, lists, sets, sorted sets, streams.
//!
//! Hashes have ten fields, as objects do; sets and sorted sets a thousand members, so that they are
//! beyond every server's compact form; streams keep about a hundred entries.

use fastrand::Rng;

use crate::encoder::append_command;
use crate::workload::Workload;

/// Fields of a hash.
const FIELDS: u64 = 10;
/// Members of a set or a sorted set.
pub(crate) const MEMBERS: u64 = 1000;

/// Members are 16 bytes, as keys are.
fn member(number: u64) -> String {
    format!("mem:{number:012}")
}

fn field(number: u64) -> String {
    format!("field{number}")
}

/// The score of a member is its number, so ranks are known.
fn some_member(random: &mut Rng) -> (u64, String) {
    let number = random.u64(0..MEMBERS);
    (number, member(number))
}

/// Appends step `step` of a request of the workload.
pub(crate) fn append(
    workload: Workload,
    out: &mut Vec<u8>,
    key: &[u8],
    step: usize,
    value: &[u8],
    random: &mut Rng,
) {
    let (number, member) = some_member(random);
    let member = member.as_bytes();
    let field = field(number % FIELDS);
    let field = field.as_bytes();
    let score = number.to_string();
    let score = score.as_bytes();
    match workload {
        Workload::Hset => append_command(out, &[b"HSET", key, field, value]),
        Workload::Hget => append_command(out, &[b"HGET", key, field]),
        Workload::Lpush => append_command(out, &[b"LPUSH", key, value]),
        Workload::LpushRpop if step == 0 => append_command(out, &[b"LPUSH", key, value]),
        Workload::LpushRpop => append_command(out, &[b"RPOP", key]),
        Workload::Sadd => append_command(out, &[b"SADD", key, member]),
        Workload::Sismember => append_command(out, &[b"SISMEMBER", key, member]),
        Workload::Zadd => {
            // A score of its own each time: members move.
            let score = random.u64(0..MEMBERS).to_string();
            append_command(out, &[b"ZADD", key, score.as_bytes(), member]);
        }
        Workload::Zrank => append_command(out, &[b"ZRANK", key, member]),
        Workload::Zrangebyscore => {
            append_command(out, &[b"ZRANGEBYSCORE", key, score, b"+inf", b"LIMIT", b"0", b"10"]);
        }
        Workload::Xadd => append_entry(out, key, value),
        Workload::Xreadgroup if step == 0 => append_entry(out, key, value),
        Workload::Xreadgroup => append_command(
            out,
            &[
                b"XREADGROUP",
                b"GROUP",
                b"workers",
                b"one",
                b"COUNT",
                b"1",
                b"NOACK",
                b"STREAMS",
                key,
                b">",
            ],
        ),
        _ => unreachable!("not a workload on collections"),
    }
}

fn append_entry(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    append_command(out, &[b"XADD", key, b"MAXLEN", b"~", b"100", b"*", b"field", value]);
}

/// Appends what makes the collection at a key, in one request.
pub(crate) fn append_preload(workload: Workload, out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let mut words: Vec<Vec<u8>> = Vec::new();
    match workload {
        Workload::Hget => {
            words.extend([b"HSET".to_vec(), key.to_vec()]);
            words.extend((0..FIELDS).flat_map(|at| [field(at).into_bytes(), value.to_vec()]));
        }
        Workload::Sismember => {
            words.extend([b"SADD".to_vec(), key.to_vec()]);
            // Every other one, so that half of the questions are answered by no.
            words.extend((0..MEMBERS).step_by(2).map(|at| member(at).into_bytes()));
        }
        Workload::Zadd | Workload::Zrank | Workload::Zrangebyscore => {
            words.extend([b"ZADD".to_vec(), key.to_vec()]);
            let scored = |at: u64| [at.to_string().into_bytes(), member(at).into_bytes()];
            words.extend((0..MEMBERS).flat_map(scored));
        }
        Workload::Xreadgroup => {
            let create: [&[u8]; 6] = [b"XGROUP", b"CREATE", key, b"workers", b"0", b"MKSTREAM"];
            words.extend(create.map(<[u8]>::to_vec));
        }
        _ => unreachable!("not a workload whose collections must be there"),
    }
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    append_command(out, &words);
}
