//! Checks that move before a loop.
//!
//! What is `a + b * i` in a loop's variable `i`, with `a` and `b` that stay the same, is between its
//! values at the first and at the last round, and so are its parts. If these are in bounds and do not
//! overflow, no round's value does otherwise.

use std::collections::{BTreeMap, BTreeSet};

use crate::ir::{Condition, Count, Expr, Function, Op, Proof, SlotId, Stmt, walk};
use crate::types::Type;

/// More conditions than this are not worth evaluating before a loop.
const MOST: usize = 24;

pub(super) fn hoist(function: &mut Function) {
    innermost_loops(&mut function.body);
    super::nest::hoist(&mut function.body);
}

fn innermost_loops(stmts: &mut [Stmt]) {
    for stmt in stmts {
        for block in stmt.blocks_mut() {
            innermost_loops(block);
        }
        if let Stmt::Count(count) = stmt {
            innermost(count);
        }
    }
}

fn innermost(count: &mut Count) {
    let mut loops = false;
    walk(&count.body, &mut |stmt| {
        loops |= matches!(stmt, Stmt::While(_) | Stmt::Count(_));
    });
    let assigned = assigned(&count.body);
    if loops || assigned.contains(&count.slot) {
        return;
    }
    let mut hoisting = Hoisting {
        variables: vec![count.slot],
        definitions: BTreeMap::new(),
        once: BTreeSet::new(),
        assigned,
        conditions: Vec::new(),
        becomes: Proof::Hoisted,
    };
    hoisting.block(&mut count.body, true);
    count.hoisted = hoisting.conditions;
}

/// The slots that a block assigns to.
pub(super) fn assigned(block: &[Stmt]) -> BTreeSet<SlotId> {
    let mut assigned = BTreeSet::new();
    walk(block, &mut |stmt| {
        assigned.extend(stmt.assigned());
        stmt.expressions(&mut |expr| {
            expr.walk(&mut |inner| {
                if let Op::Let(slot) = inner.op {
                    assigned.insert(slot);
                }
            });
        });
    });
    assigned
}

/// The search for checks that can be made before a loop.
pub(super) struct Hoisting {
    /// The loop's variable, then those of the loops inside of it that are gone into.
    pub(super) variables: Vec<SlotId>,
    /// What variables are, as long as one stays in their block: temporaries, mostly.
    pub(super) definitions: BTreeMap<SlotId, Expr>,
    /// What is assigned to in one place only.
    pub(super) once: BTreeSet<SlotId>,
    /// What is not the same all the time.
    pub(super) assigned: BTreeSet<SlotId>,
    /// What was found to be asked before the loop.
    pub(super) conditions: Vec<Condition>,
    /// What becomes of the checks' proofs.
    pub(super) becomes: Proof,
}

/// How an int depends on the loops' variables.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Degree {
    Invariant,
    Linear,
    /// By products, or quotients: what is known of it are bounds.
    Curved,
}

impl Hoisting {
    /// `always`: whether every round comes here.
    pub(super) fn block(&mut self, stmts: &mut [Stmt], always: bool) {
        let known = self.definitions.clone();
        for stmt in stmts {
            if let Stmt::Store(store) = stmt {
                self.expression(&mut store.value, always);
                let (array, index) = (&store.array, &mut store.index);
                for (axis, index) in index.iter_mut().enumerate() {
                    self.index(array, axis, index, &mut store.guards[axis].proof, always);
                }
                continue;
            }
            stmt.expressions_mut(&mut |expr| self.expression(expr, always));
            if let Stmt::Count(count) = stmt {
                let known =
                    self.degree(&count.start).is_some() && self.degree(&count.stop).is_some();
                self.variables.extend(known.then_some(count.slot));
                self.block(&mut count.body, always);
                self.variables.retain(|slot| *slot != count.slot);
                self.block(&mut count.orelse, false);
                continue;
            }
            for block in stmt.blocks_mut() {
                self.block(block, false);
            }
            self.define(stmt);
        }
        self.definitions = known;
    }

