//! Arbitrary bytes as JSON: read or refused, and what was read can be written and read again.

#![no_main]

use std::cell::RefCell;

use fuzz::Bench;
use libfuzzer_sys::fuzz_target;

/// Numbers that JSON has no text for and lists with gaps are not written.
const SCRIPT: &str = "
local read, value = pcall(cjson.decode, ARGV[1])
if read then
  local written, text = pcall(cjson.encode, value)
  if written then
    cjson.decode(text)
  end
end
return 'fine'";

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::default();
}

fuzz_target!(|bytes: &[u8]| {
    BENCH.with_borrow_mut(|bench| bench.check(SCRIPT, &[bytes]));
});
