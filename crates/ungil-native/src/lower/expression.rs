//! Expressions.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::arithmetic::truth;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::environment::Global;
use crate::ir::{Block, Expr, Op, Stmt};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    pub(super) fn expression(&mut self, expr: &ast::Expr) -> Lowered<Expr> {
        let value = self.pending(expr)?;
        Ok(self.made(value, expr.range()))
    }

    /// An expression whose array, if it is one, may still have to be calculated.
    pub(super) fn pending(&mut self, expr: &ast::Expr) -> Lowered<Expr> {
        self.nested(expr.range(), |this| this.any_expression(expr))
    }

    fn any_expression(&mut self, expr: &ast::Expr) -> Lowered<Expr> {
        match expr {
            ast::Expr::NumberLiteral(inner) => self.number(inner),
            ast::Expr::BooleanLiteral(inner) => Ok(Expr::bool(inner.value)),
            ast::Expr::NoneLiteral(_) => Ok(Expr::none()),
            ast::Expr::StringLiteral(inner) => self.string_literal(inner),
            ast::Expr::BytesLiteral(inner) => Ok(super::text::bytes_literal(inner)),
            ast::Expr::Name(inner) => self.name(inner),
            ast::Expr::List(inner) => self.list_literal(inner),
            ast::Expr::ListComp(inner) => self.list_comprehension(inner),
            ast::Expr::Tuple(inner) => self.tuple_literal(inner),
            ast::Expr::BinOp(inner) => {
                if inner.op == ast::Operator::Mult {
                    match (&*inner.left, &*inner.right) {
                        (ast::Expr::List(items), count) | (count, ast::Expr::List(items)) => {
                            return self.list_repeated(items, count, inner.range());
                        }
                        _ => {}
                    }
                }
                let (left, right) = self.two_operands(&inner.left, &inner.right)?;
                self.binary(inner.op, left, right, inner.range())
            }
            ast::Expr::UnaryOp(inner) => self.unary(inner),
            ast::Expr::BoolOp(inner) => self.bool_op(inner),
            ast::Expr::Compare(inner) => self.compare(inner),
            ast::Expr::If(inner) => self.conditional(inner),
            ast::Expr::Call(inner) => self.call(inner),
            ast::Expr::Attribute(inner) => self.attribute(inner),
            ast::Expr::Subscript(inner) => self.subscript(inner),
            ast::Expr::Named(inner) => self.named_value(inner),
            other => Err(self.refuse_expression(other)),
        }
    }

    fn number(&mut self, literal: &ast::ExprNumberLiteral) -> Lowered<Expr> {
        match &literal.value {
            ast::Number::Int(value) => match value.as_i64() {
                Some(value) => Ok(Expr::int(value)),
                None => Err(self.refuse(
                    Diagnostic::new(literal.range(), "this int does not fit into 64 bits")
                        .label("larger than 9223372036854775807")
                        .help("write it as a float (with a `.0`) if it need not be exact"),
                )),
            },
            ast::Number::Float(value) => Ok(Expr::float(*value)),
            ast::Number::Complex { real, imag } => Ok(super::complex::complex(
                Expr::float(*real),
                Expr::float(*imag),
            )),
        }
    }

    fn name(&mut self, name: &ast::ExprName) -> Lowered<Expr> {
        if self.is_local(&name.id) {
            return self.read(&name.id, name.range());
        }
        let global = self.lowerer.environment.global(self.id, &name.id);
        self.constant(global, &name.id, name.range())
    }

    /// The value of what a global name stands for.
    pub(super) fn constant(
        &mut self,
        global: Global,
        name: &str,
        range: TextRange,
    ) -> Lowered<Expr> {
        match global {
            Global::Constant(constant) => Ok(super::call::constant(constant)),
            Global::Missing => Err(self.refuse(
                Diagnostic::new(range, format!("there is no `{name}`"))
                    .label("neither a local variable nor a global name nor a built-in"),
            )),
            other => {
                let what = match other {
                    Global::Module(_) => "a module".to_owned(),
                    Global::Other(what) => what,
                    Global::Exception(_) | Global::Record(_) => "a class".to_owned(),
                    _ => "a function".to_owned(),
                };
                Err(self.refuse(
                    Diagnostic::new(range, format!("`{name}` is not a constant"))
                        .label(what)
                        .note("of what is global, native code reads numbers, texts, and tuples of them, as constants")
                        .help(format!("pass `{name}` as an argument")),
                ))
            }
        }
    }

    /// `name := value`
    fn named_value(&mut self, expr: &ast::ExprNamed) -> Lowered<Expr> {
        let value = self.expression(&expr.value)?;
        self.assign_to(&expr.target, value)?;
        self.expression(&expr.target)
    }

    fn conditional(&mut self, expr: &ast::ExprIf) -> Lowered<Expr> {
        let test = self.condition(&expr.test)?;
        let (mut before, then) = self.apart(|this| this.expression(&expr.body))?;
        let (mut after, other) = self.apart(|this| this.expression(&expr.orelse))?;
        let (then, other) = self.same_type(
            (then, expr.body.range()),
            (other, expr.orelse.range()),
            "both results have to be of one type",
        )?;
        let ty = then.ty;
        if before.is_empty() && after.is_empty() {
            return Ok(Expr::new(Op::Select, vec![test, then, other], ty));
        }
        let slot = self.temporary(ty);
        before.push(Stmt::Set(slot, then));
        after.push(Stmt::Set(slot, other));
        self.emit(Stmt::If(test, before, after));
        Ok(Expr::slot(slot, ty))
    }

    /// An expression that is evaluated only sometimes: it must not put statements before the one it is in.
    pub(super) fn branch(&mut self, expr: &ast::Expr) -> Lowered<Expr> {
        let before = self.block.len();
        let value = self.expression(expr)?;
        if self.block.len() > before {
            return Err(self.refuse_statements_of(expr.range()));
        }
        Ok(value)
    }

    /// What is evaluated only sometimes, or again and again, cannot be a statement before.
    pub(super) fn refuse_statements_of(&self, range: TextRange) -> Box<super::Refusal> {
        self.refuse(
            Diagnostic::new(range, "this is too much for a part of an expression")
                .label("needs a statement of its own")
                .help("assign it to a variable first, in an `if` statement or in a loop"),
        )
    }

    /// Two values that have to be of one type; an integer literal becomes a float beside one.
    pub(super) fn same_type(
        &mut self,
        (left, left_range): (Expr, TextRange),
        (right, right_range): (Expr, TextRange),
        title: &str,
    ) -> Lowered<(Expr, Expr)> {
        if left.ty == right.ty {
            return Ok((left, right));
        }
        Err(self.refuse(
            Diagnostic::new(right_range, title)
                .label(format!("this is {}", right.ty.with_article()))
                .context(left_range, format!("this is {}", left.ty.with_article()))
                .help("convert one of them, with `float(...)` for example; write `0.0` for `0`"),
        ))
    }

    /// An expression as a condition.
    pub(super) fn condition(&mut self, expr: &ast::Expr) -> Lowered<Expr> {
        // The parts of `and` and `or` need not be of one type where only their truth is asked for.
        if let ast::Expr::BoolOp(inner) = expr {
            return self.nested(expr.range(), |this| this.bool_condition(inner));
        }
        let value = self.expression(expr)?;
        match value.ty {
            Type::Complex => Ok(self.complex_truth(value)),
            Type::List(_) => Ok(truth(Self::list_length(value))),
            Type::Text(_) => Ok(truth(super::text::length(value))),
            Type::Tuple(items) => {
                // Evaluated for what can go wrong in it.
                let slot = self.temporary(value.ty);
                let some = Expr::bool(!items.is_empty());
                Ok(Expr::new(Op::Let(slot), vec![value, some], Type::Bool))
            }
            ty if ty.is_number() => Ok(truth(value)),
            Type::Array(_) => Err(self.refuse(
                Diagnostic::new(expr.range(), "an array is no condition")
                    .label(value.ty.with_article())
                    .help("write `.any()` or `.all()` after it; of arrays, `&`, `|` and `~` are and, or, not"),
            )),
            ty => Err(self.refuse(
                Diagnostic::new(expr.range(), "this is no condition")
                    .label(ty.with_article())
                    .help("compare numbers"),
            )),
        }
    }

    fn bool_condition(&mut self, expr: &ast::ExprBoolOp) -> Lowered<Expr> {
        let op = match expr.op {
            ast::BoolOp::And => Op::And,
            ast::BoolOp::Or => Op::Or,
        };
        let mut parts = expr.values.iter();
        let first = parts.next().expect("there are at least two");
        let mut value = self.condition(first)?;
        for part in parts {
            let (mut block, next) = self.apart(|this| this.condition(part))?;
            if block.is_empty() {
                value = Expr::new(op.clone(), vec![value, next], Type::Bool);
                continue;
            }
            let slot = self.temporary(Type::Bool);
            self.emit(Stmt::Set(slot, value));
            block.push(Stmt::Set(slot, next));
            value = Expr::slot(slot, Type::Bool);
            self.emit(either(expr.op, value.clone(), block));
        }
        Ok(value)
    }

    /// `and` and `or` as values: one of the operands.
    fn bool_op(&mut self, expr: &ast::ExprBoolOp) -> Lowered<Expr> {
        let (first, rest) = expr.values.split_first().expect("there are at least two");
        let mut value = self.operand_of_bool(first)?;
        let mut range = first.range();
        for part in rest {
            let (mut block, right) = self.apart(|this| this.operand_of_bool(part))?;
            let (left, right) = self.same_type(
                (value, range),
                (right, part.range()),
                "`and` and `or` give one of their operands, so these have to be of one type",
            )?;
            range = part.range();
            let ty = left.ty;
            let slot = self.temporary(ty);
            let kept = Expr::slot(slot, ty);
            let test = truth(kept.clone());
            if block.is_empty() {
                let chosen = match expr.op {
                    ast::BoolOp::And => vec![test, right, kept],
                    ast::BoolOp::Or => vec![test, kept, right],
                };
                let select = Expr::new(Op::Select, chosen, ty);
                value = Expr::new(Op::Let(slot), vec![left, select], ty);
                continue;
            }
            self.emit(Stmt::Set(slot, left));
            block.push(Stmt::Set(slot, right));
            self.emit(either(expr.op, test, block));
            value = kept;
        }
        Ok(value)
    }

    fn operand_of_bool(&mut self, expr: &ast::Expr) -> Lowered<Expr> {
        let value = self.expression(expr)?;
        if value.ty.is_number() {
            return Ok(value);
        }
        Err(self.refuse(
            Diagnostic::new(expr.range(), "`and` and `or` take numbers here")
                .label(value.ty.with_article()),
        ))
    }

    fn attribute(&mut self, expr: &ast::ExprAttribute) -> Lowered<Expr> {
        let name = expr.attr.as_str();
        if let Some(global) = self.module_attribute(expr) {
            return self.constant(global, name, expr.range());
        }
        let value = self.expression(&expr.value)?;
        if value.ty == Type::Complex
            && let Some(part) = super::complex::part(value.clone(), name)
        {
            return Ok(part);
        }
        if let Type::Record(record) = value.ty {
            return self.record_field(expr, value, record);
        }
        if let Type::Array(ty) = value.ty {
            match name {
                "size" => return Ok(self.size(&value, ty)),
                "ndim" => return Ok(Expr::int(i64::from(ty.dimensions))),
                "shape" => {
                    let sizes = (0..ty.dimensions)
                        .map(|axis| Expr::new(Op::Dim(axis), vec![value.clone()], Type::Int));
                    return Ok(super::tuple::tuple(sizes.collect()));
                }
                _ => {}
            }
        }
        Err(self.refuse(
            Diagnostic::new(
                expr.attr.range(),
                format!("{} has no `{name}` here", value.ty.with_article()),
            )
            .label("not in the native language")
            .help("of arrays there are `shape`, `size`, `ndim` and `len(...)`"),
        ))
    }

    /// What `module.name` stands for, where `module` is one.
    pub(super) fn module_attribute(&mut self, expr: &ast::ExprAttribute) -> Option<Global> {
        let module = match &*expr.value {
            ast::Expr::Name(name) if !self.is_local(&name.id) => {
                self.lowerer.environment.global(self.id, &name.id)
            }
            ast::Expr::Attribute(inner) => self.module_attribute(inner)?,
            _ => return None,
        };
        match module {
            Global::Module(module) => Some(self.lowerer.environment.attribute(module, &expr.attr)),
            _ => None,
        }
    }
}

/// What is done where the operands so far do not decide.
fn either(op: ast::BoolOp, test: Expr, more: Block) -> Stmt {
    match op {
        ast::BoolOp::And => Stmt::If(test, more, Vec::new()),
        ast::BoolOp::Or => Stmt::If(test, Vec::new(), more),
    }
}
