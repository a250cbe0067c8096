//! Arbitrary formats of `struct`: bytes are read or refused, and what was read can be written.

#![no_main]

use std::cell::RefCell;

use fuzz::Bench;
use libfuzzer_sys::fuzz_target;

const SCRIPT: &str = "
pcall(struct.size, ARGV[1])
pcall(struct.unpack, ARGV[1], ARGV[2], tonumber(ARGV[3]))
pcall(struct.pack, ARGV[1], ARGV[2], ARGV[3], 1, 2.5, 'text', -1, 2^53, ARGV[2])
local read = {pcall(struct.unpack, ARGV[1], ARGV[2])}
if read[1] then
  pcall(struct.pack, ARGV[1], unpack(read, 2, #read - 1))
end
return 'fine'";

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::default();
}

fuzz_target!(|data: (&[u8], i32, &[u8])| {
    let (format, place, bytes) = data;
    let place = place.to_string();
    BENCH.with_borrow_mut(|bench| bench.check(SCRIPT, &[format, bytes, place.as_bytes()]));
});
