//! Lists of numbers.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::arithmetic::as_float;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Guard, ListOp, Op, Proof, Stmt};
use crate::types::{Scalar, Type};

impl FunctionLowerer<'_, '_> {
    pub(super) fn list_literal(&mut self, expr: &ast::ExprList) -> Lowered<Expr> {
        let items = self.list_items(expr)?;
        Ok(self.new_list(items, expr.range()))
    }

    /// `[...] * count`, the other way round as well.
    pub(super) fn list_repeated(
        &mut self,
        items: &ast::ExprList,
        count: &ast::Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let mut args = self.list_items(items)?;
        let ty = list_type(&args);
        let times = self.expression(count)?;
        let title = "a list is repeated an int of times";
        args.push(self.expect_int(times, count.range(), title)?);
        Ok(self.made_list(ListOp::Repeat, args, ty, range))
    }

    fn list_items(&mut self, expr: &ast::ExprList) -> Lowered<Vec<Expr>> {
        let mut items: Vec<Expr> = Vec::new();
        for item in &expr.elts {
            let before = self.block.len();
            let value = self.expression(item)?;
            self.settle(before, &mut items);
            if Scalar::of(value.ty).is_none() {
                return Err(self.refuse(
                    Diagnostic::new(item.range(), "a native list holds numbers of one type")
                        .label(format!("this is {}", value.ty.with_article()))
                        .help("use a list for each part, or a NumPy array that is passed in"),
                ));
            }
            items.push(value);
        }
        let float = items.iter().any(|item| item.ty == Type::Float);
        let fits = |item: &Expr| {
            if float {
                item.ty == Type::Float || is_literal(item)
            } else {
                item.ty == items[0].ty
            }
        };
        if let Some(at) = items.iter().position(|item| !fits(item)) {
            let other = items.iter().position(|item| item.ty != items[at].ty);
            let other = other.unwrap_or(0);
            return Err(self.refuse(
                Diagnostic::new(
                    expr.elts[at].range(),
                    "a native list holds numbers of one type",
                )
                .label(format!("this is {}", items[at].ty.with_article()))
                .context(
                    expr.elts[other].range(),
                    format!("this is {}", items[other].ty.with_article()),
                )
                .help("convert one of them, with `float(...)` for example"),
            ));
        }
        Ok(items
            .into_iter()
            .map(|item| if float { as_float(item) } else { item })
            .collect())
    }

    /// A list of values of one type.
    pub(super) fn new_list(&mut self, items: Vec<Expr>, range: TextRange) -> Expr {
        let ty = list_type(&items);
        self.made_list(ListOp::New, items, ty, range)
    }

    /// A new list is in a slot from its first moment on: that is who frees it.
    fn made_list(&mut self, op: ListOp, args: Vec<Expr>, item: Scalar, range: TextRange) -> Expr {
        let memory = self.memory(range);
        let ty = Type::List(item);
        let new = Expr::new(Op::List(op), args, ty).guarded(vec![memory]);
        let slot = self.temporary(ty);
        Expr::new(Op::Let(slot), vec![new, Expr::slot(slot, ty)], ty)
    }

    pub(super) fn memory(&mut self, range: TextRange) -> Guard {
        self.guard(range, "MemoryError", "")
    }

    /// A new list as one of other items, where its own are literals or it has none.
    pub(super) fn retyped_list(&mut self, value: Expr, item: Scalar) -> Expr {
        if value.ty == Type::List(item) {
            return value;
        }
        let (Op::Let(_), [new, _]) = (&value.op, &value.args[..]) else {
            return value;
        };
        let Op::List(op) = new.op else { return value };
        let count = new.args.len() - usize::from(op == ListOp::Repeat);
        let literals = item == Scalar::Float && new.args[..count].iter().all(is_literal);
        if count > 0 && !literals {
            return value;
        }
        let range = self.lowerer.program.sites[new.guards[0].site].range;
        let mut args = new.args.clone();
        for arg in &mut args[..count] {
            *arg = as_float(arg.clone());
        }
        self.made_list(op, args, item, range)
    }

