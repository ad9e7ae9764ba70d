//! What a condition tells of slots.

use super::analysis::SIZES;
use super::interval::Interval;
use crate::ir::{Comparison, Expr, Op};
use crate::types::Type;

/// Takes into account that a condition holds, or does not.
pub(super) fn refine(test: &Expr, holds: bool, known: &mut [Interval]) {
    match test.op {
        Op::Not => refine(&test.args[0], !holds, known),
        Op::And if holds => {
            refine(&test.args[0], true, known);
            refine(&test.args[1], true, known);
        }
        Op::Or if !holds => {
            refine(&test.args[0], false, known);
            refine(&test.args[1], false, known);
        }
        Op::Let(slot) => {
            refine(&test.args[1], holds, known);
            // What is found out of a copy holds for the original, if that was one.
            if let Op::Slot(original) = test.args[0].op {
                known[original] = known[original].meet(known[slot]);
            }
        }
        Op::Compare(comparison) if test.args[0].ty == Type::Int => {
            let comparison = if holds {
                comparison
            } else {
                comparison.negated()
            };
            let (left, right) = (&test.args[0], &test.args[1]);
            let (low, high) = (simple(left, known), simple(right, known));
            constrain(left, comparison, high, known);
            constrain(right, comparison.mirrored(), low, known);
        }
        _ => {}
    }
}

/// What a constant or a slot can be; anything where it takes more to know.
fn simple(expr: &Expr, known: &[Interval]) -> Interval {
    match expr.op {
        Op::Int(value) => Interval::exactly(value),
        Op::Slot(slot) => known[slot],
        Op::Dim(_) => SIZES,
        Op::Mod if matches!(expr.args[1].op, Op::Int(_)) => {
            simple(&expr.args[0], known).modulo(simple(&expr.args[1], known))
        }
        _ => Interval::ALL,
    }
}

fn constrain(expr: &Expr, comparison: Comparison, other: Interval, known: &mut [Interval]) {
    let Op::Slot(slot) = expr.op else { return };
    let own = known[slot];
    let allowed = match comparison {
        Comparison::Lt => Interval::new(i64::MIN, other.high.saturating_sub(1)),
        Comparison::Le => Interval::new(i64::MIN, other.high),
        Comparison::Gt => Interval::new(other.low.saturating_add(1), i64::MAX),
        Comparison::Ge => Interval::new(other.low, i64::MAX),
        Comparison::Eq => other,
        Comparison::Ne if other.low == other.high => {
            let mut left = own;
            if left.low == other.low {
                left.low = left.low.saturating_add(1);
            }
            if left.high == other.low {
                left.high = left.high.saturating_sub(1);
            }
            left
        }
        Comparison::Ne => return,
    };
    if allowed.low <= allowed.high {
        known[slot] = own.meet(allowed);
    }
}
