//! PFSELFTEST: try the registers and the estimates of HyperLogLogs on random elements.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::hyperloglog::{Element, REGISTERS, Sketch, View};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "pfselftest",
        family: Family::HyperLogLog,
        arity: Arity::exactly(1),
        flags: Flags::ADMIN,
        since: "2.8.9",
        complexity: "N/A",
        summary: "An internal command for testing HyperLogLog values.",
        ..CommandSpec::NEW
    },
    run,
};

/// How many elements are added, and at how many the estimate is looked at first.
const ELEMENTS: u32 = 100_000;
const FIRST_LOOK: u32 = 10;

fn run(call: &mut Call<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    let seed = call.keyspace.rng().u64(..);
    let (mut sparse, mut dense) = (Sketch::new(), Sketch::new());
    dense.make_dense()?;
    let mut naive = [0u8; REGISTERS];
    let mut look = FIRST_LOOK;
    for count in 1..=ELEMENTS {
        if count % 64 == 0 {
            call.beat()?;
        }
        let element = Element::of(&(seed ^ u64::from(count)).to_le_bytes());
        naive[element.index] = naive[element.index].max(element.rank);
        sparse.add(element, call.keyspace.settings().hll_sparse_max)?;
        dense.add(element, 0)?;
        if count == look {
            check(&sparse, &naive, count)?;
            check(&dense, &naive, count)?;
            look *= 10;
        }
    }
    call.reply.ok();
    Ok(())
}

fn check(sketch: &Sketch, naive: &[u8; REGISTERS], count: u32) -> Result<(), CommandError> {
    let failed = |what: String| Err(CommandError::dynamic(format!("TESTFAILED {what}")));
    let view: View<'_> = sketch.view();
    let mut registers = [0; REGISTERS];
    view.raise(&mut registers)?;
    if let Some(at) = (0..REGISTERS).find(|at| registers[*at] != naive[*at]) {
        let (is, should) = (registers[at], naive[at]);
        return failed(format!("Register {at} should be {should} but is {is}"));
    }
    let estimate = view.estimate()?;
    // Six standard errors, and one for rounding: chance alone does not get there.
    let allowed = (1.04 / (REGISTERS as f64).sqrt() * 6.0 * f64::from(count)).ceil() + 1.0;
    if (estimate as f64 - f64::from(count)).abs() > allowed {
        return failed(format!("Too big error. card:{count} estimate:{estimate}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn passes() {
        let mut rig = Rig::new();
        rig.check("PFSELFTEST", "+OK");
        rig.check_error("PFSELFTEST x", "ERR wrong number of arguments for 'pfselftest' command");
    }
}
