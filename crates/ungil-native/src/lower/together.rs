//! Loops over several things together, or with numbers: `enumerate`, `zip`; and ranges backwards.

use ruff_python_ast as ast;
use ruff_python_ast::Operator;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::FunctionLowerer;
use super::iterated::Iterated;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Op, Proof, Stmt};
use crate::routine::Routine;
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

    pub(super) fn zipped(&mut self, arguments: &[ast::Expr], strict: bool) -> Lowered<Iterated> {
        let all = arguments
            .iter()
            .map(|argument| self.by_position(argument))
            .collect::<Lowered<Vec<_>>>()?;
        if all.iter().any(Iterated::can_change) {
            return Ok(Iterated::Zip(all, Expr::none(), strict));
        }
        let mut lengths = all.iter().map(Iterated::len);
        let mut shortest = lengths.next().expect("there is at least one");
        for length in lengths {
            shortest = self.shorter(shortest, length);
        }
        let shortest = self.held(shortest);
        Ok(Iterated::Zip(all, shortest, strict))
    }

    /// What `zip(..., strict=True)` asks where one has ended: whether all have.
    pub(super) fn all_at_end(
        &mut self,
        source: &Iterated,
        position: &Expr,
        range: TextRange,
    ) -> Lowered<()> {
        let (all, strict) = match source {
            Iterated::Enumerate(inner, _) => return self.all_at_end(inner, position, range),
            Iterated::Zip(all, _, strict) => (all, *strict),
            _ => return Ok(()),
        };
        for inner in all {
            if let Iterated::Zip(_, _, true) = inner {
                return Err(self.refuse(
                    Diagnostic::new(
                        range,
                        "`strict=True` is possible in the outermost `zip` only",
                    )
                    .label("one within another one")
                    .help("write one `zip` of all"),
                ));
            }
        }
        if !strict {
            return Ok(());
        }
        // The first one is asked first: it is the others that are shorter or longer then.
        let before = |at: usize| match at {
            1 => "argument 1".to_owned(),
            at => format!("arguments 1-{at}"),
        };
        let mut sides = [Vec::new(), Vec::new()];
        for (at, one) in all.iter().enumerate().skip(1) {
            for (longer, side) in sides.iter_mut().enumerate() {
                let more = self.is_more(one, position);
                let word = ["shorter", "longer"][longer];
                let text = format!("zip() argument {} is {word} than {}", at + 1, before(at));
                let site = self.site(range, "ValueError", text);
                let raise = vec![Stmt::Raise(site)];
                side.push(if longer == 1 {
                    Stmt::If(more, raise, Vec::new())
                } else {
                    Stmt::If(more, Vec::new(), raise)
                });
            }
        }
        let [shorter, longer] = sides;
        let first = self.is_more(&all[0], position);
        self.emit(Stmt::If(first, shorter, longer));
        Ok(())
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
    pub(super) fn step_at(&mut self, start: &Expr, step: &Expr, position: &Expr) -> Expr {
        let mut overflow = self.overflow(TextRange::default());
        overflow.proof = Proof::Waived;
        let waived =
            |op, left, right| Expr::new(op, vec![left, right], Type::Int).guarded(vec![overflow]);
        let distance = match step.op {
            Op::Int(1) => position.clone(),
            _ => waived(Op::Mul, position.clone(), step.clone()),
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
        let (step, len) = self.rounds_of((&start, &stop, &step), range)?;
        let Op::Int(width) = step.op else {
            let last = self.binary(Operator::Sub, len.clone(), Expr::int(1), range)?;
            let distance = self.binary(Operator::Mult, last, step.clone(), range)?;
            let last = self.binary(Operator::Add, start, distance, range)?;
            let back = self.binary(Operator::Sub, Expr::int(0), step, range)?;
            return Ok(Iterated::Steps {
                start: self.held(last),
                step: self.held(back),
                len,
            });
        };
        let before = self.binary(Operator::Sub, start.clone(), step.clone(), range)?;
        let before = self.held(before);
        let distance = self.binary(Operator::Mult, len, step, range)?;
        let last = self.binary(Operator::Add, before.clone(), distance, range)?;
        Ok(Iterated::Range {
            start: self.held(last),
            stop: before,
            step: Expr::int(width.wrapping_neg()),
        })
    }

    /// The step of a range and how many values it has.
    fn rounds_of(
        &mut self,
        (start, stop, step): (&Expr, &Expr, &Expr),
        range: TextRange,
    ) -> Lowered<(Expr, Expr)> {
        let width = match step.op {
            Op::Int(width) if width != 0 && width != i64::MIN => width,
            _ => {
                let zero = self.guard(range, "ValueError", "range() arg 3 must not be zero");
                let guards = vec![zero, self.beyond(range)];
                let args = vec![start.clone(), stop.clone(), step.clone()];
                let len = Self::routine(Routine::Rounds, args, Type::Int, guards);
                return Ok((step.clone(), self.held(len)));
            }
        };
        let (low, high) = if width > 0 {
            (start, stop)
        } else {
            (stop, start)
        };
        let mut len = self.binary(Operator::Sub, high.clone(), low.clone(), range)?;
        if width.abs() != 1 {
            let room = Expr::int(width.abs() - 1);
            len = self.binary(Operator::Add, len, room, range)?;
            len = self.binary(Operator::FloorDiv, len, Expr::int(width.abs()), range)?;
        }
        let len = self.longer(len, Expr::int(0));
        Ok((step.clone(), self.held(len)))
    }
}
