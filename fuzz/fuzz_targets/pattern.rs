//! Arbitrary patterns on arbitrary texts, for some thousand steps: `find`, `match`, `gmatch` and
//! `gsub` find the same.

#![no_main]

use std::cell::RefCell;

use fuzz::Bench;
use libfuzzer_sys::fuzz_target;

/// The first touch of a key starts the count of steps, see [`Bench`].
const SCRIPT: &str = "
redis.call('exists', 'k')
local text, pattern, replacement, place = unpack(ARGV)
local found, from, to = pcall(string.find, text, pattern)
local matched, first = pcall(string.match, text, pattern)
assert(found == matched or found, 'match alone')
assert(not matched or (from == nil) == (first == nil), 'one finds, the other does not')
pcall(string.find, text, pattern, place)
pcall(string.gsub, text, pattern, replacement)
pcall(string.gsub, text, pattern, replacement, place)
pcall(string.gsub, text, pattern, {})
local seen = {}
local replaced, out, count = pcall(string.gsub, text, pattern, function(capture)
  seen[#seen + 1] = capture
end)
if replaced then
  assert(out == text and count == #seen, 'gsub without replacements changes something')
  if pattern:sub(1, 1) ~= '^' then
    local number = 0
    for capture in text:gmatch(pattern) do
      number = number + 1
      assert(capture == seen[number], 'gmatch and gsub differ')
    end
    assert(number == count, 'gmatch and gsub find different numbers')
  end
end
return 'fine'";

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::default();
}

fuzz_target!(|data: (&[u8], &[u8], i8, &[u8])| {
    let (pattern, replacement, place, text) = data;
    let place = place.to_string();
    let arguments = [text, pattern, replacement, place.as_bytes()];
    BENCH.with_borrow_mut(|bench| bench.check(SCRIPT, &arguments));
});
