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
    /// The variables of functions around that it assigns to.
    pub(super) nonlocal: Vec<String>,
    /// Comprehensions around.
    comprehensions: usize,
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
        // They are assigned to here, but they are not its own.
        for name in &locals.nonlocal {
            locals.names.remove(name);
        }
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
            ast::Stmt::Nonlocal(inner) => {
                self.nonlocal
                    .extend(inner.names.iter().map(ToString::to_string));
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
            ast::Expr::Name(_) if self.comprehensions > 0 => {}
            ast::Expr::Name(name) if name.ctx != ast::ExprContext::Load => {
                self.names.insert(name.id.to_string());
            }
            ast::Expr::Named(inner) => {
                if let ast::Expr::Name(name) = &*inner.target {
                    self.names.insert(name.id.to_string());
                }
                self.deeper(expr.range(), |this| this.visit_expr(&inner.value));
            }
            ast::Expr::Lambda(_) => {}
            // Their variables are their own; what `:=` in them assigns to is the function's.
            ast::Expr::ListComp(_)
            | ast::Expr::SetComp(_)
            | ast::Expr::DictComp(_)
            | ast::Expr::Generator(_) => {
                self.comprehensions += 1;
                self.deeper(expr.range(), |this| visitor::walk_expr(this, expr));
                self.comprehensions -= 1;
            }
            _ => self.deeper(expr.range(), |this| visitor::walk_expr(this, expr)),
        }
    }

    fn visit_pattern(&mut self, pattern: &'a ast::Pattern) {
        self.names
            .extend(captured(pattern).map(ToString::to_string));
        self.deeper(pattern.range(), |this| visitor::walk_pattern(this, pattern));
    }

    fn visit_except_handler(&mut self, handler: &'a ast::ExceptHandler) {
        let ast::ExceptHandler::ExceptHandler(inner) = handler;
        self.names
            .extend(inner.name.iter().map(ToString::to_string));
        visitor::walk_except_handler(self, handler);
    }
}

/// The name that a pattern itself gives a value to.
pub(super) fn captured(pattern: &ast::Pattern) -> impl Iterator<Item = &ast::Identifier> {
    match pattern {
        ast::Pattern::MatchAs(inner) => inner.name.iter(),
        ast::Pattern::MatchStar(inner) => inner.name.iter(),
        _ => None.iter(),
    }
}
