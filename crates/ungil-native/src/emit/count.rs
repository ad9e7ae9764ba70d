//! Loops over ranges.
//!
//! An innermost loop runs in stretches, between which it asks whether to go on: its rounds then cost
//! nothing for that and can be vectorised. Where checks were moved before the loop, it is there twice:
//! without them for the case that they hold, and with them; `hoisted` writes the conditions.

use super::builder::{Builder, Details, LoopLabels, Mode};
use super::value::Value;
use crate::ir::{Count, Expr, Op, Stmt, walk};

/// Rounds of a stretch.
const STRETCH: u32 = 1 << 18;
/// Loops are unrolled whose bodies have so many operations in all rounds together.
const UNROLLED: u64 = 400;

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
        let innermost = is_innermost(self, &count.body);
        let without = if innermost { Mode::Inner } else { Mode::Outer };
        if count.hoisted.is_empty() || self.mode >= without || self.failing {
            self.rounds(count, range, done, after);
            return;
        }
        let holds = if innermost {
            self.conditions(count, range)
        } else {
            self.conditions_of_nest(count, range)
        };
        let (fast, slow) = (self.label(), self.label());
        self.push(format!(
            "br i1 {holds}, label %{fast}, label %{slow}, !prof !0"
        ));
        self.start(&fast);
        let around = std::mem::replace(&mut self.mode, without);
        self.rounds(count, range, done, after);
        self.mode = around;
        self.start(&slow);
        if self.defers() {
            self.deferred_loop(count, range, done, after);
            return;
        }
        let around = (self.spare, self.failing);
        self.spare = true;
        self.failing = count.exact;
        self.rounds(count, range, done, after);
        (self.spare, self.failing) = around;
    }

    pub(super) fn range(&mut self, count: &Count) -> Range {
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
            Some(1) if start == "0" => {
                self.let_(format!("call i64 @llvm.smax.i64(i64 {stop}, i64 0)"))
            }
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
    pub(super) fn rounds(&mut self, count: &Count, range: &Range, done: &str, after: &str) {
        self.rounds_of(count, range, done, after, &|this| {
            this.statements(&count.body);
        });
    }

    /// The same with a body of one's own.
    pub(super) fn rounds_of(
        &mut self,
        count: &Count,
        range: &Range,
        done: &str,
        after: &str,
        body_of: &dyn Fn(&mut Self),
    ) {
        let innermost = is_innermost(self, &count.body);
        let line = self.line;
        let counter = self.alloca("i64");
        let [body, next] = [(); 2].map(|()| self.label());
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
        if unit && !innermost {
            self.jam(count, range, &counter);
        }
        let rounds = constant_rounds(count);
        let few = self.mode == Mode::Outer || rounds.is_some_and(|rounds| rounds <= STRETCH.into());
        if innermost && few {
            // It is known that there are not too many rounds.
            self.burn(&range.rounds, count.site);
        }
        let in_stretches = innermost && !few;
        let begin = if in_stretches {
            self.label()
        } else {
            body.clone()
        };
        let at = self.let_(format!("load i64, ptr {counter}"));
        let some = self.let_(format!("icmp {before} i64 {at}, {end}"));
        self.branch(&some, &begin, done);
        // From here on, there is a round to be done wherever a loop begins.
        let (limit, finished) = if in_stretches {
            self.start(&begin);
            let at = self.let_(format!("load i64, ptr {counter}"));
            let left = self.let_(format!("sub i64 {end}, {at}"));
            let some = self.let_(format!(
                "call i64 @llvm.umin.i64(i64 {left}, i64 {STRETCH})"
            ));
            let limit = self.let_(format!("add i64 {at}, {some}"));
            self.burn(&some, count.site);
            self.jump(&body);
            (limit, self.label())
        } else {
            (end.clone(), done.to_owned())
        };
        let independent = innermost && self.begin_independent(count);
        self.start(&body);
        let at = self.let_(format!("load i64, ptr {counter}"));
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
        body_of(self);
        self.loops.pop();
        self.line = line;
        self.jump(&next);
        self.start(&next);
        let at = self.let_(format!("load i64, ptr {counter}"));
        let flags = if unit { "nsw" } else { "nuw" };
        let more = self.let_(format!("add {flags} i64 {at}, 1"));
        self.push(format!("store i64 {more}, ptr {counter}"));
        let again = self.let_(format!("icmp {before} i64 {more}, {limit}"));
        let short =
            rounds.is_some_and(|rounds| rounds.saturating_mul(size(&count.body)) <= UNROLLED);
        let marks = self.loop_marks(short);
        let ended = if independent {
            self.label()
        } else {
            finished.clone()
        };
        self.push(format!(
            "br i1 {again}, label %{body}, label %{ended}{marks}"
        ));
        if independent {
            self.start(&ended);
            self.end_independent();
            self.jump(&finished);
        }
        if in_stretches {
            self.start(&finished);
            let some = self.let_(format!("icmp {before} i64 {more}, {end}"));
            self.branch(&some, &begin, done);
        }
    }
}

/// How many rounds there are, where that is a constant of the program.
pub(super) fn constant_rounds(count: &Count) -> Option<u64> {
    let (start, stop) = (constant(&count.start)?, constant(&count.stop)?);
    match constant(&count.step)? {
        1 => Some(u64::try_from(stop.saturating_sub(start)).unwrap_or(0)),
        _ => None,
    }
}

/// How much there is to do in a block.
fn size(block: &[Stmt]) -> u64 {
    let mut size: u64 = 1;
    walk(block, &mut |stmt| {
        size += 1;
        if let Stmt::Count(inner) = stmt {
            // What is unrolled in it counts as often as it is there.
            let rounds = constant_rounds(inner).unwrap_or(1).max(1);
            size = size.saturating_add((rounds - 1).saturating_mul(self::size(&inner.body)));
        }
        stmt.expressions(&mut |expr| expr.walk(&mut |_| size += 1));
    });
    size
}

/// Whether a body has neither loops nor calls that can take long.
fn is_innermost(builder: &Builder<'_>, body: &[Stmt]) -> bool {
    let mut innermost = true;
    walk(body, &mut |stmt| {
        innermost &= !matches!(stmt, Stmt::While(_) | Stmt::Count(_));
        stmt.expressions(&mut |expr| {
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
