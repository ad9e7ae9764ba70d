//! Methods of lists.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::function::FunctionLowerer;
use super::list::named;
use super::{Lowered, Refusal};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, ListOp, Op, Stmt};
use crate::routine::{Kind, Routine};
use crate::types::{Scalar, Type};

impl FunctionLowerer<'_, '_> {
    /// `list.method(...)`.
    pub(super) fn list_method(
        &mut self,
        call: &ast::ExprCall,
        method: &ast::ExprAttribute,
        list: Expr,
    ) -> Lowered<Expr> {
        let range = call.range();
        let name = named(&method.value);
        let arguments = &call.arguments.args;
        if method.attr.as_str() == "sort" && arguments.is_empty() {
            let list = self.held(list);
            let backwards = self.backwards(call)?;
            return Ok(self.sort(list, backwards, range));
        }
        if !call.arguments.keywords.is_empty() {
            return Err(self.no_such_method(call, method));
        }
        // The list is evaluated before the arguments are.
        let list = match list.op {
            Op::Slot(_) => list,
            _ => self.held(list),
        };
        match (method.attr.as_str(), &arguments[..]) {
            ("append", [value]) => {
                let value = self.expression(value)?;
                self.append(list, name, value, range)
            }
            ("insert", [index, value]) => {
                let (index_range, (index, value)) = (index.range(), self.both(index, value)?);
                let index = self.expect_int(index, index_range, "an index has to be an int")?;
                let value = self.as_item(&list, name, value, range)?;
                let memory = self.memory(range);
                let op = Op::List(ListOp::Insert);
                Ok(Expr::new(op, vec![list, index, value], Type::None).guarded(vec![memory]))
            }
            ("pop", [] | [_]) => {
                let ty = self.known_item(&list, method.value.range())?;
                let mut args = vec![list];
                if let [index] = &arguments[..] {
                    args.push(self.index(index)?);
                }
                let guards = vec![
                    self.guard(range, "IndexError", "pop from empty list"),
                    self.bounds_guard(range, "pop index out of range"),
                ];
                Ok(Expr::new(Op::List(ListOp::Pop), args, ty).guarded(guards))
            }
            ("clear", []) => Ok(Expr::new(Op::List(ListOp::Clear), vec![list], Type::None)),
            ("copy", []) => Ok(self.copied(list, range)),
            ("reverse", []) => {
                let args = vec![Self::kind_of(&list), list];
                Ok(Self::routine(
                    Routine::Reverse,
                    args,
                    Type::None,
                    Vec::new(),
                ))
            }
            ("extend", [more]) => self.extended_by(list, name, more, range),
            ("index", [value, bounds @ ..]) if bounds.len() <= 2 => {
                self.index_of(list, value, bounds, range)
            }
            ("count", [value]) => {
                let value = self.expression(value)?;
                let mut args = vec![Self::kind_of(&list), list];
                args.extend(self.wanted(&args[1].clone(), value, range)?);
                let guard = self.two_nans(range);
                Ok(Self::routine(Routine::Count, args, Type::Int, vec![guard]))
            }
            ("remove", [value]) => {
                let value = self.expression(value)?;
                let example = match value.ty {
                    Type::Float => "[].remove(a)",
                    _ => "[].remove(i)",
                };
                let mut args = vec![Self::kind_of(&list), list];
                args.extend(self.wanted(&args[1].clone(), value, range)?);
                let missing = self.as_python(range, "ValueError", example);
                let guards = vec![missing, self.two_nans(range)];
                Ok(Self::routine(Routine::Remove, args, Type::None, guards))
            }
            _ => Err(self.no_such_method(call, method)),
        }
    }

    fn no_such_method(&self, call: &ast::ExprCall, method: &ast::ExprAttribute) -> Box<Refusal> {
        self.refuse(
            Diagnostic::new(
                call.range(),
                format!("native lists have no `{}` like this", method.attr),
            )
            .label("not in the native language")
            .help(
                "there are `append`, `extend`, `insert`, `pop`, `remove`, `clear`, `index`, `count`, `copy`, \
                 `reverse` and `sort`, without names for arguments but `reverse`",
            ),
        )
    }

    /// What the items of a list are, for routines.
    pub(super) fn kind_of(list: &Expr) -> Expr {
        let kind = match list.ty {
            Type::List(Scalar::Int) => Kind::Int,
            Type::List(Scalar::Float) => Kind::Float,
            _ => Kind::Bool,
        };
        Expr::int(kind as i64)
    }

