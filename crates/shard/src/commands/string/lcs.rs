//! LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]: the longest common subsequence of two
//! strings: its text, its length, or the ranges that match.
//!
//! The table takes four bytes for each pair of prefixes, so its size is limited as a string's is.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Find, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::types::string::StringView;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "lcs",
        family: Family::String,
        arity: Arity::at_least(3),
        flags: Flags::READONLY,
        keys: &[KeySpec {
            find: Find::Range { last: 1, step: 1, limit: 0 },
            ..KeySpec::at(1, Access::Ro, &["access"])
        }],
        since: "7.0.0",
        complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
        summary: "Finds the longest common substring.",
        ..CommandSpec::NEW
    },
    run,
};

const NOT_STRINGS: CommandError =
    CommandError::Text("ERR The specified keys must contain string values");
const LEN_AND_IDX: CommandError =
    CommandError::Text("ERR If you want both the length and indexes, please just use IDX.");
const TOO_LONG: CommandError = CommandError::Text("ERR String too long for LCS");
const TABLE_TOO_LARGE: CommandError = CommandError::Text(
    "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
);

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: i64,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut at = 3;
        while at < args.len() {
            if args.is(at, "IDX") {
                options.idx = true;
            } else if args.is(at, "LEN") {
                options.len = true;
            } else if args.is(at, "WITHMATCHLEN") {
                options.with_match_len = true;
            } else if args.is(at, "MINMATCHLEN") && at + 1 < args.len() {
                at += 1;
                options.min_match_len = args.int(at)?;
            } else {
                return Err(ArgsError::Syntax.into());
            }
            at += 1;
        }
        if options.idx && options.len { Err(LEN_AND_IDX) } else { Ok(options) }
    }
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let options = Options::parse(args);
    let left = text(call.keyspace, args.at(1))?;
    let right = text(call.keyspace, args.at(2))?;
    // Redis: another type comes before bad options.
    let options = options?;
    let bytes_max = call.keyspace.settings().string_len_max;
    let table = Table::new(&left, &right, bytes_max, || call.beat())?;
    if options.idx {
        reply_ranges(call, &table, &options);
    } else if options.len {
        call.reply.count(table.len());
    } else {
        call.reply.bulk(&table.common());
    }
    Ok(())
}

/// The string at a key as a copy; a missing key is an empty one.
fn text(keyspace: &mut Keyspace, key: &[u8]) -> Result<Vec<u8>, CommandError> {
    let value = keyspace.string(key).map_err(|_| NOT_STRINGS)?;
    Ok(value.map(StringView::to_vec).unwrap_or_default())
}

fn reply_ranges(call: &mut Call<'_, '_>, table: &Table<'_>, options: &Options) {
    let mut ranges = table.ranges();
    ranges.retain(|range| range.len as i64 >= options.min_match_len);
    call.reply.map(2);
    call.reply.bulk(b"matches");
    call.reply.array(ranges.len());
    for Range { left, right, len } in ranges {
        call.reply.array(2 + usize::from(options.with_match_len));
        for start in [left, right] {
            call.reply.array(2);
            call.reply.count(start);
            call.reply.count(start + len - 1);
        }
        if options.with_match_len {
            call.reply.count(len);
        }
    }
    call.reply.bulk(b"len");
    call.reply.count(table.len());
}

/// Bytes that match without a gap: where in each string, and how many.
struct Range {
    left: usize,
    right: usize,
    len: usize,
}

/// The lengths of the longest common subsequences of all pairs of prefixes.
struct Table<'a> {
    left: &'a [u8],
    right: &'a [u8],
    /// One row for each prefix of `left`, one column for each prefix of `right`.
    lens: Vec<u32>,
}

impl<'a> Table<'a> {
    /// Calls `beat` for each row.
    fn new(
        left: &'a [u8],
        right: &'a [u8],
        bytes_max: usize,
        beat: impl Fn() -> Result<(), CommandError>,
    ) -> Result<Self, CommandError> {
        if left.len().max(right.len()) >= u32::MAX as usize - 1 {
            return Err(TOO_LONG);
        }
        let cells = (left.len() + 1).checked_mul(right.len() + 1).ok_or(TABLE_TOO_LARGE)?;
        if cells > bytes_max / size_of::<u32>() {
            return Err(TABLE_TOO_LARGE);
        }
        let width = right.len() + 1;
        let mut lens = vec![0; cells];
        let mut above = vec![0; width];
        for (row, &byte) in lens.chunks_exact_mut(width).skip(1).zip(left) {
            for (at, &other) in right.iter().enumerate() {
                row[at + 1] =
                    if byte == other { above[at] + 1 } else { row[at].max(above[at + 1]) };
            }
            above.copy_from_slice(row);
            beat()?;
        }
        Ok(Self { left, right, lens })
    }

    fn at(&self, left: usize, right: usize) -> u32 {
        self.lens[left * (self.right.len() + 1) + right]
    }

