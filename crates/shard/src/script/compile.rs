//! From source text to a function of the VM.
//!
//! A text of some length is compiled in pieces with hooks in between, by the same code as a script's own
//! `loadstring`, so that who sends a text that takes long to compile is stopped as a script is.

use std::borrow::Cow;

use super::host::{RunState, Stop};
use super::interrupt::{Control, What, name_id};
use super::limits::Limits;
use super::list::ListUse;
use super::machine::Machine;
use super::outcome::error_text;
use super::program::Program;
use super::sha::Sha;
use super::{shebang, tail_calls};
use crate::error::CommandError;

/// Texts of at most so many bytes are compiled in one go: some milliseconds at the worst.
const WHOLE_MAX: usize = 64 * 1024;

/// The longest script that is judged, in bytes: that takes about as long as compiling it.
const JUDGED_MAX: usize = 64 * 1024;

/// What is compiled.
pub(super) struct Text<'a> {
    pub(super) lua: &'a [u8],
    /// With `@` in front.
    pub(super) chunk_name: &'static std::ffi::CStr,
    pub(super) what: What,
}

/// Why there is no function.
pub(super) enum Refused {
    /// Lua's message.
    Message(Vec<u8>),
    /// It was stopped.
    Stopped(CommandError),
}

/// Compiles a script for a VM. It gets direct globals if it may have them and they are wanted: the
/// debugger looks at those that all others have.
///
/// # Errors
/// What to reply.
pub(super) fn compile_script(
    machine: &mut Machine,
    control: &Control,
    limits: &Limits,
    sha: Sha,
    body: &[u8],
    direct: bool,
) -> Result<Program, CommandError> {
    let limit = limits.script_bytes;
    if body.len() > limit {
        return Err(CommandError::dynamic(format!("ERR Script is larger than {limit} bytes")));
    }
    let (flags, lua) = shebang::parse(body)?;
    let lua = without_header(lua);
    let name = sha.hex();
    let what = What {
        time_limit_ms: flags.time_ms(limits.time_ms),
        id: name_id(name.as_bytes()),
        is_function: false,
    };
    let text = |lua| Text { lua, chunk_name: c"@user_script", what };
    compile(machine, control, limits, &text(&lua)).map_err(|refused| match refused {
        Refused::Stopped(error) => error,
        Refused::Message(message) => {
            let message = String::from_utf8_lossy(&message);
            CommandError::dynamic(format!("ERR Error compiling script (new function): {message}"))
        }
    })?;
    let stack = machine.vm.stack();
    if let Some(kept) = tail_calls::keep_frames(&lua)
        && compile(machine, control, limits, &text(&kept)).is_ok()
    {
        stack.insert(-2);
        stack.pop(1);
    }
    let is_judged = direct && body.len() <= JUDGED_MAX;
    let list_use = is_judged.then(|| machine.judge()).flatten().unwrap_or(ListUse::ANY);
    Ok(Program::script((stack.anchor(), list_use), flags, name, body))
}

/// Compiles a text and pushes the function.
///
/// # Errors
/// It is no Lua, or was stopped; the stack is as it was.
pub(super) fn compile(
    machine: &mut Machine,
    control: &Control,
    limits: &Limits,
    text: &Text<'_>,
) -> Result<(), Refused> {
    let stack = machine.vm.stack();
    if text.lua.len() <= WHOLE_MAX {
        return stack.load(text.lua, text.chunk_name).map_err(Refused::Message);
    }
    let bottom = stack.top();
    stack.push_anchored(machine.handler);
    stack.push_anchored(machine.compile);
    stack.push_bytes(text.lua);
    stack.push_bytes(text.chunk_name.to_bytes());
    machine.host.with(|host| {
        host.run = RunState::default();
        host.stop = None;
        host.frame_lost = false;
    });
    control.describe(text.what);
    let outcome = machine.call_undebugged(control, 2);
    let stop = machine.host.with(|host| {
        host.stopped_at = None;
        host.stop
    });
    let stop = stop.or(machine.vm.memory_exceeded().then_some(Stop::Memory));
    let refused = match (stop, outcome) {
        (Some(stop), _) => Refused::Stopped(stopped(stop, limits, text.what)),
        (None, Err(())) => Refused::Message(error_text(stack).0.into_bytes()),
        (None, Ok(())) => match stack.with_bytes(-1, <[u8]>::to_vec) {
            Some(message) => Refused::Message(message),
            None => {
                // The handler is below the function.
                stack.insert(-2);
                stack.pop(1);
                return Ok(());
            }
        },
    };
    stack.set_top(bottom);
    Err(refused)
}

