//! The names that a function assigns to; and whether its text is too deep to look at.

use std::collections::BTreeSet;

use ruff_python_ast as ast;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_text_size::{Ranged, TextRange};

use super::function::DEEPEST;

#[derive(Default)]
pub(super) struct Locals<'a> {
    pub(super) names: BTreeSet<String>,
    /// The annotations of variables.
    pub(super) annotations: Vec<(&'a str, &'a ast::Expr)>,
    depth: usize,
    pub(super) too_deep: Option<TextRange>,
}

impl<'a> Locals<'a> {
    pub(super) fn of(definition: &'a ast::StmtFunctionDef) -> Self {
        let mut locals = Self::default();
        locals.visit_body(&definition.body);
        let parameters = definition.parameters.iter_non_variadic_params();
        let names = parameters.map(|parameter| parameter.parameter.name.to_string());
        locals.names.extend(names);
        locals
    }

    fn deeper(&mut self, range: TextRange, inner: impl FnOnce(&mut Self)) {
        if self.depth >= DEEPEST {
            self.too_deep = Some(range);
            return;
        }
        self.depth += 1;
        inner(self);
        self.depth -= 1;
    }
}

impl<'a> Visitor<'a> for Locals<'a> {
    fn visit_stmt(&mut self, stmt: &'a ast::Stmt) {
        if let ast::Stmt::AnnAssign(inner) = stmt
            && let ast::Expr::Name(name) = &*inner.target
        {
            self.annotations.push((&name.id, &inner.annotation));
        }
        match stmt {
            ast::Stmt::FunctionDef(inner) => {
                self.names.insert(inner.name.to_string());
            }
            ast::Stmt::ClassDef(inner) => {
                self.names.insert(inner.name.to_string());
            }
            ast::Stmt::If(inner) if inner.elif_else_clauses.len() > DEEPEST => {
                self.too_deep = Some(stmt.range());
            }
            _ => self.deeper(stmt.range(), |this| visitor::walk_stmt(this, stmt)),
        }
    }

    fn visit_expr(&mut self, expr: &'a ast::Expr) {
        match expr {
            ast::Expr::Name(name) if name.ctx != ast::ExprContext::Load => {
                self.names.insert(name.id.to_string());
            }
            ast::Expr::Lambda(_)
            | ast::Expr::ListComp(_)
            | ast::Expr::SetComp(_)
            | ast::Expr::DictComp(_)
            | ast::Expr::Generator(_) => {}
            _ => self.deeper(expr.range(), |this| visitor::walk_expr(this, expr)),
        }
    }
}
