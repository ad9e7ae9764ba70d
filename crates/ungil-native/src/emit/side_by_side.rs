//! Whether a program does things side by side that one instruction could do at once, outside of loops' rounds:
//! LLVM looks for them long, and mostly in vain.

use super::count::constant_rounds;
use crate::environment::Options;
use crate::ir::{Program, Stmt};
use crate::types::Type;

/// The first line of a module that LLVM is to look for them in.
pub(super) const MARK: &str = "; side by side\n";

pub(super) fn found(program: &Program, options: &[Options]) -> bool {
    // Sums may be reordered.
    options.iter().any(|options| options.fastmath)
        || program.functions.iter().any(|function| {
            function.slots.iter().any(|slot| slot.ty == Type::Complex)
                || found_in(&function.body, false)
        })
}

/// Whether a block, or one in it, writes several elements, or does rounds of a nest together.
fn found_in(block: &[Stmt], unrolled: bool) -> bool {
    let writes = block.iter().filter(|stmt| matches!(stmt, Stmt::Store(_)));
    let writes = writes.count();
    writes > usize::from(!unrolled)
        || block.iter().any(|stmt| {
            let (mut nest, mut unrolled) = (false, unrolled);
            if let Stmt::Count(count) = stmt {
                nest = !count.inner.is_empty();
                unrolled |= constant_rounds(count).is_some();
            }
            nest || stmt.blocks().iter().any(|block| found_in(block, unrolled))
        })
}
