//! Checks that move before a loop.
//!
//! What is `a + b * i` in a loop's variable `i`, with `a` and `b` that stay the same, is between its
//! values at the first and at the last round, and so are its parts. If these are in bounds and do not
//! overflow, no round's value does otherwise.

use std::collections::BTreeSet;

use crate::ir::{Condition, Count, Expr, Function, Op, Proof, SlotId, Stmt, walk};
use crate::types::Type;

/// More conditions than this are not worth evaluating before a loop.
const MOST: usize = 24;

pub(super) fn hoist(function: &mut Function) {
    block(&mut function.body);
}

fn block(stmts: &mut [Stmt]) {
    for stmt in stmts {
        match stmt {
            Stmt::If(_, then, other) => {
                block(then);
                block(other);
            }
            Stmt::While(inner) => {
                block(&mut inner.body);
                block(&mut inner.orelse);
            }
            Stmt::Count(count) => {
                block(&mut count.body);
                block(&mut count.orelse);
                innermost(count);
            }
            _ => {}
        }
    }
}

fn innermost(count: &mut Count) {
    let mut loops = false;
    let mut assigned = BTreeSet::new();
    walk(&count.body, &mut |stmt| {
        loops |= matches!(stmt, Stmt::While(_) | Stmt::Count(_));
        assigned.extend(stmt.assigned());
        let mut copy = stmt.clone();
        copy.expressions_mut(&mut |expr| {
            expr.walk(&mut |inner| {
                if let Op::Let(slot) = inner.op {
                    assigned.insert(slot);
                }
            });
        });
    });
    if loops || assigned.contains(&count.slot) {
        return;
    }
    let mut hoisting = Hoisting {
        variable: count.slot,
        assigned,
        conditions: Vec::new(),
    };
    hoisting.block(&mut count.body, true);
    count.hoisted = hoisting.conditions;
}

struct Hoisting {
    variable: SlotId,
    assigned: BTreeSet<SlotId>,
    conditions: Vec<Condition>,
}

/// How an int depends on the loop's variable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Degree {
    Invariant,
    Linear,
}

impl Hoisting {
    /// `always`: whether every round comes here.
    fn block(&mut self, stmts: &mut [Stmt], always: bool) {
        for stmt in stmts {
            if let Stmt::Store(store) = stmt {
                self.expression(&mut store.value, always);
                let (array, index) = (&store.array, &mut store.index);
                for (axis, index) in index.iter_mut().enumerate() {
                    self.index(array, axis, index, &mut store.guards[axis].proof, always);
                }
                continue;
            }
            let inner_always = always && !matches!(stmt, Stmt::If(..));
            stmt.expressions_mut(&mut |expr| self.expression(expr, always));
            if let Stmt::If(_, then, other) = stmt {
                self.block(then, inner_always);
                self.block(other, inner_always);
            }
        }
    }

    fn expression(&mut self, expr: &mut Expr, always: bool) {
        if self.degree(expr).is_some() {
            if has_open(expr) && self.add(expr.clone(), None) {
                mark(expr);
            }
            return;
        }
        match expr.op {
            Op::Load | Op::View(_) => {
                let view = matches!(expr.op, Op::View(_));
                let guards = &mut expr.guards;
                let (array, index) = expr.args.split_first_mut().expect("an array is indexed");
                if view {
                    for arg in index {
                        self.expression(arg, always);
                    }
                    self.expression(array, always);
                    return;
                }
                for (axis, index) in index.iter_mut().enumerate() {
                    self.index(array, axis, index, &mut guards[axis].proof, always);
                }
            }
            Op::And | Op::Or | Op::Select => {
                for (at, arg) in expr.args.iter_mut().enumerate() {
                    self.expression(arg, always && at == 0);
                }
            }
            _ => {
                for arg in &mut expr.args {
                    self.expression(arg, always);
                }
            }
        }
    }

    fn index(
        &mut self,
        array: &Expr,
        axis: usize,
        index: &mut Expr,
        proof: &mut Proof,
        always: bool,
    ) {
        let fixed = matches!(array.op, Op::Slot(slot) if !self.assigned.contains(&slot));
        let degree = self.degree(index);
        let wanted = *proof == Proof::Open && fixed && degree.is_some();
        // Under a condition, `a[i - 1]` may be what the condition is for.
        let plausible = always || matches!(index.op, Op::Slot(_));
        if wanted && plausible && self.add(index.clone(), Some((array.clone(), axis as u8))) {
            *proof = Proof::Hoisted;
            mark(index);
        } else {
            self.expression(index, always);
        }
    }

    fn add(&mut self, value: Expr, within: Option<(Expr, u8)>) -> bool {
        let known = self.conditions.iter().any(|condition| {
            let place = |within: &Option<(Expr, u8)>| {
                within
                    .as_ref()
                    .map(|(array, axis)| (array.op.clone(), *axis))
            };
            same(&condition.value, &value) && place(&condition.within) == place(&within)
        });
        if !known {
            if self.conditions.len() == MOST {
                return false;
            }
            self.conditions.push(Condition { value, within });
        }
        true
    }

    fn degree(&self, expr: &Expr) -> Option<Degree> {
        if expr.ty != Type::Int {
            return None;
        }
        match expr.op {
            Op::Int(_) => Some(Degree::Invariant),
            Op::Slot(slot) if slot == self.variable => Some(Degree::Linear),
            Op::Slot(slot) => (!self.assigned.contains(&slot)).then_some(Degree::Invariant),
            Op::Dim(_) => match expr.args[0].op {
                Op::Slot(slot) if !self.assigned.contains(&slot) => Some(Degree::Invariant),
                _ => None,
            },
            Op::Neg => self.degree(&expr.args[0]),
            Op::Add | Op::Sub => {
                let (left, right) = (self.degree(&expr.args[0])?, self.degree(&expr.args[1])?);
                Some(left.max(right))
            }
            Op::Mul => match (self.degree(&expr.args[0])?, self.degree(&expr.args[1])?) {
                (Degree::Linear, Degree::Linear) => None,
                (left, right) => Some(left.max(right)),
            },
            _ => None,
        }
    }
}

fn has_open(expr: &Expr) -> bool {
    let mut open = false;
    expr.walk(&mut |inner| {
        open |= inner.guards.iter().any(|guard| guard.proof == Proof::Open);
    });
    open
}

fn mark(expr: &mut Expr) {
    for guard in &mut expr.guards {
        if guard.proof == Proof::Open {
            guard.proof = Proof::Hoisted;
        }
    }
    for arg in &mut expr.args {
        mark(arg);
    }
}

fn same(left: &Expr, right: &Expr) -> bool {
    left.op == right.op
        && left.args.len() == right.args.len()
        && left
            .args
            .iter()
            .zip(&right.args)
            .all(|(left, right)| same(left, right))
}
