//! The proof that compiled loops can be stopped, which each VM gives before it serves anybody.
//!
//! A VM that was built without check-hooks runs a compiled loop to its end, whatever is asked
//! meanwhile, and the hook raises right behind the loop. So it is not enough that an error comes: the
//! loop counts how far it has got. And so no loop may be long: loops twice as long each time, until
//! one lasts longer than it takes whoever watches to ask for its end, find out in a few hundredths of
//! a second, whatever the speed of the machine.

use super::interrupt::Control;
use super::machine::Machine;

/// What it takes to have a loop compiled, many times over; about a millisecond.
const TURNS_FIRST: u32 = 1 << 20;

/// A loop of so many turns takes a second or more. Whoever does not ask for its end is not there.
const TURNS_MOST: u32 = 1 << 30;

const LOOP: &[u8] = b"local mark, turns = ... for turn = 1, turns do mark[1] = turn end";

/// What became of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It came to its end, and nothing else happened.
    Whole,
    /// An error was raised when it had done so many turns.
    After(u32),
    /// It could not be run.
    NotRun,
}

/// Whether loops are stopped before their end. `run` runs one of so many turns.
pub(super) fn prove(mut run: impl FnMut(u32) -> Ended) -> bool {
    let mut turns = TURNS_FIRST;
    while turns <= TURNS_MOST {
        match run(turns) {
            Ended::Whole => turns *= 2,
            Ended::After(done) => return done < turns,
            Ended::NotRun => return false,
        }
    }
    false
}

/// Runs one loop in a VM.
pub(super) fn run_loop(machine: &mut Machine, control: &Control, turns: u32) -> Ended {
    let stack = machine.vm.stack();
    stack.push_table(1, 0);
    let mark = stack.top();
    stack.push_anchored(machine.handler);
    if stack.load(LOOP, c"=atoll").is_err() {
        stack.set_top(0);
        return Ended::NotRun;
    }
    stack.push_value(mark);
    stack.push_number(f64::from(turns));
    machine.host.with(|host| host.stop = None);
    let raised = machine.call(control, 2).is_err();
    machine.host.with(|host| host.stop = None);
    stack.raw_get_index(mark, 1);
    let done = stack.number(-1) as u32;
    stack.set_top(0);
    if raised { Ended::After(done) } else { Ended::Whole }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rig;

    #[test]
    fn a_loop_that_is_stopped_on_the_way_is_proof() {
        assert!(prove(|_| Ended::After(7)));
        let late = |turns| if turns < 1 << 25 { Ended::Whole } else { Ended::After(turns - 1) };
        assert!(prove(late));
    }

    #[test]
    fn an_error_behind_the_loop_is_no_proof() {
        let mut loops = 0;
        let stopped = prove(|turns| {
            loops += 1;
            if turns < TURNS_FIRST * 4 { Ended::Whole } else { Ended::After(turns) }
        });
        assert!(!stopped);
        assert_eq!(loops, 3);
        assert!(!prove(|_| Ended::NotRun));
    }

    #[test]
    fn who_is_never_stopped_gives_up() {
        let mut turns_done = 0;
        let stopped = prove(|turns| {
            turns_done += u64::from(turns);
            Ended::Whole
        });
        assert!(!stopped);
        assert!(turns_done < 2 * u64::from(TURNS_MOST), "{turns_done}");
    }

    #[test]
    fn nobody_watches_a_shard_by_itself() {
        let mut rig = Rig::new().once();
        assert!(!rig.shard().scripts_mut().prove_stoppable().unwrap());
        rig.check("EVAL 'return 2' 0", ":2");
    }
}
