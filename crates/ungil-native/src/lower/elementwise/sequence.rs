//! Arrays of floats at even distances.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::super::Lowered;
use super::super::arithmetic::as_float;
use super::super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, Expr, Guard, Op, Proof};
use crate::types::{Element, Type};

impl FunctionLowerer<'_, '_> {
    /// `numpy.arange` with a float among its bounds: every number is calculated from the first two, as `NumPy` does.
    pub(in crate::lower) fn arange_of_floats(
        &mut self,
        given: Vec<(Expr, TextRange)>,
        typed: bool,
        range: TextRange,
    ) -> Lowered<Expr> {
        let numbers = given.iter().all(|(value, _)| value.ty.is_number());
        if typed || !numbers || given.len() > 3 {
            return Err(self.refuse(
                Diagnostic::new(range, "`arange` takes one to three numbers here")
                    .label("of which one is a float")
                    .help("leave out the `dtype`, and write `.astype(...)` after it"),
            ));
        }
        let mut values: Vec<Expr> = given
            .into_iter()
            .map(|(value, _)| self.held(as_float(value)))
            .collect();
        let step = if values.len() == 3 {
            values.pop().expect("there are three")
        } else {
            Expr::float(1.0)
        };
        let stop = values.pop().expect("there is one");
        let start = values.pop().unwrap_or_else(|| Expr::float(0.0));
        let zero = self.zero(range, "1.0 / 0.0");
        let distance = float(Op::FSub, &stop, &start);
        let steps = float(Op::FDiv, &distance, &step).guarded(vec![zero]);
        let steps = Expr::new(Op::Ceil, vec![steps], Type::Float);
        let unknown = self.guard(range, "ValueError", "arange: cannot compute length");
        let large = self.guard(range, "ValueError", "Maximum allowed size exceeded");
        let length =
            Expr::new(Op::FloatToInt, vec![steps], Type::Int).guarded(vec![unknown, large, large]);
        let length = self.longer(Expr::int(0), length);
        let length = self.held(length);
        let second = float(Op::FAdd, &start, &step);
        let second = self.held(second);
        let delta = self.held(float(Op::FSub, &second, &start));
        Ok(self.at_distances(&length, range, |at, number| {
            let value = float(Op::FAdd, &start, &float(Op::FMul, number, &delta));
            select(is(at, &Expr::int(1)), second.clone(), value)
        }))
    }

    /// `numpy.linspace(start, stop, num)`.
    pub(in crate::lower) fn linspace(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let range = call.range();
        let mut given = Vec::new();
        for argument in &call.arguments.args {
            let value = self.expression(argument)?;
            given.push((value, argument.range()));
        }
        if let [keyword] = &*call.arguments.keywords
            && keyword.arg.as_ref().is_some_and(|name| &**name == "num")
            && given.len() == 2
        {
            let value = self.expression(&keyword.value)?;
            given.push((value, keyword.value.range()));
        } else if !call.arguments.keywords.is_empty() {
            given.clear();
        }
        let fits = given.iter().all(|(value, _)| value.ty.is_number());
        if !(2..=3).contains(&given.len()) || !fits {
            return Err(self.refuse(
                Diagnostic::new(
                    range,
                    "`linspace` takes two numbers and how many there are to be",
                )
                .label("in this call")
                .help("write `numpy.linspace(start, stop, num)`"),
            ));
        }
        let count = match given.pop() {
            Some((count, at)) if given.len() == 2 => {
                self.expect_int(count, at, "`num` is an int")?
            }
            last => {
                given.extend(last);
                Expr::int(50)
            }
        };
        let count = self.held(count);
        let mut values = given
            .into_iter()
            .map(|(value, _)| self.held(as_float(value)))
            .collect::<Vec<_>>()
            .into_iter();
        let [start, stop] = [(); 2].map(|()| values.next().expect("there are two"));
        let overflow = Guard {
            proof: Proof::Waived,
            ..self.overflow(range)
        };
        let last = Expr::new(Op::Sub, vec![count.clone(), Expr::int(1)], Type::Int);
        let last = self.held(last.guarded(vec![overflow]));
        let waived = self.waived(range);
        let delta = self.held(float(Op::FSub, &stop, &start));
        let parts = self.held(as_float(last.clone()));
        let step = self.held(float(Op::FDiv, &delta, &parts).guarded(vec![waived]));
        let single = self.held(is(&last, &Expr::int(0)));
        let tiny = self.held(is(&step, &Expr::float(0.0)));
        let sizes = self.guard(
            range,
            "ValueError",
            "Number of samples must be non-negative.",
        );
        Ok(self.sequence_checked(&count, sizes, range, |at, number| {
            let by_step = float(Op::FMul, number, &step);
            let part = float(Op::FDiv, number, &parts).guarded(vec![waived]);
            let by_part = float(Op::FMul, &part, &delta);
            let of_one = float(Op::FMul, number, &delta);
            let moved = select(tiny.clone(), by_part, by_step);
            let moved = select(single.clone(), of_one, moved);
            let value = float(Op::FAdd, &moved, &start);
            let ends = Expr::new(Op::Not, vec![single.clone()], Type::Bool);
            let ends = Expr::new(Op::BitAnd, vec![is(at, &last), ends], Type::Bool);
            select(ends, stop.clone(), value)
        }))
    }

    fn at_distances(
        &mut self,
        length: &Expr,
        range: TextRange,
        value: impl FnOnce(&Expr, &Expr) -> Expr,
    ) -> Expr {
        let array = self.new_array(range, Element::Float64, Expr::int(0), vec![length.clone()]);
        self.filled(array, length, range, value)
    }

    /// The same, with an error of its own for a negative length.
    fn sequence_checked(
        &mut self,
        length: &Expr,
        negative: Guard,
        range: TextRange,
        value: impl FnOnce(&Expr, &Expr) -> Expr,
    ) -> Expr {
        let there = Expr::new(
            Op::Compare(Comparison::Ge),
            vec![length.clone(), Expr::int(0)],
            Type::Bool,
        );
        let raised = vec![crate::ir::Stmt::Raise(negative.site)];
        self.emit(crate::ir::Stmt::If(there, Vec::new(), raised));
        self.at_distances(length, range, value)
    }

    /// Writes what is calculated from the position, as an int and as a float.
    fn filled(
        &mut self,
        array: Expr,
        length: &Expr,
        range: TextRange,
        value: impl FnOnce(&Expr, &Expr) -> Expr,
    ) -> Expr {
        let slot = self.temporary(Type::Int);
        let at = Expr::slot(slot, Type::Int);
        let value = value(&at, &as_float(at.clone()));
        let body = self.independent(array.clone(), vec![at], value, range);
        let each = self.count_to(slot, length.clone(), body, range);
        self.emit(each);
        array
    }
}

fn float(op: Op, left: &Expr, right: &Expr) -> Expr {
    Expr::new(op, vec![left.clone(), right.clone()], Type::Float)
}

fn is(left: &Expr, right: &Expr) -> Expr {
    let both = vec![left.clone(), right.clone()];
    Expr::new(Op::Compare(Comparison::Eq), both, Type::Bool)
}

fn select(test: Expr, then: Expr, other: Expr) -> Expr {
    Expr::new(Op::Select, vec![test, then, other], Type::Float)
}
