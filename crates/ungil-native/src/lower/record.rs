//! Objects of dataclasses.

use ruff_python_ast as ast;
use ruff_python_ast::CmpOp;
use ruff_text_size::{Ranged, TextRange};

use super::call::constant;
use super::function::FunctionLowerer;
use super::{Lowered, Refusal};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Op, RecordOp, Stmt};
use crate::record::{Equality, Field};
use crate::types::{Record, Type};

impl FunctionLowerer<'_, '_> {
    /// `Class(...)`.
    pub(super) fn new_record(&mut self, call: &ast::ExprCall, record: Record) -> Lowered<Expr> {
        if let Some(reason) = &record.not_made {
            return Err(self.refuse(
                Diagnostic::new(
                    call.range(),
                    format!("native code cannot make a `{record}`"),
                )
                .label(reason.as_str())
                .help("make it outside, and pass it as an argument"),
            ));
        }
        let mut given: Vec<Option<(Expr, TextRange)>> =
            record.fields.iter().map(|_| None).collect();
        let by_position: Vec<usize> = (0..given.len())
            .filter(|&at| record.fields[at].init && !record.fields[at].keyword_only)
            .collect();
        for (number, argument) in call.arguments.args.iter().enumerate() {
            let Some(&at) = by_position.get(number) else {
                let title = format!(
                    "`{record}` takes {} positional arguments",
                    by_position.len()
                );
                return Err(self.wrong_call(argument.range(), title));
            };
            given[at] = Some((self.expression(argument)?, argument.range()));
        }
        for keyword in &call.arguments.keywords {
            let name = keyword.arg.as_deref();
            let position = name.and_then(|name| record.position(name));
            let Some(at) = position.filter(|&at| record.fields[at].init) else {
                let title = match name {
                    Some(name) => format!("`{record}` has no parameter `{name}`"),
                    None => "native code cannot unpack arguments".to_owned(),
                };
                return Err(self.wrong_call(keyword.range(), title));
            };
            if given[at].is_some() {
                let title = format!("`{}` is given twice", record.fields[at].name);
                return Err(self.wrong_call(keyword.range(), title));
            }
            given[at] = Some((self.expression(&keyword.value)?, keyword.value.range()));
        }
        // Evaluated in the order in which they are written, which need not be that of the fields.
        let mut slots = Vec::new();
        let mut arguments = Vec::new();
        for (field, value) in record.fields.iter().zip(given) {
            let default = field
                .default
                .clone()
                .map(|one| (constant(one), call.range()));
            let Some((value, range)) = value.or(default) else {
                let title = format!("`{record}` needs a value for `{}`", field.name);
                return Err(self.wrong_call(call.range(), title));
            };
            let value = self.as_field(record, field, value, range)?;
            if call.arguments.keywords.is_empty() {
                arguments.push(value);
                continue;
            }
            let slot = self.temporary(value.ty);
            arguments.push(Expr::slot(slot, value.ty));
            slots.push((range.start(), slot, value));
        }
        let ty = Type::Record(record);
        let memory = self.guard(call.range(), "MemoryError", "");
        let new = Expr::new(Op::Record(RecordOp::New), arguments, ty).guarded(vec![memory]);
        let slot = self.temporary(ty);
        let mut made = Expr::new(Op::Let(slot), vec![new, Expr::slot(slot, ty)], ty);
        slots.sort_by_key(|(start, ..)| std::cmp::Reverse(*start));
        for (_, slot, value) in slots {
            made = Expr::new(Op::Let(slot), vec![value, made], ty);
        }
        Ok(made)
    }

    /// A value as a field has it.
    fn as_field(
        &mut self,
        record: Record,
        field: &Field,
        value: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let value = match field.width {
            Some(width) => self.fitted(value, width, range),
            None => self.coerced(value, field.ty, range),
        };
        if value.ty == field.ty {
            return Ok(value);
        }
        Err(self.refuse(
            Diagnostic::new(
                range,
                format!(
                    "`{}` of `{record}` is annotated as {}",
                    field.name,
                    field.ty.with_article()
                ),
            )
            .label(format!("this is {}", value.ty.with_article()))
            .help(format!("write `{}(...)` around it", field.ty)),
        ))
    }

    /// `object.field`.
    pub(super) fn record_field(
        &mut self,
        expr: &ast::ExprAttribute,
        object: Expr,
        record: Record,
    ) -> Lowered<Expr> {
        let at = self.field_position(expr, record)?;
        let ty = record.fields[at].ty;
        Ok(Expr::new(Op::Record(RecordOp::Get(at)), vec![object], ty))
    }