    /// A value that is looked for in a list: its kind, and itself.
    fn wanted(&mut self, list: &Expr, value: Expr, range: TextRange) -> Lowered<[Expr; 2]> {
        let kind = match value.ty {
            Type::Bool => Kind::Bool,
            Type::Int => Kind::Int,
            Type::Float => Kind::Float,
            ty => {
                return Err(self.refuse(
                    Diagnostic::new(range, format!("a {} holds no {ty}", list.ty))
                        .label(ty.with_article()),
                ));
            }
        };
        Ok([Expr::int(kind as i64), value])
    }

    /// `value in list`.
    pub(super) fn in_list(&mut self, value: Expr, list: Expr, range: TextRange) -> Lowered<Expr> {
        let mut sides = [value, list];
        let before = self.block.len();
        // The value is evaluated first, and passed behind the list.
        if !sides[0].is_cheap() {
            sides[0] = self.held(sides[0].clone());
        }
        debug_assert!(self.block.len() >= before);
        let [value, list] = sides;
        let mut args = vec![Self::kind_of(&list), list];
        args.extend(self.wanted(&args[1].clone(), value, range)?);
        let guard = self.two_nans(range);
        Ok(Self::routine(
            Routine::Contains,
            args,
            Type::Bool,
            vec![guard],
        ))
    }

    fn index_of(
        &mut self,
        list: Expr,
        value: &ast::Expr,
        bounds: &[ast::Expr],
        range: TextRange,
    ) -> Lowered<Expr> {
        let mut values = vec![self.expression(value)?];
        for bound in bounds {
            let before = self.block.len();
            let index = self.index(bound)?;
            self.settle(before, &mut values);
            values.push(index);
        }
        let value = values.remove(0);
        let example = match value.ty {
            Type::Float => "[].index(a)",
            Type::Bool => "[].index(bool(i))",
            _ => "[].index(i)",
        };
        let mut args = vec![Self::kind_of(&list), list];
        args.extend(self.wanted(&args[1].clone(), value, range)?);
        args.push(Expr::int([0, 1, 3][values.len()]));
        values.resize(2, Expr::int(0));
        args.extend(values);
        let missing = self.as_python(range, "ValueError", example);
        let guards = vec![missing, self.two_nans(range)];
        Ok(Self::routine(Routine::Index, args, Type::Int, guards))
    }

    /// `list.extend(...)`, `list += ...`.
    pub(super) fn extended_by(
        &mut self,
        list: Expr,
        name: Option<&str>,
        more: &ast::Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let list = self.held(list);
        let appended = &mut |this: &mut Self, value| {
            let appended = this.append(list.clone(), name, value, range)?;
            this.emit(Stmt::Eval(appended));
            Ok(())
        };
        if let ast::Expr::Name(_)
        | ast::Expr::List(_)
        | ast::Expr::Subscript(_)
        | ast::Expr::BinOp(_) = more
        {
            let source = self.expression(more)?;
            if let Type::List(_) = source.ty {
                return self.extended(list, name, source, range);
            }
            let source = self.iterated_value(source, more.range())?;
            self.each_of(&source, more.range(), appended)?;
            return Ok(Expr::none());
        }
        self.each_item(more, appended)?;
        Ok(Expr::none())
    }

    /// A list with the items of another one behind its own.
    pub(super) fn extended(
        &mut self,
        list: Expr,
        name: Option<&str>,
        source: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let source = self.like(&list, name, source, range)?;
        let args = vec![Self::kind_of(&list), list, source];
        let memory = self.memory(range);
        Ok(Self::routine(
            Routine::Extend,
            args,
            Type::None,
            vec![memory],
        ))
    }

    /// A list as one of the type of another one, whose name, if it has one, may learn what it holds.
    pub(super) fn like(
        &mut self,
        list: &Expr,
        name: Option<&str>,
        source: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let (Type::List(own), Type::List(given)) = (list.ty, source.ty) else {
            unreachable!("called for lists");
        };
        let source = self.retyped_list(source, own);
        if source.ty == list.ty || given == Scalar::Unknown {
            return Ok(source);
        }
        // What is found out as if one of its items were appended.
        let item = match given {
            Scalar::Float => Expr::new(Op::FNeg, vec![Expr::float(0.0)], Type::Float),
            Scalar::Bool => Expr::bool(false),
            _ => Expr::new(Op::Invert, vec![Expr::int(0)], Type::Int),
        };
        self.as_item(list, name, item, range)?;
        Ok(source)
    }

    pub(super) fn two_nans(&mut self, range: TextRange) -> crate::ir::Guard {
        self.guard(range, "ValueError", super::tuple::TWO_NANS)
    }
}
