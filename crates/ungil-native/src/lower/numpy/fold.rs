//! Sums and the like of whole arrays.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::super::Lowered;
use super::super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Guard, Op};
use crate::runtime::fold::Fold;
use crate::types::{Element, Type};

/// What there is, for messages.
pub(super) const NAMES: &str = "sum, prod, mean, min, max, any, all and dot";

/// The operation of that name in `numpy`.
pub(super) fn named(name: &str) -> Option<Fold> {
    Some(match name {
        "sum" => Fold::Sum,
        "prod" => Fold::Product,
        "mean" => Fold::Mean,
        "min" | "amin" => Fold::Smallest,
        "max" | "amax" => Fold::Largest,
        "any" => Fold::Any,
        "all" => Fold::All,
        "dot" => Fold::Dot,
        _ => return None,
    })
}

impl FunctionLowerer<'_, '_> {
    pub(super) fn fold(
        &mut self,
        call: &ast::ExprCall,
        fold: Fold,
        name: &str,
        arrays: Vec<Expr>,
    ) -> Lowered<Expr> {
        let range = call.range();
        if let Some(keyword) = call.arguments.keywords.first() {
            return Err(self.refuse(
                Diagnostic::new(
                    keyword.range(),
                    format!("native code has no keyword arguments of `{name}`"),
                )
                .label("of the whole array only, with the type that it has")
                .help("write the loop over the axis, or over rows"),
            ));
        }
        let wanted = if fold == Fold::Dot { 2 } else { 1 };
        if fold != Fold::Dot
            && let [array] = &arrays[..]
            && super::super::elementwise::is_pending(array)
        {
            let guards = self.fold_guards(fold, range);
            let array = arrays.into_iter().next().expect("there is one");
            return Ok(self.reduced(array, fold, guards, range));
        }
        let arrays: Vec<Expr> = arrays
            .into_iter()
            .map(|array| self.made(array, range))
            .collect();
        if arrays.len() != wanted {
            return Err(self.refuse(
                Diagnostic::new(range, format!("`{name}` takes {wanted} arrays here"))
                    .label(format!("{} given", arrays.len())),
            ));
        }
        let types: Vec<_> = arrays
            .iter()
            .filter_map(|array| match array.ty {
                Type::Array(ty) => Some(ty),
                _ => None,
            })
            .collect();
        if fold == Fold::Dot && types.iter().any(|ty| ty.dimensions > 1) {
            return Err(self.refuse(
                Diagnostic::new(range, "native code has `dot` of arrays of one dimension")
                    .label(format!("{} and {}", arrays[0].ty, arrays[1].ty))
                    .help("write the loops over rows and columns"),
            ));
        }
        if types.iter().any(|ty| ty.element.read() == Type::Complex) {
            return Err(self.refuse(
                Diagnostic::new(
                    range,
                    format!("native code has no `{name}` of complex arrays"),
                )
                .label("an array of complex numbers")
                .help("write the loop: it is as fast here as in C"),
            ));
        }
        let float = types.iter().any(|ty| ty.element.is_float());
        let ty = result_type(fold, types[0].element, float);
        let guards = self.fold_guards(fold, range);
        Ok(Expr::new(Op::Fold(fold), arrays, ty).guarded(guards))
    }

    fn fold_guards(&mut self, fold: Fold, range: TextRange) -> Vec<Guard> {
        let which = match fold {
            Fold::Smallest => "minimum",
            _ => "maximum",
        };
        vec![
            self.guard(
                range,
                "OverflowError",
                "the result does not fit into an int of 64 bits",
            ),
            self.guard(
                range,
                "ValueError",
                format!("zero-size array to reduction operation {which} which has no identity"),
            ),
            self.guard(
                range,
                "ValueError",
                "shapes ({a},) and ({b},) not aligned: {a} (dim 0) != {b} (dim 0)",
            ),
        ]
    }
}

/// What comes out of the elements of an array.
pub(in crate::lower) fn result_type(fold: Fold, element: Element, float: bool) -> Type {
    match fold {
        Fold::Mean => Type::Float,
        Fold::Any | Fold::All => Type::Bool,
        Fold::Smallest | Fold::Largest if element.read() == Type::Bool => Type::Bool,
        _ if float => Type::Float,
        _ => Type::Int,
    }
}
