//! Intervals through the statements.

use std::collections::BTreeMap;

use super::assigned::assignments;
use super::interval::Interval;
use super::refine::refine;
use crate::environment::Options;
use crate::ir::{Count, EachOp, Expr, Function, Guard, Op, Proof, SlotId, Stmt, Try, While};
use crate::types::Type;

/// Sizes of arrays, checked when they are passed.
pub(super) const SIZES: Interval = Interval {
    low: 0,
    high: 1 << 48,
};

/// What each slot can be; nothing where no way leads.
type Facts = Option<Vec<Interval>>;

struct Analysis {
    wrap: bool,
    /// What is known where the loops around are left and gone on with.
    loops: Vec<(Facts, Facts)>,
    /// Slots that loops only add to, with how far they get: adding to them does not overflow.
    bounded: BTreeMap<SlotId, Interval>,
}

pub(super) fn analyse(function: &mut Function, options: Options) {
    let mut analysis = Analysis {
        wrap: options.wrap,
        loops: Vec::new(),
        bounded: BTreeMap::new(),
    };
    let facts = vec![Interval::ALL; function.slots.len()];
    analysis.block(&mut function.body, Some(facts));
}

fn join(left: Facts, right: Facts) -> Facts {
    match (left, right) {
        (Some(mut left), Some(right)) => {
            for (mine, theirs) in left.iter_mut().zip(right) {
                *mine = mine.join(theirs);
            }
            Some(left)
        }
        (left, right) => left.or(right),
    }
}

fn settle(guard: &mut Guard, proved: bool) {
    if guard.proof != Proof::Waived {
        guard.proof = if proved { Proof::Proved } else { Proof::Open };
    }
}

impl Analysis {
    fn block(&mut self, block: &mut [Stmt], mut facts: Facts) -> Facts {
        for stmt in block {
            facts = self.statement(stmt, facts?);
        }
        facts
    }

    fn statement(&mut self, stmt: &mut Stmt, mut known: Vec<Interval>) -> Facts {
        match stmt {
            Stmt::Set(slot, value) => {
                known[*slot] = self.expression(value, &mut known);
                if let Some(&limit) = self.bounded.get(slot) {
                    settle(&mut value.guards[0], true);
                    known[*slot] = known[*slot].meet(limit);
                }
                Some(known)
            }
            Stmt::Store(store) => {
                let value = self.expression(&mut store.value, &mut known);
                self.expression(&mut store.array, &mut known);
                for index in &mut store.index {
                    self.expression(index, &mut known);
                }
                if let (Type::Array(array), Some(last)) = (store.array.ty, store.guards.last_mut())
                {
                    let (low, high) = array.element.bounds();
                    settle(last, value.is_within(Interval::new(low, high)));
                }
                Some(known)
            }
            Stmt::Eval(value) | Stmt::Return(value) => {
                self.expression(value, &mut known);
                matches!(stmt, Stmt::Eval(_)).then_some(known)
            }
            Stmt::If(test, then, other) => {
                self.expression(test, &mut known);
                let (mut yes, mut no) = (known.clone(), known);
                refine(test, true, &mut yes);
                refine(test, false, &mut no);
                let after_then = self.block(then, Some(yes));
                let after_other = self.block(other, Some(no));
                join(after_then, after_other)
            }
            Stmt::While(inner) => self.while_loop(inner, known),
            Stmt::Count(count) => self.count_loop(count, known),
            Stmt::Break => self.leave(known, true),
            Stmt::Continue => self.leave(known, false),
            Stmt::Raise(_) | Stmt::RaiseAgain => None,
            Stmt::Outside(_, block) => self.block(block, Some(known)),
            Stmt::Try(inner) => self.attempt(inner, known),
            Stmt::At(_) | Stmt::Unset(_) => Some(known),
        }
    }

    /// A handler knows of what the block assigns to only that it was something.
    fn attempt(&mut self, inner: &mut Try, known: Vec<Interval>) -> Facts {
        let mut raised = known.clone();
        for slot in assignments(&inner.body).into_keys() {
            raised[slot] = Interval::ALL;
        }
        let end = self.block(&mut inner.body, Some(known));
        let mut after = end.and_then(|end| self.block(&mut inner.orelse, Some(end)));
        for handler in &mut inner.handlers {
            let handled = self.block(&mut handler.body, Some(raised.clone()));
            after = join(after, handled);
        }
        after
    }

    fn leave(&mut self, known: Vec<Interval>, for_good: bool) -> Facts {
        if let Some((breaks, continues)) = self.loops.last_mut() {
            let way = if for_good { breaks } else { continues };
            *way = join(way.take(), Some(known));
        }
        None
    }

