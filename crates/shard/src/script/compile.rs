//! From the text of a script to a function of a VM.

use std::borrow::Cow;

use super::list::ListUse;
use super::machine::Machine;
use super::program::Program;
use super::sha::Sha;
use super::shebang;
use super::tail_calls;
use crate::error::CommandError;

/// LuaJIT skips a first line that begins with `#`, and a byte order mark, and has its own word for
/// bytecode. To Lua 5.1 all three are mistakes of the first character, as they are here behind a blank.
fn without_header(lua: &[u8]) -> Cow<'_, [u8]> {
    match lua.first() {
        Some(b'#' | 0x1b | 0xef) => Cow::Owned([b" ", lua].concat()),
        _ => Cow::Borrowed(lua),
    }
}

/// The longest script that is judged, in bytes: that takes about as long as compiling it.
const JUDGED_MAX: usize = 64 * 1024;

/// Compiles a script for a VM. It gets direct globals if it may have them and they are wanted: the
/// debugger looks at those that all others have.
pub(super) fn compile_into(
    machine: &mut Machine,
    sha: Sha,
    body: &[u8],
    limit: usize,
    direct: bool,
) -> Result<Program, CommandError> {
    if body.len() > limit {
        return Err(CommandError::dynamic(format!("ERR Script is larger than {limit} bytes")));
    }
    let (flags, lua) = shebang::parse(body)?;
    let stack = machine.vm.stack();
    let lua = without_header(lua);
    stack.load(&lua, c"@user_script").map_err(|message| {
        CommandError::dynamic(format!(
            "ERR Error compiling script (new function): {}",
            String::from_utf8_lossy(&message)
        ))
    })?;
    if let Some(kept) = tail_calls::keep_frames(&lua)
        && stack.load(&kept, c"@user_script").is_ok()
    {
        stack.insert(-2);
        stack.pop(1);
    }
    let is_judged = direct && body.len() <= JUDGED_MAX;
    let list_use = is_judged.then(|| machine.judge()).flatten().unwrap_or(ListUse::ANY);
    Ok(Program::script((stack.anchor(), list_use), flags, sha.hex(), body))
}
