//! Arrays as others: `astype`, `copy`.

use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use super::super::Lowered;
use super::super::function::FunctionLowerer;
use super::join::Pending;
use crate::diagnostic::Diagnostic;
use crate::ir::Expr;

impl FunctionLowerer<'_, '_> {
    /// A method that makes another array of one, if it is one: its elements are still to be calculated.
    pub(in crate::lower) fn conversion(
        &mut self,
        call: &ast::ExprCall,
        name: &str,
        array: &Expr,
    ) -> Lowered<Option<Expr>> {
        let arguments = &call.arguments;
        let plain = arguments.keywords.is_empty();
        match (name, &*arguments.args) {
            ("copy", []) if plain => Ok(Some(self.array_copied(array.clone()))),
            ("astype", [dtype]) if plain => {
                let element = self.element_of(dtype)?;
                let pending = self.as_pending(array.clone());
                let value = self.cast(pending.value, element, call.range());
                let pending = Pending {
                    value,
                    element,
                    ..pending
                };
                Ok(Some(pending.into_expr()))
            }
            ("copy" | "astype", _) => Err(self.refuse(
                Diagnostic::new(
                    call.range(),
                    format!("native code has no such call of `{name}`"),
                )
                .label("with other arguments than the type")
                .help("write `a.copy()`, `a.astype(float)` or `a.astype(np.int32)`"),
            )),
            _ => Ok(None),
        }
    }

    /// A new array with the same elements.
    pub(in crate::lower) fn array_copied(&mut self, array: Expr) -> Expr {
        self.as_pending(array).into_expr()
    }
}