    /// Goes through a loop's body until what is known at its head holds for all rounds; gives that, and
    /// what is known where it is left by `break`.
    fn until_stable(
        &mut self,
        mut head: Vec<Interval>,
        mut round: impl FnMut(&mut Self, Vec<Interval>) -> Facts,
    ) -> (Vec<Interval>, Facts) {
        loop {
            self.loops.push((None, None));
            let end = round(self, head.clone());
            let (breaks, continues) = self.loops.pop().expect("pushed above");
            let Some(next) = join(end, continues) else {
                return (head, breaks);
            };
            let stable = next
                .iter()
                .zip(&head)
                .all(|(next, head)| next.is_within(*head));
            if stable {
                return (head, breaks);
            }
            for (head, next) in head.iter_mut().zip(next) {
                *head = head.widen(head.join(next));
            }
        }
    }

    fn while_loop(&mut self, inner: &mut While, known: Vec<Interval>) -> Facts {
        let While { test, body, .. } = inner;
        let (mut head, breaks) = self.until_stable(known, |this, mut known| {
            this.expression(test, &mut known);
            refine(test, true, &mut known);
            this.block(body, Some(known))
        });
        refine(test, false, &mut head);
        let end = self.block(&mut inner.orelse, Some(head));
        join(end, breaks)
    }

    fn count_loop(&mut self, count: &mut Count, mut known: Vec<Interval>) -> Facts {
        let start = self.expression(&mut count.start, &mut known);
        let stop = self.expression(&mut count.stop, &mut known);
        let step = self.expression(&mut count.step, &mut known);
        settle(&mut count.guard, !step.contains(0));
        let up = Interval::new(start.low, stop.high.saturating_sub(1).max(start.low));
        let down = Interval::new(stop.low.saturating_add(1).min(start.high), start.high);
        let values = if step.low > 0 {
            up
        } else if step.high < 0 {
            down
        } else {
            up.join(down)
        };
        for reduction in count.parallel.iter().flat_map(|one| &one.reductions) {
            // Each thread's part begins with this.
            if let Op::Int(identity) = reduction.identity.op {
                let own = known[reduction.slot];
                known[reduction.slot] = own.join(Interval::exactly(identity));
            }
        }
        let rounds = most_rounds(start, stop, step);
        let limits = self.limits(&mut count.body, count.slot, rounds, &known, values);
        let (slot, body) = (count.slot, &mut count.body);
        self.bounded.extend(limits.iter().copied());
        let (mut head, breaks) = self.until_stable(known, |this, mut known| {
            for &(counter, limit) in &limits {
                known[counter] = known[counter].meet(limit);
            }
            known[slot] = values;
            this.block(body, Some(known))
        });
        for (counter, limit) in limits {
            head[counter] = head[counter].meet(limit);
            self.bounded.remove(&counter);
        }
        let end = self.block(&mut count.orelse, Some(head));
        join(end, breaks)
    }

    /// How far slots get that a loop's body only adds to, once a round: not further than the rounds.
    ///
    /// What is added may depend on other slots, which are taken for anything here.
    fn limits(
        &mut self,
        body: &mut [Stmt],
        variable: SlotId,
        rounds: Option<i64>,
        known: &[Interval],
        values: Interval,
    ) -> Vec<(SlotId, Interval)> {
        let Some(rounds) = rounds.filter(|_| !self.wrap) else {
            return Vec::new();
        };
        let mut inside = known.to_vec();
        let assigned = assignments(body);
        for &slot in assigned.keys() {
            inside[slot] = Interval::ALL;
        }
        if !assigned.contains_key(&variable) {
            inside[variable] = values;
        }
        let rounds = Interval::new(0, rounds);
        let mut limits = Vec::new();
        for (slot, times) in assigned {
            // Once a round at most: not in a loop inside of it, and always by adding.
            let Some(times) = times.filter(|_| slot != variable) else {
                continue;
            };
            let mut change = (Interval::exactly(0), true);
            for (sign, mut term) in times {
                let term = self.expression(&mut term, &mut inside.clone());
                let term = if sign {
                    (term, true)
                } else {
                    Interval::exactly(0).sub(term)
                };
                // Not every round need add it.
                let sum = change.0.add(term.0.join(Interval::exactly(0)));
                change = (sum.0, change.1 && term.1 && sum.1);
            }
            let total = change.0.mul(rounds);
            let reached = known[slot].add(total.0);
            if change.1 && total.1 && reached.1 {
                limits.push((slot, reached.0));
            }
        }
        limits
    }

    /// What an expression can be, which is noted there; settles its guards.
    fn expression(&mut self, expr: &mut Expr, known: &mut Vec<Interval>) -> Interval {
        let found = self.interval(expr, known);
        if expr.ty == Type::Int {
            expr.range = (found.low, found.high);
        }
        found
    }

