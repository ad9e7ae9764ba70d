//! Which variables a parallel loop only adds up: found in the text of its body.

use std::collections::BTreeMap;

use ruff_python_ast as ast;
use ruff_python_ast::comparable::ComparableExpr;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{CmpOp, Operator};
use ruff_text_size::{Ranged, TextRange};

/// How the parts of a reduction are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sum,
    Product,
    Smallest,
    Largest,
    And,
    Or,
    BitAnd,
    BitOr,
    BitXor,
}

/// What a body does with a variable that it assigns to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    /// How it is updated, if that is all that is done with it.
    pub(super) kind: Option<Kind>,
    /// The first assignment.
    pub(super) assigned: TextRange,
    /// What keeps an updated variable from being a reduction.
    pub(super) other: Option<TextRange>,
}

/// The variables that a body assigns to, each with what is done with it. `extremes`: whether `min` and
/// `max` are Python's.
pub(super) fn uses(body: &[ast::Stmt], extremes: bool) -> BTreeMap<String, Use> {
    let mut finder = Finder {
        extremes,
        found: BTreeMap::new(),
    };
    finder.visit_body(body);
    let assigned = |(name, seen): (String, Seen)| {
        let assigned = seen.assigned?;
        let other = seen.other;
        let kind = if other.is_none() { seen.kind } else { None };
        let other = other.filter(|_| seen.kind.is_some());
        Some((
            name,
            Use {
                kind,
                assigned,
                other,
            },
        ))
    };
    finder.found.into_iter().filter_map(assigned).collect()
}

#[derive(Default)]
struct Seen {
    kind: Option<Kind>,
    assigned: Option<TextRange>,
    other: Option<TextRange>,
}

struct Finder {
    extremes: bool,
    found: BTreeMap<String, Seen>,
}

/// An update of a variable, and what goes into it.
struct Update<'a> {
    name: &'a ast::ExprName,
    kind: Kind,
    operands: Vec<&'a ast::Expr>,
}

impl<'a> Visitor<'a> for Finder {
    fn visit_stmt(&mut self, stmt: &'a ast::Stmt) {
        let Some(update) = self.update(stmt) else {
            visitor::walk_stmt(self, stmt);
            return;
        };
        let seen = self.found.entry(update.name.id.to_string()).or_default();
        let at = update.name.range();
        seen.assigned.get_or_insert(at);
        if *seen.kind.get_or_insert(update.kind) != update.kind {
            seen.other.get_or_insert(at);
        }
        for operand in update.operands {
            self.visit_expr(operand);
        }
    }

    fn visit_expr(&mut self, expr: &'a ast::Expr) {
        if let ast::Expr::Name(name) = expr {
            let seen = self.found.entry(name.id.to_string()).or_default();
            seen.other.get_or_insert(name.range());
            if name.ctx != ast::ExprContext::Load {
                seen.assigned.get_or_insert(name.range());
            }
        }
        visitor::walk_expr(self, expr);
    }

    fn visit_pattern(&mut self, pattern: &'a ast::Pattern) {
        for name in super::locals::captured(pattern) {
            let seen = self.found.entry(name.to_string()).or_default();
            seen.other.get_or_insert(name.range());
            seen.assigned.get_or_insert(name.range());
        }
        visitor::walk_pattern(self, pattern);
    }
}

impl Finder {
    fn update<'a>(&self, stmt: &'a ast::Stmt) -> Option<Update<'a>> {
        match stmt {
            ast::Stmt::AugAssign(inner) => {
                let ast::Expr::Name(name) = &*inner.target else {
                    return None;
                };
                Some(Update {
                    name,
                    kind: of_operator(inner.op)?,
                    operands: vec![&inner.value],
                })
            }
            ast::Stmt::Assign(inner) => {
                let [ast::Expr::Name(name)] = &inner.targets[..] else {
                    return None;
                };
                let (kind, operands) = self.updated(name, &inner.value)?;
                Some(Update {
                    name,
                    kind,
                    operands,
                })
            }
            ast::Stmt::If(inner) => extreme_if(inner),
            _ => None,
        }
    }

    /// `name op ...`, `min(name, ...)`: how, and with what.
    fn updated<'a>(
        &self,
        name: &ast::ExprName,
        value: &'a ast::Expr,
    ) -> Option<(Kind, Vec<&'a ast::Expr>)> {
        match value {
            ast::Expr::BinOp(inner) => {
                let kind = of_operator(inner.op)?;
                if is_name(&inner.left, name) {
                    return Some((kind, vec![&inner.right]));
                }
                if is_name(&inner.right, name) && inner.op != Operator::Sub {
                    return Some((kind, vec![&inner.left]));
                }
                // total + a + b is (total + a) + b.
                let (deeper, mut operands) = self.updated(name, &inner.left)?;
                operands.push(&inner.right);
                (deeper == kind && !matches!(&*inner.left, ast::Expr::Call(_)))
                    .then_some((kind, operands))
            }
            ast::Expr::BoolOp(inner) if is_name(&inner.values[0], name) => {
                let kind = match inner.op {
                    ast::BoolOp::And => Kind::And,
                    ast::BoolOp::Or => Kind::Or,
                };
                Some((kind, inner.values[1..].iter().collect()))
            }
            ast::Expr::Call(inner) if self.extremes && inner.arguments.keywords.is_empty() => {
                let ast::Expr::Name(function) = &*inner.func else {
                    return None;
                };
                let kind = match function.id.as_str() {
                    "min" => Kind::Smallest,
                    "max" => Kind::Largest,
                    _ => return None,
                };
                let (first, operands) = inner.arguments.args.split_first()?;
                // min(x, name) lets a NaN in x win, and then forgets it: that is no reduction.
                (is_name(first, name) && !operands.is_empty())
                    .then(|| (kind, operands.iter().collect()))
            }
            _ => None,
        }
    }
}

/// `if x < name: name = x`, which is `name = min(name, x)`.
fn extreme_if(stmt: &ast::StmtIf) -> Option<Update<'_>> {
    let ([ast::Stmt::Assign(assign)], ast::Expr::Compare(test), []) =
        (&stmt.body[..], &*stmt.test, &stmt.elif_else_clauses[..])
    else {
        return None;
    };
    let ([ast::Expr::Name(name)], [op], [right]) =
        (&assign.targets[..], &*test.ops, &*test.comparators)
    else {
        return None;
    };
    let is_value =
        |expr: &ast::Expr| ComparableExpr::from(expr) == ComparableExpr::from(&*assign.value);
    let value_first = if is_name(right, name) && is_value(&test.left) {
        true
    } else if is_name(&test.left, name) && is_value(right) {
        false
    } else {
        return None;
    };
    let kind = match (op, value_first) {
        (CmpOp::Lt, true) | (CmpOp::Gt, false) => Kind::Smallest,
        (CmpOp::Gt, true) | (CmpOp::Lt, false) => Kind::Largest,
        _ => return None,
    };
    Some(Update {
        name,
        kind,
        operands: vec![&assign.value],
    })
}

fn is_name(expr: &ast::Expr, name: &ast::ExprName) -> bool {
    matches!(expr, ast::Expr::Name(other) if other.id == name.id)
}

fn of_operator(op: Operator) -> Option<Kind> {
    match op {
        Operator::Add | Operator::Sub => Some(Kind::Sum),
        Operator::Mult => Some(Kind::Product),
        Operator::BitAnd => Some(Kind::BitAnd),
        Operator::BitOr => Some(Kind::BitOr),
        Operator::BitXor => Some(Kind::BitXor),
        _ => None,
    }
}
