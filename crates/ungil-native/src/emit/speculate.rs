//! Choices of values instead of jumps.
//!
//! Where a condition is not to be foreseen, choosing between two values is far cheaper than jumping. LLVM
//! knows, but not where one of them has to be checked. So both are evaluated as if nothing could overflow,
//! while notes are taken of what does (a *frame*). One branch then asks whether the chosen one did:
//! if so, it is evaluated once more as it is written, which raises.
//!
//! What is calculated after an overflow may be LLVM's poison: it must neither be branched on, nor divided
//! by, nor used as an index, and notes are joined such that a later one does not matter where an
//! earlier one is false.

use super::builder::Builder;
use super::llvm;
use super::value::Value;
use crate::ir::{Expr, Op, SlotId, Stmt};
use crate::types::Type;

/// More operations than this are not worth doing in vain.
const MOST: usize = 8;
/// So many that the second side of `and` and `or` is evaluated where the first one has decided.
const FEW: usize = 6;

/// Whether all is well: nothing if it cannot be otherwise.
pub(super) type Fits = Option<String>;

impl Builder<'_> {
    /// Takes notes instead of branching.
    fn noted<R>(&mut self, inside: impl FnOnce(&mut Self) -> R) -> (R, Fits) {
        self.frames.push(Vec::new());
        let result = inside(self);
        let notes = self.frames.pop().expect("pushed above");
        let fits = notes
            .into_iter()
            .reduce(|all, note| self.let_(format!("select i1 {all}, i1 {note}, i1 false")));
        (result, fits)
    }

    /// Does once more, with checks, what is known to raise; or leaves that to the frame around.
    pub(super) fn unless_fits(&mut self, fits: Fits, again: impl FnOnce(&mut Self)) {
        let Some(fits) = fits else { return };
        if let Some(frame) = self.frames.last_mut() {
            frame.push(fits);
            return;
        }
        // Without this mark, LLVM makes a branch of each condition that went into it.
        self.unless_marked(&fits, ", !unpredictable !1", |this| {
            this.as_written = true;
            again(this);
            this.as_written = false;
            this.push("unreachable".to_owned());
        });
    }

    /// `if` as choices of values, if its blocks only assign what qualifies.
    pub(super) fn choose(&mut self, test: &Expr, then: &[Stmt], other: &[Stmt]) -> bool {
        if self.as_written || !self.is_for_us(then.iter().chain(other).filter_map(values)) {
            return false;
        }
        let (Some(yes), Some(no)) = (self.assignments(then), self.assignments(other)) else {
            return false;
        };
        let test = self.scalar(test);
        let arm = |this: &mut Self, arm: &[(SlotId, &Expr)]| {
            this.noted(|this| {
                arm.iter()
                    .map(|(slot, value)| (*slot, this.scalar(value)))
                    .collect::<Vec<_>>()
            })
        };
        let (yes, yes_fits) = arm(self, &yes);
        let (no, no_fits) = arm(self, &no);
        let fits = self.chosen(&test, yes_fits, no_fits);
        self.unless_fits(fits, |this| {
            this.one_of(
                &test,
                |this| this.statements(then),
                |this| this.statements(other),
            );
        });
        let mut slots: Vec<SlotId> = yes.iter().chain(&no).map(|(slot, _)| *slot).collect();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            let ty = llvm(self.function.slots[slot].ty);
            let [then, other] = [&yes, &no].map(|arm| {
                let own = arm.iter().find(|(assigned, _)| *assigned == slot);
                own.map_or_else(|| self.number_in(slot), |(_, value)| value.clone())
            });
            let value = self.let_(format!("select i1 {test}, {ty} {then}, {ty} {other}"));
            self.set(slot, &Value::Scalar(value));
        }
        true
    }

    /// `then if test else other` without a branch, if both qualify.
    pub(super) fn choose_value(&mut self, expr: &Expr) -> Option<String> {
        let [test, then, other] = expr.args.as_slice() else {
            unreachable!("a choice has three arguments");
        };
        if self.as_written
            || !self.is_for_us([then, other])
            || !self.qualifies(then, MOST)
            || !self.qualifies(other, MOST)
        {
            return None;
        }
        let test = self.scalar(test);
        let (yes, yes_fits) = self.noted(|this| this.scalar(then));
        let (no, no_fits) = self.noted(|this| this.scalar(other));
        let fits = self.chosen(&test, yes_fits, no_fits);
        self.unless_fits(fits, |this| {
            let evaluate = |expr| {
                move |this: &mut Self| {
                    this.scalar(expr);
                }
            };
            this.one_of(&test, evaluate(then), evaluate(other));
        });
        let ty = llvm(expr.ty);
        Some(self.let_(format!("select i1 {test}, {ty} {yes}, {ty} {no}")))
    }

    /// `and` and `or` without a branch, if the second side is short.
    pub(super) fn both_sides(&mut self, expr: &Expr) -> Option<String> {
        let [first, second] = expr.args.as_slice() else {
            unreachable!("`and` and `or` have two sides");
        };
        if self.as_written || !self.is_for_us([second]) || !self.qualifies(second, FEW) {
            return None;
        }
        let first = self.scalar(first);
        let (second_value, fits) = self.noted(|this| this.scalar(second));
        let is_and = expr.op == Op::And;
        let fits = if is_and {
            self.chosen(&first, fits, None)
        } else {
            self.chosen(&first, None, fits)
        };
        self.unless_fits(fits, |this| {
            this.scalar(second);
        });
        Some(self.let_(if is_and {
            format!("select i1 {first}, i1 {second_value}, i1 false")
        } else {
            format!("select i1 {first}, i1 true, i1 {second_value}")
        }))
    }

    /// Whether LLVM cannot see by itself that there need be no branch.
    fn is_for_us<'b>(&self, values: impl IntoIterator<Item = &'b Expr>) -> bool {
        let mut found = !self.frames.is_empty();
        for value in values {
            value.walk(&mut |inner| {
                found |= inner.op == Op::Load;
                found |= inner.guards.iter().any(|guard| self.is_open(*guard));
            });
        }
        found
    }

    fn chosen(&mut self, test: &str, yes: Fits, no: Fits) -> Fits {
        if yes.is_none() && no.is_none() {
            return None;
        }
        let [yes, no] = [yes, no].map(|fits| fits.unwrap_or_else(|| "true".to_owned()));
        Some(self.let_(format!("select i1 {test}, i1 {yes}, i1 {no}")))
    }

    fn one_of(&mut self, test: &str, then: impl FnOnce(&mut Self), other: impl FnOnce(&mut Self)) {
        let [yes, no] = [(); 2].map(|()| self.label());
        self.branch(test, &yes, &no);
        self.start(&yes);
        then(self);
        self.push("unreachable".to_owned());
        self.start(&no);
        other(self);
    }

    pub(super) fn number_in(&mut self, slot: SlotId) -> String {
        match self.get(slot) {
            Value::Scalar(register) => register,
            _ => unreachable!("only numbers are chosen"),
        }
    }

    /// What a block assigns, if it does nothing else and each value qualifies by itself.
    fn assignments<'b>(&self, block: &'b [Stmt]) -> Option<Vec<(SlotId, &'b Expr)>> {
        let mut found: Vec<(SlotId, &Expr)> = Vec::new();
        for stmt in block.iter().filter(|stmt| !matches!(stmt, Stmt::At(_))) {
            let Stmt::Set(slot, value) = stmt else {
                return None;
            };
            let mut by_itself = self.holds_number(*slot);
            value.walk(&mut |inner| {
                by_itself &= !matches!(inner.op, Op::Let(_));
                by_itself &= !found.iter().any(|(known, _)| inner.op == Op::Slot(*known));
            });
            by_itself &= !found.iter().any(|(known, _)| known == slot);
            if !by_itself || found.len() == 2 || !self.qualifies(value, MOST) {
                return None;
            }
            found.push((*slot, value));
        }
        Some(found)
    }

    pub(super) fn holds_number(&self, slot: SlotId) -> bool {
        let description = &self.function.slots[slot];
        !description.flagged && is_number(description.ty)
    }

    fn qualifies(&self, expr: &Expr, most: usize) -> bool {
        let mut count = 0;
        expr.walk(&mut |inner| {
            count += match inner.op {
                Op::Int(_) | Op::Float(_) | Op::Bool(_) | Op::Slot(_) | Op::Dim(_) => 0,
                Op::Mul | Op::Load | Op::FDiv => 2,
                _ => 1,
            }
        });
        is_number(expr.ty) && count <= most && self.is_soft(expr)
    }

    /// Whether its checks can be noted, and what they let through does no harm.
    fn is_soft(&self, expr: &Expr) -> bool {
        let checked = expr.guards.iter().any(|guard| self.is_open(*guard));
        let own = match expr.op {
            Op::Int(_)
            | Op::Float(_)
            | Op::Bool(_)
            | Op::Slot(_)
            | Op::Add
            | Op::Sub
            | Op::Mul
            | Op::Neg
            | Op::Abs
            | Op::BitAnd
            | Op::BitOr
            | Op::BitXor
            | Op::Invert
            | Op::FAdd
            | Op::FSub
            | Op::FMul
            | Op::FDiv
            | Op::FNeg
            | Op::FAbs
            | Op::IntToFloat
            | Op::BoolToInt
            | Op::Compare(_)
            | Op::Not
            | Op::Truth => true,
            Op::Let(slot) => self.holds_number(slot),
            Op::FloorDiv | Op::Mod => {
                !checked && matches!(expr.args[1].op, Op::Int(value) if value > 0)
            }
            Op::TrueDiv => {
                !checked && expr.plain && matches!(expr.args[1].op, Op::Int(value) if value > 0)
            }
            Op::And | Op::Or => self.qualifies(&expr.args[1], FEW),
            Op::Select => expr.args[1..].iter().all(|arm| self.qualifies(arm, MOST)),
            Op::Dim(_) => return matches!(expr.args[0].op, Op::Slot(_)),
            Op::Load => {
                let axes = expr.args.len() - 1;
                let safe = expr.guards[..axes]
                    .iter()
                    .all(|guard| guard.proof.is_before_loop() && !self.is_open(*guard));
                return safe
                    && matches!(expr.args[0].op, Op::Slot(_))
                    && expr.args[1..].iter().all(|index| self.is_soft(index));
            }
            _ => false,
        };
        own && expr.args.iter().all(|arg| self.is_soft(arg))
    }
}

fn is_number(ty: Type) -> bool {
    matches!(ty, Type::Bool | Type::Int | Type::Float)
}

fn values(stmt: &Stmt) -> Option<&Expr> {
    match stmt {
        Stmt::Set(_, value) => Some(value),
        _ => None,
    }
}

/// The slots that statements assign to, each once.
pub(super) fn assigned(run: &[Stmt]) -> Vec<SlotId> {
    let mut slots = Vec::new();
    crate::ir::walk(run, &mut |stmt| {
        slots.extend(stmt.assigned());
        stmt.expressions(&mut |expr| {
            expr.walk(&mut |inner| {
                if let Op::Let(slot) = inner.op {
                    slots.push(slot);
                }
            });
        });
    });
    slots.sort_unstable();
    slots.dedup();
    slots
}