    fn interval(&mut self, expr: &mut Expr, known: &mut Vec<Interval>) -> Interval {
        match expr.op {
            Op::Let(slot) => {
                known[slot] = self.expression(&mut expr.args[0], known);
                return self.expression(&mut expr.args[1], known);
            }
            Op::And | Op::Or => {
                self.expression(&mut expr.args[0], known);
                let mut then = known.clone();
                refine(&expr.args[0], expr.op == Op::And, &mut then);
                self.expression(&mut expr.args[1], &mut then);
                return Interval::ALL;
            }
            Op::Select => {
                self.expression(&mut expr.args[0], known);
                let (mut yes, mut no) = (known.clone(), known.clone());
                refine(&expr.args[0], true, &mut yes);
                refine(&expr.args[0], false, &mut no);
                let then = self.expression(&mut expr.args[1], &mut yes);
                return then.join(self.expression(&mut expr.args[2], &mut no));
            }
            _ => {}
        }
        let args: Vec<Interval> = expr
            .args
            .iter_mut()
            .map(|arg| self.expression(arg, known))
            .collect();
        self.operation(expr, &args, known)
    }

    fn operation(&self, expr: &mut Expr, args: &[Interval], known: &[Interval]) -> Interval {
        let guards = &mut expr.guards;
        let overflowing = |(result, fits): (Interval, bool), guard: &mut Guard| {
            settle(guard, fits);
            if self.wrap && !fits {
                Interval::ALL
            } else {
                result
            }
        };
        match expr.op {
            Op::Int(value) => Interval::exactly(value),
            Op::Slot(slot) | Op::BoundSlot(slot) => known[slot],
            Op::Dim(_) => SIZES,
            Op::BoolToInt => Interval::new(0, 1),
            Op::Load => match expr.args[0].ty {
                Type::Array(array) => {
                    let (low, high) = array.element.bounds();
                    Interval::new(low, high)
                }
                _ => Interval::ALL,
            },
            Op::Add => overflowing(args[0].add(args[1]), &mut guards[0]),
            Op::Sub => overflowing(args[0].sub(args[1]), &mut guards[0]),
            Op::Mul => overflowing(args[0].mul(args[1]), &mut guards[0]),
            Op::Neg => overflowing(Interval::exactly(0).sub(args[0]), &mut guards[0]),
            Op::Abs => overflowing(args[0].abs(), &mut guards[0]),
            Op::Shl => {
                settle(&mut guards[0], args[1].low >= 0);
                overflowing(args[0].shl(args[1]), &mut guards[1])
            }
            Op::Shr => {
                settle(&mut guards[0], args[1].low >= 0);
                args[0].shr(args[1])
            }
            Op::Pow => {
                settle(&mut guards[0], args[1].low >= 0);
                Interval::ALL
            }
            Op::FloorDiv => {
                settle(&mut guards[0], !args[1].contains(0));
                let fits = !(args[0].contains(i64::MIN) && args[1].contains(-1));
                settle(&mut guards[1], fits);
                expr.plain = args[0].low >= 0 && args[1].low >= 0;
                args[0].floor_div(args[1])
            }
            Op::Mod => {
                settle(&mut guards[0], !args[1].contains(0));
                expr.plain = args[0].low >= 0 && args[1].low >= 0;
                args[0].modulo(args[1])
            }
            Op::TrueDiv => {
                settle(&mut guards[0], !args[1].contains(0));
                expr.plain = args[0].is_exact_as_float() && args[1].is_exact_as_float();
                Interval::ALL
            }
            Op::IntToFloat => {
                if let Some(guard) = guards.first_mut() {
                    settle(guard, args[0].is_exact_as_float());
                }
                Interval::ALL
            }
            Op::FDiv if expr.args[1].op == Op::IntToFloat => {
                let (low, high) = expr.args[1].args[0].range;
                settle(&mut guards[0], low > 0 || high < 0);
                Interval::ALL
            }
            Op::CompareMixed(_) => {
                expr.plain = args[0].is_exact_as_float();
                Interval::ALL
            }
            Op::Fit(element) => {
                let (low, high) = element.bounds();
                let bounds = Interval::new(low, high);
                for guard in guards {
                    settle(guard, args[0].is_within(bounds));
                }
                args[0].meet(bounds)
            }
            Op::BitAnd if expr.ty == Type::Int => args[0].bit_and(args[1]),
            Op::BitOr | Op::BitXor if expr.ty == Type::Int => args[0].bit_or(args[1]),
            Op::Each(EachOp::Wrap(element)) => {
                let (low, high) = element.bounds();
                Interval::new(low, high)
            }
            Op::Invert => Interval::exactly(-1).sub(args[0]).0,
            _ => Interval::ALL,
        }
    }
}

/// The most rounds that a range can have.
fn most_rounds(start: Interval, stop: Interval, step: Interval) -> Option<i64> {
    let distance = if step.low > 0 {
        i128::from(stop.high) - i128::from(start.low)
    } else if step.high < 0 {
        i128::from(start.high) - i128::from(stop.low)
    } else {
        return None;
    };
    i64::try_from(distance.max(0)).ok()
}
