//! Scripts on trial: what the tests of scripts share.

use super::sha::Sha;
use crate::testing::Rig;

/// Runs a script; its SHA-1 in the reply becomes `<sha>`.
pub(super) fn eval(rig: &mut Rig, script: &str) -> String {
    rig.run_parts(&["EVAL", script, "0"]).replace(&Sha::of(script.as_bytes()).hex(), "<sha>")
}

/// The reply of a new shard.
#[track_caller]
pub(super) fn check(script: &str, reply: &str) {
    assert_eq!(eval(&mut Rig::new().once(), script), reply, "{script}");
}

/// The script ends in an error with this text, and the next one is fine.
#[track_caller]
pub(super) fn check_error(script: &str, text: &str) {
    let mut rig = Rig::new().once();
    let reply = eval(&mut rig, script);
    assert!(reply.starts_with('-') && reply.contains(text), "{script}: {reply}");
    assert_eq!(eval(&mut rig, "return 1"), ":1");
}

/// The script is answered with this text somewhere, and the next one is fine.
#[track_caller]
pub(super) fn check_contains(script: &str, text: &str) {
    let mut rig = Rig::new().once();
    let reply = eval(&mut rig, script);
    assert!(reply.contains(text), "{script}: {reply}");
    assert_eq!(eval(&mut rig, "return 1"), ":1");
}

/// Runs on a thread with a stack of so many bytes.
pub(super) fn on_stack(bytes: usize, run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(bytes).spawn(run).unwrap().join().unwrap();
}
