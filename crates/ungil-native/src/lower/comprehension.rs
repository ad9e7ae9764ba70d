//! List comprehensions: loops that append to a list without a name.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Stmt};

impl FunctionLowerer<'_, '_> {
    pub(super) fn list_comprehension(&mut self, expr: &ast::ExprListComp) -> Lowered<Expr> {
        // No variable can be called so.
        let list = format!("%list{}", expr.range().start().to_usize());
        let empty = self.new_list(Vec::new(), expr.range());
        self.assign(&list, empty, expr.range());
        self.generated(&expr.generators, &mut |this| {
            let value = this.expression(&expr.elt)?;
            this.append_to(&list, value, expr.elt.range())
        })?;
        self.read(&list, expr.range())
    }

    /// Appends to the list of a name.
    pub(super) fn append_to(&mut self, list: &str, value: Expr, range: TextRange) -> Lowered<()> {
        let target = self.read(list, range)?;
        let appended = self.append(target, Some(list), value, range)?;
        self.emit(Stmt::Eval(appended));
        Ok(())
    }

    /// The loops of a comprehension or a generator around what is done with each item.
    pub(super) fn generated(
        &mut self,
        generators: &[ast::Comprehension],
        inside: &mut dyn FnMut(&mut Self) -> Lowered<()>,
    ) -> Lowered<()> {
        let scopes = self.scopes.len();
        let result = self.generators(generators, inside);
        self.scopes.truncate(scopes);
        result
    }

    fn generators(
        &mut self,
        generators: &[ast::Comprehension],
        inside: &mut dyn FnMut(&mut Self) -> Lowered<()>,
    ) -> Lowered<()> {
        let Some((generator, rest)) = generators.split_first() else {
            return inside(self);
        };
        if generator.is_async {
            return Err(self.refuse(
                Diagnostic::new(generator.range(), "native code cannot wait for coroutines")
                    .label("`async for`")
                    .help("use a plain `for`"),
            ));
        }
        let source = self.iterated(&generator.iter)?;
        self.own_variables(&generator.target);
        self.loop_over(
            &generator.target,
            &source,
            generator.iter.range(),
            &[],
            &mut |this| this.filtered(&generator.ifs, &mut |this| this.generators(rest, inside)),
        )
    }

    /// What is done where all conditions hold.
    fn filtered(
        &mut self,
        conditions: &[ast::Expr],
        then: &mut dyn FnMut(&mut Self) -> Lowered<()>,
    ) -> Lowered<()> {
        let Some((condition, rest)) = conditions.split_first() else {
            return then(self);
        };
        let test = self.condition(condition)?;
        let before = self.state.clone();
        let outer = std::mem::take(&mut self.block);
        let result = self.filtered(rest, then);
        let inner = std::mem::replace(&mut self.block, outer);
        result?;
        let after = std::mem::take(&mut self.state);
        self.state = after.join(before, &mut self.promote);
        self.emit(Stmt::If(test, inner, Vec::new()));
        Ok(())
    }

    /// A comprehension's variables are its own.
    fn own_variables(&mut self, target: &ast::Expr) {
        match target {
            ast::Expr::Name(name) => {
                let own = format!("{}%{}", name.id, name.range().start().to_usize());
                self.scopes.push((name.id.to_string(), own));
            }
            ast::Expr::Tuple(tuple) => {
                for item in &tuple.elts {
                    self.own_variables(item);
                }
            }
            _ => {}
        }
    }
}
