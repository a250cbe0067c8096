//! The arguments of `redis.call`, as a request.

use protocol::args::Request as CommandRequest;
use protocol::number::write_f64;

use crate::script::raw::{Stack, TakeArgument};

/// Reads the arguments of `redis.call`: strings as they are, numbers as integers where they are
/// integral and within 2^62, else in their shortest form.
#[inline]
pub(super) fn read_arguments(
    stack: Stack,
    request: &mut CommandRequest,
) -> Result<(), &'static str> {
    request.clear();
    if !stack.arguments(request) {
        return Err("ERR Lua redis lib command arguments must be strings or integers");
    }
    if request.args().is_empty() {
        return Err("ERR Please specify at least one argument for this redis lib call");
    }
    Ok(())
}

impl TakeArgument for CommandRequest {
    #[inline(always)]
    fn text(&mut self, bytes: &[u8]) {
        self.push(bytes);
    }

    #[inline(always)]
    fn number(&mut self, number: f64) {
        let integer = number as i64;
        if integer as f64 == number && integer.unsigned_abs() <= 1 << 62 {
            self.push(itoa::Buffer::new().format(integer).as_bytes());
        } else {
            push_fraction(self, number);
        }
    }
}

#[cold]
fn push_fraction(request: &mut CommandRequest, number: f64) {
    let mut text = Vec::with_capacity(32);
    write_f64(&mut text, number);
    request.push(&text);
}
