//! A panic ends the process: a shard that panicked may be half changed, and answering from it would
//! be worse than not answering. The command that ran is logged, and the exit code is not zero.

use std::cell::Cell;

/// Exit code after a panic (`EX_SOFTWARE`).
const EXIT_CODE: i32 = 70;

thread_local! {
    static COMMAND: Cell<&'static str> = const { Cell::new("") };
}

/// Notes which command this thread runs.
#[inline]
pub(crate) fn note_command(name: &'static str) {
    COMMAND.set(name);
}

/// Has every panic logged with the command that ran, and end the process.
pub(crate) fn install_hook() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        default(info);
        let thread = std::thread::current();
        tracing::error!(
            thread = thread.name().unwrap_or("?"),
            command = COMMAND.get(),
            location = info.location().map(tracing::field::display),
            "panic; the process ends"
        );
        std::process::exit(EXIT_CODE);
    }));
}