fn stopped(stop: Stop, limits: &Limits, what: What) -> CommandError {
    match stop {
        Stop::Killed => CommandError::Text("ERR Script killed by user with SCRIPT KILL..."),
        Stop::Memory => CommandError::dynamic(format!(
            "OOM Script took more than {} bytes of memory to compile.",
            limits.memory_bytes
        )),
        Stop::Timeout | Stop::Undo | Stop::GaveUp | Stop::Leave => CommandError::dynamic(format!(
            "TIMEOUT Script took longer than {} ms to compile.",
            what.time_limit_ms
        )),
    }
}

/// LuaJIT skips a first line that begins with `#`, and a byte order mark, and has its own word for
/// bytecode. To Lua 5.1 all three are mistakes of the first character, as they are here behind a blank.
fn without_header(lua: &[u8]) -> Cow<'_, [u8]> {
    match lua.first() {
        Some(b'#' | 0x1b | 0xef) => Cow::Owned([b" ", lua].concat()),
        _ => Cow::Borrowed(lua),
    }
}

#[cfg(test)]
mod tests {
    use crate::script::limits::Limits;
    use crate::testing::Rig;

    /// Lines that do nothing, so many bytes of them.
    fn padding(bytes: usize) -> String {
        "local a = 'bcd' \n".repeat(150) + &"a = 'efghij' ..  'k' \n".repeat(bytes / 22)
    }

    #[test]
    fn a_long_script_is_compiled_like_a_short_one() {
        let mut rig = Rig::new().once();
        let pad = padding(300_000);
        let lines = pad.lines().count();
        assert_eq!(rig.run_parts(&["EVAL", &format!("{pad}return #KEYS + 7"), "0"]), ":7");
        let reply = rig.run_parts(&["EVAL", &format!("{pad}error('x')"), "0"]);
        assert!(
            reply.starts_with(&format!("-ERR user_script:{}: x script: ", lines + 1)),
            "{reply}"
        );
        let reply = rig.run_parts(&["EVAL", &format!("{pad}return redis.call('nosuch')"), "0"]);
        assert!(reply.ends_with(&format!(", on @user_script:{}.", lines + 1)), "{reply}");
        let reply = rig.run_parts(&["EVAL", &format!("{pad}return = 1"), "0"]);
        let text = "unexpected symbol near '='";
        let text = format!(
            "-ERR Error compiling script (new function): user_script:{}: {text}",
            lines + 1
        );
        assert_eq!(reply, text);
        let shebang =
            format!("#!lua flags=no-writes\n{pad}return {{redis.pcall('set','a','b').err}}");
        let refused = "[$ERR Write commands are not allowed from read-only scripts.]";
        assert_eq!(rig.run_parts(&["EVAL", &shebang, "0"]), refused);
        for header in ["#x\n", "\u{feff}", "\x1bLJ"] {
            let reply = rig.run_parts(&["EVAL", &format!("{header}{pad}"), "0"]);
            assert!(reply.starts_with("-ERR Error compiling script"), "{reply}");
        }
    }

    #[test]
    fn a_long_library_is_compiled_like_a_short_one() {
        let mut rig = Rig::new().once();
        let pad = padding(300_000);
        let code = format!(
            "#!lua name=long\n{pad}redis.register_function('seven', function() return 7 end)"
        );
        assert_eq!(rig.run_parts(&["FUNCTION", "LOAD", &code]), "$long");
        rig.check("FCALL seven 0", ":7");
        let code = format!("#!lua name=bad\n{pad}return = 1");
        let reply = rig.run_parts(&["FUNCTION", "LOAD", &code]);
        let line = pad.lines().count() + 2;
        let text =
            format!("-ERR Error compiling function: user_function:{line}: unexpected symbol");
        assert!(reply.starts_with(&text), "{reply}");
    }

    #[test]
    fn a_text_that_needs_too_much_memory_is_refused() {
        let mut rig = Rig::new().once();
        rig.shard().scripts_mut().configure(Limits { memory_bytes: 4 << 20, ..Limits::default() });
        let reply = rig.run_parts(&["EVAL", &padding(3_000_000), "0"]);
        assert_eq!(reply, "-OOM Script took more than 4194304 bytes of memory to compile.");
        rig.check("EVAL 'return 1' 0", ":1");
    }
}
