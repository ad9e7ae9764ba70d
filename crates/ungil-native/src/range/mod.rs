//! Which checks cannot fail.
//!
//! First, intervals: what an int can be at each place, by going through the statements (loops until
//! nothing changes, with bounds that move going on to landmarks). Then, what is left in innermost loops
//! is calculated from the loop's variable is checked before the loop, and before loops around it.

mod analysis;
mod assigned;
mod hoist;
mod interval;
mod nest;
mod refine;

use crate::environment::Options;
use crate::ir::Program;

/// Marks the checks of all functions.
pub(crate) fn prove(program: &mut Program, options: &[Options]) {
    for (function, options) in program.functions.iter_mut().zip(options) {
        analysis::analyse(function, *options);
        hoist::hoist(function);
    }
}
