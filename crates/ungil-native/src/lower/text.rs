//! `str` and `bytes`: compared, indexed, gone over. In memory they are arrays of their codes, read only.

use ruff_python_ast as ast;
use ruff_python_ast::CmpOp;
use ruff_text_size::{Ranged, TextRange};

use super::function::FunctionLowerer;
use super::{Lowered, Refusal};
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, Expr, Guard, Op};
use crate::types::{Text, Type};

/// The array of a text's codes.
pub(super) fn codes(text: Expr) -> Expr {
    let Type::Text(kind) = text.ty else {
        unreachable!("only texts have codes");
    };
    Expr {
        ty: Type::Array(kind.codes()),
        ..text
    }
}

/// A constant text.
pub(super) fn literal(kind: Text, codes: Vec<u32>) -> Expr {
    Expr::new(Op::Text(codes), Vec::new(), Type::Text(kind))
}

pub(super) fn length(text: Expr) -> Expr {
    Expr::new(Op::Dim(0), vec![codes(text)], Type::Int)
}

pub(super) fn bytes_literal(expr: &ast::ExprBytesLiteral) -> Expr {
    literal(Text::Bytes, expr.value.bytes().map(u32::from).collect())
}

impl FunctionLowerer<'_, '_> {
    pub(super) fn string_literal(&mut self, expr: &ast::ExprStringLiteral) -> Lowered<Expr> {
        let text = expr.value.to_str();
        if text.contains('\u{FFFD}') {
            // The parser has put this there for what it cannot express.
            return Err(self.refuse(
                Diagnostic::new(expr.range(), "native code cannot read this text")
                    .label("a lone surrogate, or U+FFFD")
                    .help("give it a name outside, and use that"),
            ));
        }
        Ok(literal(Text::Str, text.chars().map(u32::from).collect()))
    }

    /// `text[...]`.
    pub(super) fn text_subscript(
        &mut self,
        expr: &ast::ExprSubscript,
        text: Expr,
        kind: Text,
    ) -> Lowered<Expr> {
        let ast::Expr::Slice(slice) = &*expr.slice else {
            let index = self.index(&expr.slice)?;
            let guard = self.bounds_guard(expr.range(), kind.out_of_range());
            return Ok(character(text, kind, index, guard));
        };
        let plain = |step: &ast::Expr| {
            matches!(
                step,
                ast::Expr::NumberLiteral(ast::ExprNumberLiteral {
                    value: ast::Number::Int(ast::Int::ONE),
                    ..
                }) | ast::Expr::NoneLiteral(_)
            )
        };
        if let Some(step) = slice.step.as_deref().filter(|step| !plain(step)) {
            return Err(self.refuse(
                Diagnostic::new(step.range(), format!("a slice of {kind} has no step here"))
                    .label("a step")
                    .help("go over it by index: `for i in range(start, stop, step)`"),
            ));
        }
        let whole = ast::ExprSlice {
            step: None,
            ..slice.clone()
        };
        let view = self.view(expr, codes(text), kind.codes(), &[&ast::Expr::Slice(whole)])?;
        Ok(Expr {
            ty: Type::Text(kind),
            ..view
        })
    }

    /// What is at a position within a text.
    pub(super) fn text_item(&mut self, text: &Expr, position: Expr, range: TextRange) -> Expr {
        let Type::Text(kind) = text.ty else {
            unreachable!("only texts have characters");
        };
        let mut guard = self.guard(range, "IndexError", kind.out_of_range());
        guard.proof = crate::ir::Proof::Waived;
        character(text.clone(), kind, position, guard)
    }

    /// Comparison of two texts, or of a text with something else.
    pub(super) fn text_comparison(
        &mut self,
        comparison: Comparison,
        (left, right): (Expr, Expr),
        range: TextRange,
    ) -> Lowered<Expr> {
        if left.ty != right.ty {
            let title = match comparison {
                Comparison::Eq | Comparison::Ne => "these are never equal",
                _ => "Python does not compare these",
            };
            let label = format!("{} and {}", left.ty.with_article(), right.ty.with_article());
            return Err(self.refuse(
                Diagnostic::new(range, title)
                    .label(label)
                    .help("compare two of one type: `ord(c)` is a character's number"),
            ));
        }
        // Single characters are compared as the numbers that they are in memory.
        let (op, args) = match (code(&left), code(&right)) {
            (Some(one), Some(other)) => (Op::Compare(comparison), vec![one, other]),
            _ => (Op::CompareText(comparison), vec![left, right]),
        };
        Ok(Expr::new(op, args, Type::Bool))
    }

    /// `value in text`.
    pub(super) fn in_text(
        &mut self,
        op: CmpOp,
        (value, text): (Expr, Expr),
        range: TextRange,
    ) -> Lowered<Expr> {
        let found = match (value.ty, text.ty) {
            (one, other) if one == other => Expr::new(Op::InText, vec![value, text], Type::Bool),
            (Type::Int | Type::Bool, Type::Text(Text::Bytes)) => {
                let value = super::arithmetic::as_int(value);
                let guard = self.guard(range, "ValueError", "byte must be in range(0, 256)");
                Expr::new(Op::InText, vec![value, text], Type::Bool).guarded(vec![guard])
            }
            (one, other) => {
                return Err(self.refuse(
                    Diagnostic::new(range, format!("{} is not looked for like this", one.with_article()))
                        .label(format!("in {}", other.with_article()))
                        .help("on the left of `in` there is a text of the same type, or a number before `bytes`"),
                ));
            }
        };
        Ok(match op {
            CmpOp::In => found,
            _ => Expr::new(Op::Not, vec![found], Type::Bool),
        })
    }

    /// `ord(...)`.
    pub(super) fn ord(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let argument = &call.arguments.args[0];
        let value = self.expression(argument)?;
        if let Some(code) = code(&value).filter(|_| value.ty == Type::Text(Text::Str)) {
            return Ok(code);
        }
        if value.ty != Type::Text(Text::Str) {
            return Err(self.refuse(
                Diagnostic::new(argument.range(), "`ord` takes a character")
                    .label(format!("this is {}", value.ty.with_article())),
            ));
        }
        let guard = self.guard(
            call.range(),
            "TypeError",
            "ord() expected a character, but string of length {a} found",
        );
        Ok(Expr::new(Op::Ord, vec![value], Type::Int).guarded(vec![guard]))
    }

    pub(super) fn refuse_text_method(
        &self,
        method: &ast::ExprAttribute,
        kind: Text,
    ) -> Box<Refusal> {
        self.refuse(
            Diagnostic::new(
                method.attr.range(),
                format!("native code has no `{}` of {kind}", method.attr),
            )
            .label("not in the native language")
            .help("there are comparison, `in`, `len`, indices, slices without a step, and loops"),
        )
    }
}

/// What is at an index: an int of `bytes`, a text of one character of `str`.
fn character(text: Expr, kind: Text, index: Expr, guard: Guard) -> Expr {
    let args = vec![codes(text), index];
    let expr = match kind {
        Text::Str => Expr::new(Op::Character, args, Type::Text(kind)),
        Text::Bytes => Expr::new(Op::Load, args, Type::Int),
    };
    expr.guarded(vec![guard])
}

/// The number of a text that is one character, where that is known.
fn code(text: &Expr) -> Option<Expr> {
    match &text.op {
        Op::Text(codes) if codes.len() == 1 => Some(Expr::int(i64::from(codes[0]))),
        Op::Character => Some(Expr {
            op: Op::Load,
            ty: Type::Int,
            ..text.clone()
        }),
        _ => None,
    }
}
