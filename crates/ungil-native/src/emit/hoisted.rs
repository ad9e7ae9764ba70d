//! The conditions under which a loop can be run without checks.

use std::collections::BTreeMap;

use super::builder::Builder;
use super::count::Range;
use super::value::Value;
use crate::ir::{Condition, Count, Expr, Op, SlotId, Variable};

/// An inner loop of a nest has at most so many rounds: as long it is not asked whether to go on.
const LONGEST: u32 = 1 << 22;

/// The least and the greatest value, in registers.
#[derive(Clone)]
struct Bounds {
    low: String,
    high: String,
}

/// What is known of the variables of loops.
type Known = BTreeMap<SlotId, Bounds>;

impl Builder<'_> {
    /// Whether all checks that were moved before the loop hold: what changes evenly is looked at in the
    /// first and the last round, of other values the bounds.
    pub(super) fn conditions(&mut self, count: &Count, range: &Range) -> String {
        let last = self.last(range);
        let mut holds = "true".to_owned();
        let mut known = Known::new();
        if count.hoisted.iter().any(|condition| condition.curved) {
            known.insert(count.slot, self.all_of(range, &last));
        }
        for condition in &count.hoisted {
            if condition.curved {
                self.within_bounds(condition, &known, &mut holds);
                continue;
            }
            let size = self.size(condition);
            for at in [&range.start, &last] {
                let value = self.affine(&condition.value, count.slot, at, &mut holds);
                if let Some(size) = &size {
                    let within = self.let_(format!("icmp ult i64 {value}, {size}"));
                    self.also(&mut holds, &within);
                }
            }
        }
        holds
    }

    /// The same for a loop with others in it, for all values that their variables can have.
    pub(super) fn conditions_of_nest(&mut self, count: &Count, range: &Range) -> String {
        let last = self.last(range);
        let mut known = Known::new();
        known.insert(count.slot, self.all_of(range, &last));
        let mut holds = "true".to_owned();
        self.variables(&count.inner, &mut known, &mut holds);
        for condition in &count.hoisted {
            self.within_bounds(condition, &known, &mut holds);
        }
        holds
    }

    /// Adds the bounds of the variables of inner loops.
    fn variables(&mut self, variables: &[Variable], known: &mut Known, holds: &mut String) {
        for variable in variables {
            let start = self.bounds(&variable.start, known, holds);
            let stop = self.bounds(&variable.stop, known, holds);
            // The stop itself is never reached. Where the least is above the greatest, no run has a round.
            let upwards = variable.step.is_none_or(|step| step > 0);
            let downwards = variable.step.is_none_or(|step| step < 0);
            let mut low = start.low;
            let mut high = start.high;
            if downwards {
                let least = self.sum(&stop.low, "1", holds);
                low = if upwards {
                    self.smaller(&low, &least)
                } else {
                    least
                };
            }
            if upwards {
                let most = self.difference(&stop.high, "1", holds);
                high = if downwards {
                    self.greater(&high, &most)
                } else {
                    most
                };
            }
            let rounds = self.difference(&high, &low, holds);
            let few = self.let_(format!("icmp sle i64 {rounds}, {LONGEST}"));
            self.also(holds, &few);
            // Another loop may have the same variable.
            if let Some(other) = known.get(&variable.slot).cloned() {
                low = self.smaller(&low, &other.low);
                high = self.greater(&high, &other.high);
            }
            known.insert(variable.slot, Bounds { low, high });
        }
    }

    fn within_bounds(&mut self, condition: &Condition, known: &Known, holds: &mut String) {
        let size = self.size(condition);
        let bounds = self.bounds(&condition.value, known, holds);
        if let Some(size) = size {
            self.not_negative(&bounds.low, holds);
            let below = self.let_(format!("icmp slt i64 {}, {size}", bounds.high));
            self.also(holds, &below);
        }
    }

    fn size(&mut self, condition: &Condition) -> Option<String> {
        let (array, axis) = condition.within.as_ref()?;
        let Value::Array(array) = self.value(array) else {
            unreachable!("only arrays have bounds");
        };
        Some(array.sizes[usize::from(*axis)].clone())
    }

    /// The value of an int that changes evenly with a slot.
    fn affine(&mut self, expr: &Expr, slot: SlotId, at: &str, holds: &mut String) -> String {
        let name = match &expr.op {
            Op::Slot(other) if *other == slot => return at.to_owned(),
            Op::Add => "add",
            Op::Sub | Op::Neg => "sub",
            Op::Mul => "mul",
            _ => return self.scalar(expr),
        };
        let mut args = Vec::new();
        if expr.op == Op::Neg {
            args.push("0".to_owned());
        }
        for arg in &expr.args {
            args.push(self.affine(arg, slot, at, holds));
        }
        self.exact(name, &args[0], &args[1], holds)
    }

    /// Bounds of what is calculated from loops' variables and what stays the same.
    fn bounds(&mut self, expr: &Expr, known: &Known, holds: &mut String) -> Bounds {
        if let Op::Slot(slot) = expr.op
            && let Some(bounds) = known.get(&slot)
        {
            return bounds.clone();
        }
        let mut args: Vec<Bounds> = Vec::new();
        if matches!(
            expr.op,
            Op::Add | Op::Sub | Op::Neg | Op::Mul | Op::FloorDiv
        ) {
            for arg in &expr.args {
                args.push(self.bounds(arg, known, holds));
            }
        }
        let (low, high) = match expr.op {
            Op::Add => (
                self.sum(&args[0].low, &args[1].low, holds),
                self.sum(&args[0].high, &args[1].high, holds),
            ),
            Op::Sub => (
                self.difference(&args[0].low, &args[1].high, holds),
                self.difference(&args[0].high, &args[1].low, holds),
            ),
            Op::Neg => (
                self.difference("0", &args[0].high, holds),
                self.difference("0", &args[0].low, holds),
            ),
            Op::Mul => self.product(expr, &args, holds),
            Op::FloorDiv => {
                let Op::Int(divisor) = expr.args[1].op else {
                    unreachable!("only constants are divided by before loops");
                };
                let bits = divisor.trailing_zeros();
                (
                    self.let_(format!("ashr i64 {}, {bits}", args[0].low)),
                    self.let_(format!("ashr i64 {}, {bits}", args[0].high)),
                )
            }
            _ => {
                let value = self.scalar(expr);
                (value.clone(), value)
            }
        };
        Bounds { low, high }
    }

    /// Of ints that are not negative, which is made sure of, or of one and a constant.
    fn product(&mut self, expr: &Expr, args: &[Bounds], holds: &mut String) -> (String, String) {
        let constant = expr
            .args
            .iter()
            .position(|arg| matches!(arg.op, Op::Int(_)));
        if let Some(at) = constant {
            let (factor, other) = (&args[at].low, &args[1 - at]);
            let ends = [&other.low, &other.high];
            let [low, high] = ends.map(|end| self.exact("mul", end, factor, holds));
            return if matches!(expr.args[at].op, Op::Int(..0)) {
                (high, low)
            } else {
                (low, high)
            };
        }
        for arg in args {
            self.not_negative(&arg.low, holds);
        }
        (
            self.exact("mul", &args[0].low, &args[1].low, holds),
            self.exact("mul", &args[0].high, &args[1].high, holds),
        )
    }

    /// The value in the last round, if there is one.
    fn last(&mut self, range: &Range) -> String {
        let rounds = self.let_(format!("sub i64 {}, 1", range.rounds));
        let distance = match range.constant_step {
            Some(1) => rounds,
            _ => self.let_(format!("mul i64 {rounds}, {}", range.step)),
        };
        match range.start.as_str() {
            "0" => distance,
            start => self.let_(format!("add i64 {start}, {distance}")),
        }
    }

    /// The bounds of a range's values; of no meaning where it has none.
    fn all_of(&mut self, range: &Range, last: &str) -> Bounds {
        let (first, last) = (range.start.as_str(), last);
        match range.constant_step {
            Some(step) if step > 0 => Bounds {
                low: first.to_owned(),
                high: last.to_owned(),
            },
            Some(step) if step < 0 => Bounds {
                low: last.to_owned(),
                high: first.to_owned(),
            },
            _ => Bounds {
                low: self.smaller(first, last),
                high: self.greater(first, last),
            },
        }
    }

    fn not_negative(&mut self, value: &str, holds: &mut String) {
        if value.parse::<i64>().is_ok_and(|value| value >= 0) {
            return;
        }
        let positive = self.let_(format!("icmp sge i64 {value}, 0"));
        self.also(holds, &positive);
    }

    fn smaller(&mut self, a: &str, b: &str) -> String {
        self.let_(format!("call i64 @llvm.smin.i64(i64 {a}, i64 {b})"))
    }

    fn greater(&mut self, a: &str, b: &str) -> String {
        self.let_(format!("call i64 @llvm.smax.i64(i64 {a}, i64 {b})"))
    }

    fn sum(&mut self, a: &str, b: &str, holds: &mut String) -> String {
        self.exact("add", a, b, holds)
    }

    fn difference(&mut self, a: &str, b: &str, holds: &mut String) -> String {
        self.exact("sub", a, b, holds)
    }

    /// An operation that must not overflow.
    fn exact(&mut self, name: &str, a: &str, b: &str, holds: &mut String) -> String {
        if let Some(known) = without_calculation(name, a, b) {
            return known;
        }
        let (value, overflow) = self.overflow(name, a, b);
        let fits = self.let_(format!("xor i1 {overflow}, true"));
        self.also(holds, &fits);
        value
    }

    fn also(&mut self, holds: &mut String, condition: &str) {
        *holds = match holds.as_str() {
            "true" => condition.to_owned(),
            holds => self.let_(format!("and i1 {holds}, {condition}")),
        };
    }
}

/// What needs no instruction: constants, and what changes nothing.
fn without_calculation(name: &str, a: &str, b: &str) -> Option<String> {
    if let ("add" | "sub", value, "0")
    | ("add", "0", value)
    | ("mul", value, "1")
    | ("mul", "1", value) = (name, a, b)
    {
        return Some(value.to_owned());
    }
    let (a, b): (i64, i64) = (a.parse().ok()?, b.parse().ok()?);
    let value = match name {
        "add" => a.checked_add(b),
        "sub" => a.checked_sub(b),
        _ => a.checked_mul(b),
    };
    value.map(|value| value.to_string())
}
