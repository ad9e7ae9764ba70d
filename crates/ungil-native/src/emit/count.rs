//! Loops over ranges.
//!
//! An innermost loop runs in stretches, between which it asks whether to go on: its rounds then cost
//! nothing for that and can be vectorised. Where checks were moved before the loop, it is there twice:
//! without them for the case that they hold, and with them.

use super::builder::{Builder, Details, LoopLabels};
use super::value::Value;
use crate::ir::{Condition, Count, Expr, Op, Stmt, walk};

/// Rounds of a stretch.
const STRETCH: u32 = 1 << 18;

/// A range in registers, and the step where it is a constant.
pub(super) struct Range {
    pub(super) start: String,
    pub(super) stop: String,
    pub(super) step: String,
    pub(super) constant_step: Option<i64>,
    /// Number of rounds, unsigned.
    pub(super) rounds: String,
}

impl Builder<'_> {
    pub(super) fn count_loop(&mut self, count: &Count) {
        let range = self.range(count);
        let [done, after] = [(); 2].map(|()| self.label());
        match &count.parallel {
            Some(parallel) => {
                self.parallel_loop(count, parallel, &range);
                self.jump(&done);
            }
            None => self.both_versions(count, &range, &done, &after),
        }
        self.start(&done);
        self.statements(&count.orelse);
        self.jump(&after);
        self.start(&after);
    }

    /// The loop, where it pays once without the checks that hold before it and once with them.
    pub(super) fn both_versions(&mut self, count: &Count, range: &Range, done: &str, after: &str) {
        if count.hoisted.is_empty() || self.fast {
            self.rounds(count, range, done, after);
            return;
        }
        let holds = self.conditions(count, range);
        let (fast, slow) = (self.label(), self.label());
        self.branch(&holds, &fast, &slow);
        self.start(&fast);
        self.fast = true;
        self.rounds(count, range, done, after);
        self.fast = false;
        self.start(&slow);
        self.rounds(count, range, done, after);
    }

    fn range(&mut self, count: &Count) -> Range {
        let start = self.scalar(&count.start);
        let stop = self.scalar(&count.stop);
        let step = self.scalar(&count.step);
        let constant_step = constant(&count.step);
        if constant_step.is_none_or(|step| step == 0) {
            let some = self.let_(format!("icmp ne i64 {step}, 0"));
            if self.is_open(count.guard) {
                self.check(&some, count.guard, &Details::None);
            }
        }
        let rounds = match constant_step {
            Some(1) => {
                let some = self.let_(format!("icmp slt i64 {start}, {stop}"));
                let distance = self.let_(format!("sub i64 {stop}, {start}"));
                self.let_(format!("select i1 {some}, i64 {distance}, i64 0"))
            }
            Some(-1) => {
                let some = self.let_(format!("icmp sgt i64 {start}, {stop}"));
                let distance = self.let_(format!("sub i64 {start}, {stop}"));
                self.let_(format!("select i1 {some}, i64 {distance}, i64 0"))
            }
            _ => self.rounds_of_steps(&start, &stop, &step),
        };
        Range {
            start,
            stop,
            step,
            constant_step,
            rounds,
        }
    }

    /// (distance - 1) / |step| + 1, all unsigned, or 0.
    fn rounds_of_steps(&mut self, start: &str, stop: &str, step: &str) -> String {
        let up = self.let_(format!("icmp sgt i64 {step}, 0"));
        let low = self.let_(format!("select i1 {up}, i64 {start}, i64 {stop}"));
        let high = self.let_(format!("select i1 {up}, i64 {stop}, i64 {start}"));
        let some = self.let_(format!("icmp slt i64 {low}, {high}"));
        let distance = self.let_(format!("sub i64 {high}, {low}"));
        let before = self.let_(format!("sub i64 {distance}, 1"));
        let negative = self.let_(format!("sub i64 0, {step}"));
        let size = self.let_(format!("select i1 {up}, i64 {step}, i64 {negative}"));
        let whole = self.let_(format!("udiv i64 {before}, {size}"));
        let rounds = self.let_(format!("add i64 {whole}, 1"));
        self.let_(format!("select i1 {some}, i64 {rounds}, i64 0"))
    }

    /// The loop itself; ends by jumping to `done`.
    fn rounds(&mut self, count: &Count, range: &Range, done: &str, after: &str) {
        let innermost = is_innermost(self, &count.body);
        let counter = self.alloca("i64");
        let [head, body, next] = [(); 3].map(|()| self.label());
        // With a step of 1 the counter is the value; otherwise it counts rounds.
        let unit = range.constant_step == Some(1);
        let first = if unit { range.start.as_str() } else { "0" };
        let end = if unit {
            // An empty range has its end before its start, where the comparison is signed.
            range.stop.clone()
        } else {
            range.rounds.clone()
        };
        let before = if unit { "slt" } else { "ult" };
        self.push(format!("store i64 {first}, ptr {counter}"));
        let (limit, stretch) = if innermost {
            let [stretch, go] = [(); 2].map(|()| self.label());
            self.jump(&stretch);
            self.start(&stretch);
            let at = self.let_(format!("load i64, ptr {counter}"));
            let more = self.let_(format!("icmp {before} i64 {at}, {end}"));
            self.branch(&more, &go, done);
            self.start(&go);
            let left = self.let_(format!("sub i64 {end}, {at}"));
            let some = self.let_(format!(
                "call i64 @llvm.umin.i64(i64 {left}, i64 {STRETCH})"
            ));
            let limit = self.let_(format!("add i64 {at}, {some}"));
            self.burn(&some, count.site);
            (limit, Some(stretch))
        } else {
            (end, None)
        };
        self.jump(&head);
        self.start(&head);
        let at = self.let_(format!("load i64, ptr {counter}"));
        let more = self.let_(format!("icmp {before} i64 {at}, {limit}"));
        self.branch(&more, &body, stretch.as_deref().unwrap_or(done));
        self.start(&body);
        if !innermost {
            self.burn("1", count.site);
        }
        let value = if unit {
            at
        } else {
            let distance = self.let_(format!("mul i64 {at}, {}", range.step));
            self.let_(format!("add i64 {}, {distance}", range.start))
        };
        self.set(count.slot, &Value::Scalar(value));
        self.loops.push(LoopLabels {
            after: after.to_owned(),
            next: next.clone(),
        });
        self.statements(&count.body);
        self.loops.pop();
        self.jump(&next);
        self.start(&next);
        let at = self.let_(format!("load i64, ptr {counter}"));
        let flags = if unit { "nsw" } else { "nuw" };
        let more = self.let_(format!("add {flags} i64 {at}, 1"));
        self.push(format!("store i64 {more}, ptr {counter}"));
        self.jump(&head);
    }

    /// Whether all checks that were moved before the loop hold at its first and its last round.
    fn conditions(&mut self, count: &Count, range: &Range) -> String {
        let last_round = self.let_(format!("sub i64 {}, 1", range.rounds));
        let distance = self.let_(format!("mul i64 {last_round}, {}", range.step));
        let last = self.let_(format!("add i64 {}, {distance}", range.start));
        let mut holds = "true".to_owned();
        for condition in &count.hoisted {
            let size = condition.within.as_ref().map(|(array, axis)| {
                let Value::Array(array) = self.value(array) else {
                    unreachable!("only arrays have bounds");
                };
                array.sizes[usize::from(*axis)].clone()
            });
            for at in [&range.start, &last] {
                let ok = self.condition(count, condition, at, size.as_deref());
                holds = self.let_(format!("and i1 {holds}, {ok}"));
            }
        }
        holds
    }

    fn condition(
        &mut self,
        count: &Count,
        condition: &Condition,
        at: &str,
        size: Option<&str>,
    ) -> String {
        let mut ok = "true".to_owned();
        let value = self.affine(&condition.value, count.slot, at, &mut ok);
        match size {
            None => ok,
            Some(size) => {
                let within = self.let_(format!("icmp ult i64 {value}, {size}"));
                self.let_(format!("and i1 {ok}, {within}"))
            }
        }
    }

    /// The value of an int that changes evenly with a slot, and whether it does not overflow.
    fn affine(&mut self, expr: &Expr, slot: usize, at: &str, ok: &mut String) -> String {
        let name = match &expr.op {
            Op::Slot(other) if *other == slot => return at.to_owned(),
            Op::Add => "sadd",
            Op::Sub | Op::Neg => "ssub",
            Op::Mul => "smul",
            _ => return self.scalar(expr),
        };
        let mut args = Vec::new();
        if expr.op == Op::Neg {
            args.push("0".to_owned());
        }
        for arg in &expr.args {
            args.push(self.affine(arg, slot, at, ok));
        }
        let pair = self.let_(format!(
            "call {{ i64, i1 }} @llvm.{name}.with.overflow.i64(i64 {}, i64 {})",
            args[0], args[1]
        ));
        let overflow = self.let_(format!("extractvalue {{ i64, i1 }} {pair}, 1"));
        let fits = self.let_(format!("xor i1 {overflow}, true"));
        *ok = self.let_(format!("and i1 {ok}, {fits}"));
        self.let_(format!("extractvalue {{ i64, i1 }} {pair}, 0"))
    }
}

/// Whether a body has neither loops nor calls that can take long.
fn is_innermost(builder: &Builder<'_>, body: &[Stmt]) -> bool {
    let mut innermost = true;
    walk(body, &mut |stmt| {
        innermost &= !matches!(stmt, Stmt::While(_) | Stmt::Count(_));
        let mut copy = stmt.clone();
        copy.expressions_mut(&mut |expr| {
            expr.walk(&mut |inner| {
                if let Op::Call(id) = inner.op {
                    innermost &= !builder.program.functions[id].long;
                }
            });
        });
    });
    innermost
}

pub(super) fn constant(expr: &Expr) -> Option<i64> {
    match expr.op {
        Op::Int(value) => Some(value),
        _ => None,
    }
}
