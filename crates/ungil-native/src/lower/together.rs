//! Loops over several things together, or with numbers: `enumerate`, `zip`; and ranges backwards.

use ruff_python_ast as ast;
use ruff_python_ast::Operator;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::FunctionLowerer;
use super::loops::Iterated;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Op, Proof};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    /// `enumerate(...)`, if it is called as Python has it.
    pub(super) fn enumerated(&mut self, call: &ast::ExprCall) -> Lowered<Option<Iterated>> {
        let (arguments, keywords) = (&call.arguments.args, &call.arguments.keywords);
        let start = match (&arguments[..], &keywords[..]) {
            ([_], []) => None,
            ([_, start], []) => Some(start),
            ([_], [keyword]) if keyword.arg.as_deref() == Some("start") => Some(&keyword.value),
            _ => return Ok(None),
        };
        let inner = self.by_position(&arguments[0])?;
        let first = match start {
            None => Expr::int(0),
            Some(start) => {
                let value = self.expression(start)?;
                let value = self.expect_int(value, start.range(), "`enumerate` counts in ints")?;
                self.held(value)
            }
        };
        Ok(Some(Iterated::Enumerate(Box::new(inner), first)))
    }

    /// The number of a position in `enumerate`.
    pub(super) fn number_at(
        &mut self,
        start: &Expr,
        position: &Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        match start.op {
            Op::Int(0) => Ok(position.clone()),
            _ => self.binary(Operator::Add, start.clone(), position.clone(), range),
        }
    }

    pub(super) fn zipped(&mut self, arguments: &[ast::Expr]) -> Lowered<Iterated> {
        let all = arguments
            .iter()
            .map(|argument| self.by_position(argument))
            .collect::<Lowered<Vec<_>>>()?;
        if all.iter().any(Iterated::can_change) {
            return Ok(Iterated::Zip(all, Expr::none()));
        }
        let mut lengths = all.iter().map(Iterated::len);
        let mut shortest = lengths.next().expect("there is at least one");
        for length in lengths {
            shortest = self.shorter(shortest, length);
        }
        let shortest = self.held(shortest);
        Ok(Iterated::Zip(all, shortest))
    }

    /// What is inside `enumerate` and `zip`, whose items are found by their positions.
    fn by_position(&mut self, iter: &ast::Expr) -> Lowered<Iterated> {
        let inner = self.iterated(iter)?;
        let Iterated::Range { start, stop, step } = inner else {
            return Ok(inner);
        };
        let (step, len) = self.rounds_of((&start, &stop, &step), iter.range())?;
        Ok(Iterated::Steps { start, step, len })
    }

    /// The value of a range at a position within it.
    pub(super) fn step_at(&mut self, start: &Expr, step: i64, position: &Expr) -> Expr {
        let mut overflow = self.overflow(TextRange::default());
        overflow.proof = Proof::Waived;
        let waived =
            |op, left, right| Expr::new(op, vec![left, right], Type::Int).guarded(vec![overflow]);
        let distance = match step {
            1 => position.clone(),
            step => waived(Op::Mul, position.clone(), Expr::int(step)),
        };
        match start.op {
            Op::Int(0) => distance,
            _ => waived(Op::Add, start.clone(), distance),
        }
    }

    /// The same values from the last one on.
    pub(super) fn reversed_range(
        &mut self,
        (start, stop, step): (Expr, Expr, Expr),
        range: TextRange,
    ) -> Lowered<Iterated> {
        let (width, len) = self.rounds_of((&start, &stop, &step), range)?;
        let before = self.binary(Operator::Sub, start.clone(), Expr::int(width), range)?;
        let before = self.held(before);
        let distance = self.binary(Operator::Mult, len, Expr::int(width), range)?;
        let last = self.binary(Operator::Add, before.clone(), distance, range)?;
        Ok(Iterated::Range {
            start: self.held(last),
            stop: before,
            step: Expr::int(width.wrapping_neg()),
        })
    }

    /// The step of a range, which has to be a constant here, and how many values it has.
    fn rounds_of(
        &mut self,
        (start, stop, step): (&Expr, &Expr, &Expr),
        range: TextRange,
    ) -> Lowered<(i64, Expr)> {
        let step = match step.op {
            Op::Int(step) if step != 0 && step != i64::MIN => step,
            _ => {
                return Err(self.refuse(
                    Diagnostic::new(range, "the step of this range has to be a constant")
                        .label("within `enumerate`, `zip` or `reversed`")
                        .help("write the step as a number, or count in a variable of your own"),
                ));
            }
        };
        let (low, high) = if step > 0 {
            (start, stop)
        } else {
            (stop, start)
        };
        let mut len = self.binary(Operator::Sub, high.clone(), low.clone(), range)?;
        if step.abs() != 1 {
            let room = Expr::int(step.abs() - 1);
            len = self.binary(Operator::Add, len, room, range)?;
            len = self.binary(Operator::FloorDiv, len, Expr::int(step.abs()), range)?;
        }
        let len = self.longer(len, Expr::int(0));
        Ok((step, self.held(len)))
    }
}
