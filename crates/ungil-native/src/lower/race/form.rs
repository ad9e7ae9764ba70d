//! How a value in a parallel loop's body depends on the loop's variable.

use std::collections::BTreeMap;

use crate::ir::{Block, Expr, Op, SlotId, Stmt};

/// Definitions that are followed: more is not worth it.
const DEEPEST: usize = 32;

/// What stays the same in all iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Symbol {
    Slot(SlotId),
    Size(SlotId, u8),
}

/// How much is known of a value, the less the further down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Taint {
    /// The same in all iterations.
    Fixed,
    /// Calculated from the loop's variable.
    Derived,
    /// Read from an array at a place that depends on the variable, or returned by a function.
    Data,
}

/// A value as a function of the loop's variable.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Linear(Linear),
    Other(Taint),
    /// All of an axis.
    Whole,
}

/// `coefficient * variable + symbols + constant`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Linear {
    pub(super) coefficient: i64,
    pub(super) symbols: BTreeMap<Symbol, i64>,
    pub(super) constant: i64,
}

impl Form {
    pub(super) fn constant(value: i64) -> Self {
        Self::Linear(Linear {
            constant: value,
            ..Linear::default()
        })
    }

    fn symbol(symbol: Symbol) -> Self {
        Self::Linear(Linear {
            symbols: BTreeMap::from([(symbol, 1)]),
            ..Linear::default()
        })
    }

    pub(super) fn taint(&self) -> Taint {
        match self {
            Self::Linear(linear) if linear.coefficient == 0 => Taint::Fixed,
            Self::Linear(_) => Taint::Derived,
            Self::Other(taint) => *taint,
            Self::Whole => Taint::Fixed,
        }
    }

    /// The sum with `factor` times another one.
    pub(super) fn plus(&self, other: &Self, factor: i64) -> Self {
        let sum = match (self, other) {
            (Self::Linear(left), Self::Linear(right)) => left.plus(right, factor),
            _ => None,
        };
        sum.map_or_else(
            || Self::Other(self.taint().max(other.taint())),
            Self::Linear,
        )
    }
}

impl Linear {
    fn plus(&self, other: &Self, factor: i64) -> Option<Self> {
        let sum = |left: i64, right: i64| left.checked_add(right.checked_mul(factor)?);
        let mut symbols = self.symbols.clone();
        for (&symbol, &count) in &other.symbols {
            let entry = symbols.entry(symbol).or_insert(0);
            *entry = sum(*entry, count)?;
        }
        symbols.retain(|_, count| *count != 0);
        Some(Self {
            coefficient: sum(self.coefficient, other.coefficient)?,
            symbols,
            constant: sum(self.constant, other.constant)?,
        })
    }
}

/// What a body's own variables are.
pub(super) struct Body<'a> {
    variable: SlotId,
    /// The only value of a slot, where there is only one.
    definitions: BTreeMap<SlotId, Option<&'a Expr>>,
    taints: BTreeMap<SlotId, Taint>,
}

impl<'a> Body<'a> {
    pub(super) fn new(variable: SlotId, block: &'a Block) -> Self {
        let mut this = Self {
            variable,
            definitions: BTreeMap::new(),
            taints: BTreeMap::new(),
        };
        loop {
            let before = this.taints.clone();
            this.definitions.clear();
            this.block(block, Taint::Fixed);
            if this.taints == before {
                return this;
            }
        }
    }

