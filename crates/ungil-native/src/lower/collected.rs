//! Lists of all items of something, also in order.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::arithmetic::as_float;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Stmt};
use crate::routine::Routine;
use crate::types::{Scalar, Type};

impl FunctionLowerer<'_, '_> {
    /// A new list of all items of something.
    pub(super) fn collected(
        &mut self,
        iterable: &ast::Expr,
        item: Option<Scalar>,
    ) -> Lowered<Expr> {
        let range = iterable.range();
        if let ast::Expr::Name(name) = iterable
            && self.is_local(&name.id)
        {
            let list = self.read(&name.id, range)?;
            if let Type::List(own) = list.ty
                && item.is_none_or(|item| item == own)
            {
                return Ok(self.copied(list, range));
            }
        }
        let list = format!("%list{}", range.start().to_usize());
        let mut empty = self.new_list(Vec::new(), range);
        if let Some(item) = item {
            empty = self.retyped_list(empty, item);
        }
        self.assign(&list, empty, range);
        self.each_item(iterable, &mut |this, value| {
            let value = match item {
                Some(Scalar::Float) if value.ty.is_number() => as_float(value),
                _ => value,
            };
            this.append_to(&list, value, range)
        })?;
        self.read(&list, range)
    }

    /// `sorted(items)`, also with `reverse=`.
    pub(super) fn sorted(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let iterable = self.iterable_of(call)?;
        let backwards = self.backwards(call)?;
        let list = self.collected(iterable, None)?;
        let list = self.held(list);
        let sorted = self.sort(list.clone(), backwards, call.range());
        self.emit(Stmt::Eval(sorted));
        Ok(list)
    }

    /// The value of `reverse=`.
    pub(super) fn backwards(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        match &call.arguments.keywords[..] {
            [] => Ok(Expr::bool(false)),
            [keyword] if keyword.arg.as_deref() == Some("reverse") => {
                let value = self.condition(&keyword.value)?;
                Ok(self.held(value))
            }
            [keyword, ..] => Err(self.refuse(
                Diagnostic::new(keyword.range(), "native code sorts numbers by themselves")
                    .label("a function that is passed on")
                    .help("sort indices outside, with `numpy.argsort` for example"),
            )),
        }
    }

    pub(super) fn sort(&mut self, list: Expr, backwards: Expr, range: TextRange) -> Expr {
        let nan = self.guard(
            range,
            "ValueError",
            "a list with a NaN is sorted: no order is right. Take the NaNs out before",
        );
        let args = vec![Self::kind_of(&list), list, backwards];
        Self::routine(Routine::Sort, args, Type::None, vec![nan])
    }
}