    fn len(&self) -> usize {
        self.at(self.left.len(), self.right.len()) as usize
    }

    /// The matching ranges, from the end of the strings to their beginning. Where several
    /// subsequences are longest, the choice is Redis's.
    fn ranges(&self) -> Vec<Range> {
        let mut ranges: Vec<Range> = Vec::new();
        let (mut left, mut right) = (self.left.len(), self.right.len());
        let mut contiguous = false;
        while left > 0 && right > 0 {
            if self.left[left - 1] == self.right[right - 1] {
                (left, right) = (left - 1, right - 1);
                match ranges.last_mut() {
                    Some(range) if contiguous => {
                        *range = Range { left, right, len: range.len + 1 };
                    }
                    _ => ranges.push(Range { left, right, len: 1 }),
                }
                contiguous = true;
            } else {
                contiguous = false;
                if self.at(left - 1, right) > self.at(left, right - 1) {
                    left -= 1;
                } else {
                    right -= 1;
                }
            }
        }
        ranges
    }

    /// The subsequence itself.
    fn common(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.len());
        for range in self.ranges().iter().rev() {
            text.extend_from_slice(&self.left[range.left..range.left + range.len]);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use crate::keyspace::Settings;
    use crate::testing::Rig;

    fn rig() -> Rig {
        let mut rig = Rig::new();
        rig.check("MSET {t}a ohmytext {t}b mynewtext {t}empty \"\" {t}n 12345", "+OK");
        rig
    }

    #[test]
    fn replies_the_text_or_its_length() {
        let mut rig = rig();
        rig.check("LCS {t}a {t}b", "$mytext");
        rig.check("LCS {t}a {t}b LEN", ":6");
        rig.check("LCS {t}a {t}b len LEN", ":6");
        rig.check("LCS {t}a {t}b WITHMATCHLEN MINMATCHLEN 3", "$mytext");
        rig.check("LCS {t}n {t}n", "$12345");
    }

    #[test]
    fn replies_the_ranges_that_match() {
        let mut rig = rig();
        rig.check("LCS {t}a {t}b IDX", "[$matches [[[:4 :7] [:5 :8]] [[:2 :3] [:0 :1]]] $len :6]");
        rig.check("LCS {t}a {t}b IDX MINMATCHLEN 4", "[$matches [[[:4 :7] [:5 :8]]] $len :6]");
        rig.check(
            "LCS {t}a {t}b IDX MINMATCHLEN 4 WITHMATCHLEN",
            "[$matches [[[:4 :7] [:5 :8] :4]] $len :6]",
        );
        rig.check(
            "LCS {t}a {t}b IDX MINMATCHLEN -5",
            "[$matches [[[:4 :7] [:5 :8]] [[:2 :3] [:0 :1]]] $len :6]",
        );
    }

    #[test]
    fn the_ranges_are_a_map_in_resp3() {
        let mut rig = Rig::new().resp3();
        rig.check("SET k v", "+OK");
        rig.check("LCS k k IDX", "%{$matches:[[[:0 :0] [:0 :0]]] $len::1}");
    }

    #[test]
    fn a_missing_key_is_an_empty_string() {
        let mut rig = rig();
        rig.check("LCS {t}a {t}missing", "$");
        rig.check("LCS {t}missing {t}a LEN", ":0");
        rig.check("LCS {t}a {t}empty IDX", "[$matches [] $len :0]");
        rig.check("LCS {t}missing {t}missing", "$");
    }

    #[test]
    fn bad_options() {
        let mut rig = rig();
        let both = "-ERR If you want both the length and indexes, please just use IDX.";
        rig.check("LCS {t}a {t}b LEN IDX", both);
        rig.check("LCS {t}a {t}b FOO", "-ERR syntax error");
        rig.check("LCS {t}a {t}b MINMATCHLEN", "-ERR syntax error");
        let line = "LCS {t}a {t}b MINMATCHLEN x";
        rig.check(line, "-ERR value is not an integer or out of range");
        rig.check_error("LCS {t}a", "ERR wrong number of arguments for 'lcs' command");
    }

    #[test]
    fn another_type_comes_before_bad_options() {
        let mut rig = rig();
        rig.run("HSET {t}h f v");
        let error = "-ERR The specified keys must contain string values";
        rig.check("LCS {t}a {t}h", error);
        rig.check("LCS {t}h {t}a FOO", error);
    }

    #[test]
    fn the_table_is_limited() {
        let mut rig = rig();
        let settings = Settings { string_len_max: 360, ..Settings::default() };
        rig.shard().keyspace_mut().configure(settings);
        // 9 * 10 cells of four bytes.
        rig.check("LCS {t}a {t}b", "$mytext");
        let error = "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
        rig.check("LCS {t}b {t}b", error);
        rig.check("LCS {t}b {t}b FOO", "-ERR syntax error");
    }
}