    fn block(&mut self, block: &'a Block, control: Taint) {
        for stmt in block {
            let mut inner = control;
            match stmt {
                Stmt::Set(slot, value) => {
                    self.lets(value, control);
                    self.define(*slot, Some(value), control.max(self.taint(value)));
                }
                Stmt::Eval(value) | Stmt::Return(value) => self.lets(value, control),
                Stmt::Store(store) => {
                    self.lets(&store.value, control);
                    for index in &store.index {
                        self.lets(index, control);
                    }
                }
                Stmt::If(test, ..) => {
                    self.lets(test, control);
                    inner = control.max(self.taint(test));
                }
                Stmt::While(other) => {
                    self.lets(&other.test, control);
                    inner = control.max(self.taint(&other.test));
                }
                Stmt::Count(count) => {
                    for bound in [&count.start, &count.stop, &count.step] {
                        inner = inner.max(self.taint(bound));
                    }
                    self.define(count.slot, None, inner);
                }
                Stmt::Try(_) => {
                    // Which of its ways is gone can be another one in each iteration.
                    inner = Taint::Data;
                }
                Stmt::At(_)
                | Stmt::Unset(_)
                | Stmt::Break
                | Stmt::Continue
                | Stmt::Raise(_)
                | Stmt::Outside(..)
                | Stmt::RaiseAgain => {}
            }
            for nested in stmt.blocks() {
                self.block(nested, inner);
            }
        }
    }

    /// Assignments within an expression.
    fn lets(&mut self, expr: &'a Expr, control: Taint) {
        for arg in &expr.args {
            self.lets(arg, control);
        }
        if let Op::Let(slot) = expr.op {
            let taint = control.max(self.taint(&expr.args[0]));
            self.define(slot, Some(&expr.args[0]), taint);
        }
    }

    fn define(&mut self, slot: SlotId, value: Option<&'a Expr>, taint: Taint) {
        self.definitions
            .entry(slot)
            .and_modify(|known| *known = None)
            .or_insert(value);
        let known = self.taints.entry(slot).or_insert(taint);
        *known = (*known).max(taint);
    }

    fn taint(&self, expr: &Expr) -> Taint {
        let of_args = expr.args.iter().map(|arg| self.taint(arg)).max();
        let of_args = of_args.unwrap_or(Taint::Fixed);
        match expr.op {
            Op::Slot(slot) | Op::BoundSlot(slot) if slot == self.variable => Taint::Derived,
            Op::Slot(slot) | Op::BoundSlot(slot) => {
                self.taints.get(&slot).copied().unwrap_or(Taint::Fixed)
            }
            Op::Load | Op::Fold(_) | Op::Call(_) if of_args > Taint::Fixed => Taint::Data,
            _ => of_args,
        }
    }

    /// The only value of a slot of the body's own: `Err` if the slot is from outside.
    pub(super) fn definition(&self, slot: SlotId) -> Result<Option<&'a Expr>, ()> {
        self.definitions.get(&slot).copied().ok_or(())
    }

    pub(super) fn form(&self, expr: &Expr) -> Form {
        self.form_within(expr, DEEPEST)
    }

    fn form_within(&self, expr: &Expr, depth: usize) -> Form {
        let other = || Form::Other(self.taint(expr));
        let Some(depth) = depth.checked_sub(1) else {
            return other();
        };
        let inner = |at: usize| self.form_within(&expr.args[at], depth);
        match expr.op {
            Op::Int(value) => Form::constant(value),
            Op::Slot(slot) if slot == self.variable => Form::Linear(Linear {
                coefficient: 1,
                ..Linear::default()
            }),
            Op::Slot(slot) => match self.definition(slot) {
                Err(()) => Form::symbol(Symbol::Slot(slot)),
                // In a branch or a loop that depends on the variable it may be another iteration's.
                Ok(Some(value)) => self.form_within(value, depth),
                Ok(None) => other(),
            },
            Op::Dim(axis) => match expr.args[0].op {
                Op::Slot(slot) if self.definition(slot).is_err() => {
                    Form::symbol(Symbol::Size(slot, axis))
                }
                _ => other(),
            },
            Op::Add => inner(0).plus(&inner(1), 1),
            Op::Sub => inner(0).plus(&inner(1), -1),
            Op::Neg => Form::constant(0).plus(&inner(0), -1),
            Op::Mul => match (inner(0), inner(1)) {
                (Form::Linear(factor), other) | (other, Form::Linear(factor))
                    if factor.coefficient == 0 && factor.symbols.is_empty() =>
                {
                    Form::constant(0).plus(&other, factor.constant)
                }
                _ => other(),
            },
            _ => other(),
        }
    }
}