    fn expression(&mut self, expr: &mut Expr, always: bool) {
        if self.degree(expr).is_some() {
            if has_open(expr) && self.add(expr.clone(), None) {
                self.mark(expr);
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
        let wanted = *proof == Proof::Open && self.is_fixed(array) && self.degree(index).is_some();
        // Under a condition, `a[i - 1]` may be what the condition is for.
        let plausible = always || matches!(index.op, Op::Slot(_));
        if wanted && plausible && self.add(index.clone(), Some((array.clone(), axis as u8))) {
            *proof = self.becomes;
            self.mark(index);
        } else {
            self.expression(index, always);
        }
    }

    pub(super) fn is_fixed(&self, array: &Expr) -> bool {
        matches!(array.op, Op::Slot(slot) if !self.assigned.contains(&slot))
    }

    /// The same in terms of what is known before the loop.
    fn expand(&self, expr: &mut Expr) {
        if let Op::Slot(slot) = expr.op
            && let Some(definition) = self.definitions.get(&slot)
        {
            *expr = definition.clone();
        }
        for arg in &mut expr.args {
            self.expand(arg);
        }
    }

    pub(super) fn expanded(&self, expr: &Expr) -> Expr {
        let mut expr = expr.clone();
        self.expand(&mut expr);
        expr
    }

    /// Takes note of what a statement makes of a variable that has no other value in the loop.
    pub(super) fn define(&mut self, stmt: &Stmt) {
        if let Stmt::Set(slot, value) = stmt
            && self.once.contains(slot)
            && self.degree(value).is_some()
        {
            let value = self.expanded(value);
            self.definitions.insert(*slot, value);
        }
    }

    /// Asks for a condition; `false` if there are too many.
    pub(super) fn add(&mut self, mut value: Expr, within: Option<(Expr, u8)>) -> bool {
        self.expand(&mut value);
        let known = self.conditions.iter().any(|condition| {
            let place = |within: &Option<(Expr, u8)>| {
                within
                    .as_ref()
                    .map(|(array, axis)| (array.op.clone(), *axis))
            };
            condition.value.same(&value) && place(&condition.within) == place(&within)
        });
        if !known {
            if self.conditions.len() == MOST {
                return false;
            }
            let curved = self.degree(&value) == Some(Degree::Curved);
            self.conditions.push(Condition {
                value,
                within,
                curved,
            });
        }
        true
    }

    pub(super) fn degree(&self, expr: &Expr) -> Option<Degree> {
        if expr.ty != Type::Int {
            return None;
        }
        let degree = |at: usize| self.degree(&expr.args[at]);
        match expr.op {
            Op::Int(_) => Some(Degree::Invariant),
            Op::Slot(slot) if self.variables.contains(&slot) => Some(Degree::Linear),
            Op::Slot(slot) => match self.definitions.get(&slot) {
                Some(definition) => self.degree(definition),
                None => (!self.assigned.contains(&slot)).then_some(Degree::Invariant),
            },
            Op::Dim(_) => self.is_fixed(&expr.args[0]).then_some(Degree::Invariant),
            Op::Neg => degree(0),
            Op::Add | Op::Sub => Some(degree(0)?.max(degree(1)?)),
            Op::Mul => match (degree(0)?, degree(1)?) {
                (Degree::Linear, Degree::Linear) => Some(Degree::Curved),
                (left, right) => Some(left.max(right)),
            },
            Op::FloorDiv => {
                let divisor = &expr.args[1];
                let easy =
                    matches!(divisor.op, Op::Int(value) if value > 0 && value.count_ones() == 1);
                degree(0).filter(|_| easy).map(|_| Degree::Curved)
            }
            _ => None,
        }
    }

    fn mark(&self, expr: &mut Expr) {
        for guard in &mut expr.guards {
            if guard.proof == Proof::Open {
                guard.proof = self.becomes;
            }
        }
        for arg in &mut expr.args {
            self.mark(arg);
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
