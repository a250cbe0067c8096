//! `math.random` and `math.randomseed`: the generator of Redis, so that a seed gives what it gives
//! there.
//!
//! One generator for each shard. It is seeded the same at each start and goes on from script to
//! script, SCRIPT FLUSH included.

use std::cell::Cell;
use std::ffi::c_int;
use std::rc::Rc;

use super::arguments::Arguments;
use super::{Library, raise};
use crate::script::host::Host;
use crate::script::raw::{Raise, Stack};

pub(super) const LIBRARY: Library = Library {
    name: "math",
    functions: &[("random", random), ("randomseed", random_seed)],
    texts: &[],
};

/// The state of drand48. Clones share it.
#[derive(Clone)]
pub(in crate::script) struct Generator(Rc<Cell<u64>>);

impl Default for Generator {
    fn default() -> Self {
        Self(Rc::new(Cell::new(0x1234_ABCD_330E)))
    }
}

impl Generator {
    fn seed(&self, seed: i32) {
        self.0.set((u64::from(seed as u32) << 16) | 0x330E);
    }

    /// The next number, from 0 (included) to 1 (excluded).
    fn next(&self) -> f64 {
        const RANGE: u64 = i32::MAX as u64;
        let state = self.0.get().wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & ((1 << 48) - 1);
        self.0.set(state);
        ((state >> 17) % RANGE) as f64 / RANGE as f64
    }
}

fn random(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "random");
    // Redis draws before it looks at the arguments: a wrong call uses a number up.
    let drawn = host.libraries.random.next();
    let number = match arguments.count() {
        0 => drawn,
        1 => {
            let upper = arguments.int(1)?;
            if upper < 1 {
                return Err(arguments.error(1, "interval is empty"));
            }
            (drawn * f64::from(upper)).floor() + 1.0
        }
        2 => {
            let (lower, upper) = (arguments.int(1)?, arguments.int(2)?);
            if lower > upper {
                return Err(arguments.error(2, "interval is empty"));
            }
            let width = upper.wrapping_sub(lower).wrapping_add(1);
            (drawn * f64::from(width)).floor() + f64::from(lower)
        }
        _ => return Err(raise("wrong number of arguments")),
    };
    stack.push_number(number);
    Ok(1)
}

fn random_seed(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let seed = Arguments::new(stack, "randomseed").int(1)?;
    host.libraries.random.seed(seed);
    Ok(0)
}
