//! Arbitrary bytes as MessagePack: read or refused, from any place and with any limit, and what was
//! read can be written.

#![no_main]

use std::cell::RefCell;

use fuzz::Bench;
use libfuzzer_sys::fuzz_target;

/// What is nested more than 16 deep is written as nil, and cannot be read where that is a key.
const SCRIPT: &str = "
local read = {pcall(cmsgpack.unpack, ARGV[1])}
if read[1] and #read > 1 then
  local written, text = pcall(cmsgpack.pack, unpack(read, 2))
  if written then
    pcall(cmsgpack.unpack, text)
  end
end
pcall(cmsgpack.unpack_one, ARGV[1], ARGV[2])
pcall(cmsgpack.unpack_limit, ARGV[1], ARGV[3], ARGV[2])
return 'fine'";

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::default();
}

fuzz_target!(|data: (i32, i8, &[u8])| {
    let (place, limit, bytes) = data;
    let (place, limit) = (place.to_string(), limit.to_string());
    let arguments = [bytes, place.as_bytes(), limit.as_bytes()];
    BENCH.with_borrow_mut(|bench| bench.check(SCRIPT, &arguments));
});
