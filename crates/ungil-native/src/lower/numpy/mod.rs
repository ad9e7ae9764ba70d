//! `NumPy`'s functions of whole arrays.

mod create;
pub(super) mod fold;

use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use super::function::FunctionLowerer;
use super::{Lowered, Refusal};
use crate::diagnostic::Diagnostic;
use crate::ir::Expr;
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    /// A function of `numpy`.
    pub(super) fn numpy(&mut self, call: &ast::ExprCall, name: &str) -> Lowered<Expr> {
        if let Some(array) = self.creation(call, name)? {
            return Ok(array);
        }
        if let Some(value) = self.ufunc(call, name)? {
            return Ok(value);
        }
        if let ("copy", [array]) = (name, &*call.arguments.args)
            && call.arguments.keywords.is_empty()
        {
            let array = self.array(array)?;
            return Ok(self.array_copied(array));
        }
        let Some(fold) = fold::named(name) else {
            return Err(self.refuse_numpy(call, &format!("numpy.{name}")));
        };
        let mut arrays = Vec::new();
        for (array, at) in self.operands(&call.arguments.args)? {
            arrays.push(self.as_array(array, at)?);
        }
        self.fold(call, fold, name, arrays)
    }

    /// A method of a value that is no list.
    pub(super) fn array_method(
        &mut self,
        call: &ast::ExprCall,
        attribute: &ast::ExprAttribute,
        value: Expr,
    ) -> Lowered<Expr> {
        let name = attribute.attr.as_str();
        if matches!(value.ty, Type::Array(_))
            && let Some(converted) = self.conversion(call, name, &value)?
        {
            return Ok(converted);
        }
        let fold = fold::named(name).filter(|_| !matches!(name, "amin" | "amax"));
        let (Type::Array(_), Some(fold)) = (value.ty, fold) else {
            return Err(self.refuse_numpy(call, &format!(".{name}(...)")));
        };
        let mut arrays = vec![value];
        for argument in &call.arguments.args {
            arrays.push(self.array(argument)?);
        }
        self.fold(call, fold, name, arrays)
    }

    fn refuse_numpy(&self, call: &ast::ExprCall, name: &str) -> Box<Refusal> {
        self.refuse(
            Diagnostic::new(call.func.range(), format!("native code has no `{name}`"))
                .label("not in the native language")
                .help(format!(
                    "write the loop, which is as fast here as in C; of whole arrays there are {}; of what makes \
                     arrays {}, copy; of elements {}",
                    fold::NAMES,
                    create::NAMES,
                    super::elementwise::NAMES
                )),
        )
    }
}
