//! The proof that compiled loops can be stopped, which each VM gives before it serves anybody.
//!
//! A VM that was built without check-hooks runs a compiled loop to its end, whatever is asked
//! meanwhile, and the hook raises right behind the loop. So it is not enough that an error comes: the
//! loop counts how far it has got. It may have come to its end just then, so that counts only if it
//! happens twice. And so no loop may be long: loops twice as long each time, until one lasts longer
//! than it takes whoever watches to ask for its end, find out in a few hundredths of a second,
//! whatever the speed of the machine.

use super::interrupt::Control;
use super::machine::Machine;

/// What it takes to have a loop compiled, many times over; about a millisecond.
const TURNS_FIRST: u64 = 1 << 20;

/// After fewer turns a loop may not be compiled yet: that it was stopped says nothing.
const COMPILED_AFTER: u64 = 10_000;

/// A loop of so many turns takes some seconds: time enough to ask for its end on a machine that has
/// too much to do.
pub(super) const TURNS_MOST: u64 = 1 << 32;

const LOOP: &[u8] = b"local mark, turns = ... for turn = 1, turns do mark[1] = turn end";

/// What became of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It came to its end, and nothing else happened.
    Whole,
    /// An error was raised when it had done so many turns.
    After(u64),
    /// It could not be run.
    NotRun,
}

/// Whether loops are stopped before their end. `run` runs one of so many turns, `turns_most` at
/// most.
pub(super) fn prove(turns_most: u64, mut run: impl FnMut(u64) -> Ended) -> bool {
    let (mut turns, mut passed) = (TURNS_FIRST, false);
    while turns <= turns_most {
        match run(turns) {
            Ended::Whole | Ended::After(..COMPILED_AFTER) => turns *= 2,
            Ended::After(done) if done < turns => return true,
            Ended::After(_) if !passed => passed = true,
            Ended::After(_) | Ended::NotRun => return false,
        }
    }
    false
}

/// Runs one loop in a VM.
pub(super) fn run_loop(machine: &mut Machine, control: &Control, turns: u64) -> Ended {
    let stack = machine.vm.stack();
    stack.push_table(1, 0);
    let mark = stack.top();
    stack.push_anchored(machine.handler);
    if stack.load(LOOP, c"=atoll").is_err() {
        stack.set_top(0);
        return Ended::NotRun;
    }
    stack.push_value(mark);
    stack.push_number(turns as f64);
    machine.host.with(|host| host.stop = None);
    let raised = machine.call(control, 2).is_err();
    machine.host.with(|host| host.stop = None);
    stack.raw_get_index(mark, 1);
    let done = stack.number(-1) as u64;
    stack.set_top(0);
    if raised { Ended::After(done) } else { Ended::Whole }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rig;

    #[test]
    fn a_loop_that_is_stopped_on_the_way_is_proof() {
        assert!(prove(TURNS_MOST, |_| Ended::After(700_000)));
        let late = |turns| if turns < TURNS_MOST { Ended::Whole } else { Ended::After(turns - 1) };
        assert!(prove(TURNS_MOST, late));
    }

    #[test]
    fn errors_behind_loops_are_no_proof() {
        let mut loops = 0;
        let stopped = prove(TURNS_MOST, |turns| {
            loops += 1;
            if turns < TURNS_FIRST * 4 { Ended::Whole } else { Ended::After(turns) }
        });
        assert!(!stopped);
        assert_eq!(loops, 4);
        assert!(!prove(TURNS_MOST, |_| Ended::NotRun));
    }

    #[test]
    fn a_loop_that_was_not_compiled_is_no_proof() {
        let early = |turns| if turns < TURNS_MOST { Ended::After(9) } else { Ended::After(turns) };
        assert!(!prove(TURNS_MOST, early));
    }

    #[test]
    fn one_error_behind_a_loop_says_nothing() {
        let mut outcomes =
            [Ended::Whole, Ended::After(TURNS_FIRST * 2), Ended::After(99_999)].iter();
        assert!(prove(TURNS_MOST, |_| *outcomes.next().unwrap()));
        let mut outcomes = [Ended::After(TURNS_FIRST), Ended::Whole, Ended::After(99_999)].iter();
        assert!(prove(TURNS_MOST, |_| *outcomes.next().unwrap()));
    }

    #[test]
    fn who_is_never_stopped_gives_up() {
        let mut turns_done = 0;
        let stopped = prove(TURNS_MOST, |turns| {
            turns_done += turns;
            Ended::Whole
        });
        assert!(!stopped);
        assert!(turns_done < 2 * TURNS_MOST, "{turns_done}");
    }

    #[test]
    fn nobody_watches_a_shard_by_itself() {
        let mut rig = Rig::new().once();
        assert!(!rig.shard().scripts_mut().prove_within(1 << 24).unwrap());
        rig.check("EVAL 'return 2' 0", ":2");
    }
}
