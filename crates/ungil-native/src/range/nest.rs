//! Checks that move before a nest of loops.
//!
//! What is asked before each run of an inner loop costs much where that is short. So the same is asked of
//! all runs at once, with the bounds that the variables of all loops have: if the answer is no, each run is
//! asked about by itself, as before.

use std::collections::{BTreeMap, BTreeSet};

use super::hoist::{Hoisting, assigned};
use crate::ir::{Count, Expr, Op, Proof, SlotId, Stmt, Variable, walk};

/// Goes through a block for the outermost loops for which it can be done.
pub(super) fn hoist(stmts: &mut [Stmt]) {
    for stmt in stmts {
        if let Stmt::Count(count) = stmt
            && let Some(hoisted) = nest(count)
        {
            **count = hoisted;
            continue;
        }
        for block in stmt.blocks_mut() {
            hoist(block);
        }
    }
}

fn nest(count: &Count) -> Option<Count> {
    let mut inner = Vec::new();
    walk(&count.body, &mut |stmt| {
        if let Stmt::Count(count) = stmt {
            inner.push(count.as_ref());
        }
    });
    let parallel = count.parallel.is_some() || inner.iter().any(|count| count.parallel.is_some());
    if inner.is_empty() || parallel || changes_variable(count, &inner) {
        return None;
    }
    let mut hoisting = Hoisting {
        variables: vec![count.slot],
        definitions: BTreeMap::new(),
        once: assigned_once(&count.body),
        assigned: assigned(&count.body),
        conditions: Vec::new(),
        becomes: Proof::Outer,
    };
    let mut variables = Vec::new();
    if !take_over(&mut hoisting, &count.body, &mut variables) {
        return None;
    }
    let mut hoisted = count.clone();
    hoisted.inner = variables;
    hoisting.block(&mut hoisted.body, true);
    hoisted.exact = hoisting
        .conditions
        .iter()
        .map(|condition| &condition.value)
        .chain(
            hoisted
                .inner
                .iter()
                .flat_map(|inner| [&inner.start, &inner.stop]),
        )
        .all(only_grows);
    hoisted.hoisted = hoisting.conditions;
    (!hoisted.hoisted.is_empty()).then_some(hoisted)
}

/// Whether it grows with all variables, so that its bounds are values that it has.
fn only_grows(expr: &Expr) -> bool {
    match expr.op {
        Op::Int(_) | Op::Slot(_) | Op::Dim(_) => true,
        Op::Add => expr.args.iter().all(only_grows),
        Op::Sub => only_grows(&expr.args[0]) && matches!(expr.args[1].op, Op::Int(_) | Op::Dim(_)),
        Op::Mul => only_grows(&expr.args[0]) && matches!(expr.args[1].op, Op::Int(0..)),
        Op::FloorDiv => only_grows(&expr.args[0]),
        _ => false,
    }
}

/// Whether a loop's variable is assigned to otherwise than by a loop.
fn changes_variable(count: &Count, inner: &[&Count]) -> bool {
    let mut variables: BTreeSet<_> = inner.iter().map(|count| count.slot).collect();
    let by_loops = variables.contains(&count.slot);
    variables.insert(count.slot);
    let mut otherwise = by_loops;
    walk(&count.body, &mut |stmt| {
        otherwise |= matches!(stmt, Stmt::Set(slot, _) if variables.contains(slot));
    });
    otherwise
}

/// Takes over the conditions of the inner loops, all of them or it is of no use.
fn take_over(hoisting: &mut Hoisting, block: &[Stmt], variables: &mut Vec<Variable>) -> bool {
    let known = hoisting.definitions.clone();
    let all = block.iter().all(|stmt| {
        let Stmt::Count(count) = stmt else {
            let all = stmt
                .blocks()
                .into_iter()
                .all(|block| take_over(hoisting, block, variables));
            hoisting.define(stmt);
            return all;
        };
        if hoisting.degree(&count.start).is_none() || hoisting.degree(&count.stop).is_none() {
            return false;
        }
        let [start, stop] = [&count.start, &count.stop].map(|end| hoisting.expanded(end));
        variables.push(Variable {
            slot: count.slot,
            start,
            stop,
            step: match count.step.op {
                Op::Int(step) => Some(step),
                _ => None,
            },
        });
        hoisting.variables.push(count.slot);
        let all = count.hoisted.iter().all(|condition| {
            let fixed = condition
                .within
                .as_ref()
                .is_none_or(|(array, _)| hoisting.is_fixed(array));
            fixed
                && hoisting.degree(&condition.value).is_some()
                && hoisting.add(condition.value.clone(), condition.within.clone())
        });
        let all = all && take_over(hoisting, &count.body, variables);
        hoisting.variables.retain(|slot| *slot != count.slot);
        all && take_over(hoisting, &count.orelse, variables)
    });
    hoisting.definitions = known;
    all
}

/// The slots that a block assigns to in one place only.
fn assigned_once(block: &[Stmt]) -> BTreeSet<SlotId> {
    let (mut once, mut more) = (BTreeSet::new(), BTreeSet::new());
    walk(block, &mut |stmt| {
        if let Some(slot) = stmt.assigned()
            && !once.insert(slot)
        {
            more.insert(slot);
        }
        stmt.expressions(&mut |expr| {
            expr.walk(&mut |inner| {
                if let Op::Let(slot) = inner.op {
                    more.insert(slot);
                }
            });
        });
    });
    &once - &more
}