    fn field_position(&self, expr: &ast::ExprAttribute, record: Record) -> Lowered<usize> {
        record.position(&expr.attr).ok_or_else(|| {
            let names: Vec<String> = record
                .fields
                .iter()
                .map(|field| format!("`{}`", field.name))
                .collect();
            self.refuse(
                Diagnostic::new(
                    expr.attr.range(),
                    format!("`{record}` has no field `{}`", expr.attr),
                )
                .label("native code knows the fields of a dataclass, nothing else of it")
                .help(format!("there are {}", names.join(", "))),
            )
        })
    }

    /// The object of a field that is assigned to.
    pub(super) fn record_target(&mut self, target: &ast::ExprAttribute) -> Lowered<Expr> {
        let object = self.expression(&target.value)?;
        if !matches!(object.ty, Type::Record(_)) {
            return Err(self.refuse(
                Diagnostic::new(target.range(), "native code cannot assign to this")
                    .label(format!("an attribute of {}", object.ty.with_article()))
                    .help("assign to names, to elements, and to fields of dataclasses"),
            ));
        }
        Ok(self.held(object))
    }

    /// `object.field = value`.
    pub(super) fn set_field(
        &mut self,
        target: &ast::ExprAttribute,
        object: Expr,
        value: Expr,
    ) -> Lowered<()> {
        let Type::Record(record) = object.ty else {
            unreachable!("`record_target` gives objects");
        };
        let at = self.field_position(target, record)?;
        let field = &record.fields[at];
        if record.frozen {
            self.emit(Stmt::Eval(value));
            let text = format!("cannot assign to field '{}'", field.name);
            let site = self.site(target.range(), "dataclasses.FrozenInstanceError", text);
            self.emit(Stmt::Raise(site));
            return Ok(());
        }
        let value = self.as_field(record, field, value, target.range())?;
        let op = Op::Record(RecordOp::Set(at));
        self.emit(Stmt::Eval(Expr::new(op, vec![value, object], Type::None)));
        Ok(())
    }

    /// `==` and `!=` of two objects of one class.
    pub(super) fn record_comparison(
        &mut self,
        op: CmpOp,
        (left, right): (Expr, Expr),
        record: Record,
        range: TextRange,
    ) -> Lowered<Expr> {
        let reason = match (&record.equality, op) {
            (Equality::Other(reason), _) => Some(reason.as_str()),
            (_, CmpOp::Eq | CmpOp::NotEq) => None,
            _ => Some("only `==` and `!=` are there for dataclasses"),
        };
        if let Some(reason) = reason {
            return Err(self.refuse(
                Diagnostic::new(
                    range,
                    format!("native code does not compare `{record}`s so"),
                )
                .label(reason)
                .help("compare their fields"),
            ));
        }
        let ty = left.ty;
        let (left_slot, right_slot) = (self.temporary(ty), self.temporary(ty));
        let kept = [left_slot, right_slot].map(|slot| Expr::slot(slot, ty));
        let mut equal = Expr::bool(true);
        for (at, field) in record.fields.iter().enumerate().rev() {
            if !field.compared {
                continue;
            }
            let [one, other] = kept
                .clone()
                .map(|object| Expr::new(Op::Record(RecordOp::Get(at)), vec![object], field.ty));
            if field.ty == Type::Complex && record.equality == Equality::Tuples {
                return Err(self.refuse(
                    Diagnostic::new(
                        range,
                        "dataclasses with complex numbers are not compared here",
                    )
                    .label(format!("`{}` is complex", field.name))
                    .help("compare the fields"),
                ));
            }
            let same = match record.equality {
                Equality::Tuples => self.same_item(one, other, range)?,
                _ => self.comparison(CmpOp::Eq, one, other, range)?,
            };
            equal = Expr::new(Op::And, vec![same, equal], Type::Bool);
        }
        let same = Expr::new(Op::Record(RecordOp::Same), kept.to_vec(), Type::Bool);
        let mut result = Expr::new(Op::Or, vec![same, equal], Type::Bool);
        if op == CmpOp::NotEq {
            result = Expr::new(Op::Not, vec![result], Type::Bool);
        }
        let inner = Expr::new(Op::Let(right_slot), vec![right, result], Type::Bool);
        Ok(Expr::new(Op::Let(left_slot), vec![left, inner], Type::Bool))
    }

    pub(super) fn refuse_method(
        &self,
        method: &ast::ExprAttribute,
        record: Record,
    ) -> Box<Refusal> {
        self.refuse(
            Diagnostic::new(
                method.attr.range(),
                format!("native code cannot call methods of `{record}`"),
            )
            .label("a method of a dataclass")
            .help(format!(
                "write a native function that takes the object: `def {}(self: {record}, ...)`",
                method.attr
            )),
        )
    }
}