    /// A value as an item of a list, whose name, if it has one, may learn what it has to hold.
    pub(super) fn as_item(
        &mut self,
        list: &Expr,
        name: Option<&str>,
        value: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let Type::List(item) = list.ty else {
            unreachable!("only lists have items");
        };
        if value.ty == item.ty() {
            return Ok(value);
        }
        if item == Scalar::Float && is_literal(&value) {
            return Ok(as_float(value));
        }
        if let (Some(name), Some(new)) = (name, Scalar::of(value.ty))
            && (item == Scalar::Unknown || (item == Scalar::Int && new == Scalar::Float))
        {
            let name = self.own_name(name);
            self.promote.lists.insert(name, new);
        }
        Err(self.refuse(
            Diagnostic::new(
                range,
                format!(
                    "{} cannot be put into a {}",
                    value.ty.with_article(),
                    list.ty
                ),
            )
            .label(format!("this is {}", value.ty.with_article()))
            .help(match (item, value.ty) {
                (Scalar::Float, Type::Int | Type::Bool) => "write `float(...)` around it",
                (Scalar::Int, Type::Bool) => "write `int(...)` around it",
                (Scalar::Int, Type::Float) => {
                    "make it a list of floats from the start: write `0.0` for `0` there, \
                     or annotate it, `xs: list[float] = ...`"
                }
                _ => "a list holds numbers of one type",
            }),
        ))
    }

    /// What a list holds has to be known for this.
    pub(super) fn known_item(&mut self, list: &Expr, range: TextRange) -> Lowered<Type> {
        match list.ty {
            Type::List(Scalar::Unknown) => {
                let mut refusal = self.refuse(
                    Diagnostic::new(range, "it is not known here what this list holds")
                        .label("it is empty so far")
                        .help("annotate it where it is made: `xs: list[float] = []`"),
                );
                refusal.later = true;
                Err(refusal)
            }
            Type::List(item) => Ok(item.ty()),
            _ => unreachable!("only lists have items"),
        }
    }

    pub(super) fn append(
        &mut self,
        list: Expr,
        name: Option<&str>,
        value: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let value = self.as_item(&list, name, value, range)?;
        let memory = self.memory(range);
        let op = Op::List(ListOp::Append);
        Ok(Expr::new(op, vec![list, value], Type::None).guarded(vec![memory]))
    }

    pub(super) fn list_length(list: Expr) -> Expr {
        Expr::new(Op::List(ListOp::Len), vec![list], Type::Int)
    }

    /// `list[index]` and `list[start:stop:step]`.
    pub(super) fn list_item(&mut self, expr: &ast::ExprSubscript, list: Expr) -> Lowered<Expr> {
        let mut list = [list];
        let before = self.block.len();
        if let ast::Expr::Slice(slice) = &*expr.slice {
            let words = self.slice_words(slice)?;
            self.settle(before, &mut list);
            let [list] = list;
            return Ok(self.sliced(list, words, expr.range()));
        }
        let index = self.index(&expr.slice)?;
        self.settle(before, &mut list);
        let [list] = list;
        self.list_item_at(expr, list, index)
    }

    pub(super) fn list_item_at(
        &mut self,
        expr: &ast::ExprSubscript,
        list: Expr,
        index: Expr,
    ) -> Lowered<Expr> {
        let ty = self.known_item(&list, expr.value.range())?;
        let guard = self.bounds_guard(expr.range(), "list index out of range");
        Ok(Expr::new(Op::List(ListOp::Get), vec![list, index], ty).guarded(vec![guard]))
    }

    /// The item at a position that is within the list.
    pub(super) fn list_item_within(
        &mut self,
        list: &Expr,
        position: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let ty = self.known_item(list, range)?;
        let mut guard = self.bounds_guard(range, "list index out of range");
        guard.proof = Proof::Waived;
        let args = vec![list.clone(), position];
        Ok(Expr::new(Op::List(ListOp::Get), args, ty).guarded(vec![guard]))
    }

    /// `list[index] = value`.
    pub(super) fn set_item(
        &mut self,
        target: &ast::ExprSubscript,
        list: Expr,
        index: Expr,
        value: Expr,
    ) -> Lowered<()> {
        let name = named(&target.value);
        let value = self.as_item(&list, name, value, target.range())?;
        let guard = self.bounds_guard(target.range(), "list assignment index out of range");
        let op = Op::List(ListOp::Set);
        let set = Expr::new(op, vec![value, list, index], Type::None).guarded(vec![guard]);
        self.emit(Stmt::Eval(set));
        Ok(())
    }
}

fn list_type(items: &[Expr]) -> Scalar {
    items
        .first()
        .and_then(|item| Scalar::of(item.ty))
        .unwrap_or(Scalar::Unknown)
}

/// An integer literal, which may become a float.
fn is_literal(value: &Expr) -> bool {
    matches!(value.op, Op::Int(_))
}

/// The variable that an expression is.
pub(super) fn named(expr: &ast::Expr) -> Option<&str> {
    match expr {
        ast::Expr::Name(name) => Some(&name.id),
        _ => None,
    }
}
