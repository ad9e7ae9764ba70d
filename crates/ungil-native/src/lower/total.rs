//! What becomes of all items of something: `sum`, `min`, `max`, `any`, `all`, `math.prod`; and lists of them.
//!
//! Each is the loop that one would write.

use ruff_python_ast as ast;
use ruff_python_ast::CmpOp;
use ruff_python_ast::name::Name;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::arithmetic::{as_float, as_int};
use super::function::FunctionLowerer;
use super::iterated::Iterated;
use crate::diagnostic::Diagnostic;
use crate::ir::{Block, Comparison, Expr, Op, SlotId, Stmt};
use crate::types::{Element, Type};

impl FunctionLowerer<'_, '_> {
    /// A loop over whatever can be gone through, with the value of each item.
    pub(super) fn each_item(
        &mut self,
        iterable: &ast::Expr,
        inside: &mut dyn FnMut(&mut Self, Expr) -> Lowered<()>,
    ) -> Lowered<()> {
        let generated = match iterable {
            ast::Expr::Generator(inner) => Some((&inner.generators, &inner.elt)),
            ast::Expr::ListComp(inner) => Some((&inner.generators, &inner.elt)),
            _ => None,
        };
        if let Some((generators, item)) = generated {
            return self.generated(generators, &mut |this| {
                let value = this.expression(item)?;
                inside(this, value)
            });
        }
        let source = self.iterated(iterable)?;
        self.each_of(&source, iterable.range(), inside)
    }

    /// The same of what something to go through has turned out to be.
    pub(super) fn each_of(
        &mut self,
        source: &Iterated,
        range: TextRange,
        inside: &mut dyn FnMut(&mut Self, Expr) -> Lowered<()>,
    ) -> Lowered<()> {
        let name = format!("%item{}", range.start().to_usize());
        let target = ast::Expr::Name(ast::ExprName {
            node_index: ast::AtomicNodeIndex::default(),
            range,
            id: Name::new(&name),
            ctx: ast::ExprContext::Store,
        });
        self.loop_over(&target, source, range, &[], &mut |this| {
            let value = this.read(&name, range)?;
            inside(this, value)
        })
    }

    /// What `lower` emits, by itself.
    pub(super) fn emitted(
        &mut self,
        lower: impl FnOnce(&mut Self) -> Lowered<()>,
    ) -> Lowered<Block> {
        let outer = std::mem::take(&mut self.block);
        let result = lower(self);
        let inner = std::mem::replace(&mut self.block, outer);
        result.map(|()| inner)
    }

    /// A slot of the call that is at a place, and of a type.
    fn own_slot(&mut self, what: &str, call: &ast::ExprCall, ty: Type) -> SlotId {
        self.variable(&format!("%{what}{}", call.range().start().to_usize()), ty)
    }

    /// `sum(items)`, `sum(items, start)`.
    pub(super) fn sum(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let start = self.start_of(call, 1)?;
        let start_range = start.as_ref().map_or(call.range(), |(_, range)| *range);
        let start = start.map(|(value, _)| value);
        let iterable = self.iterable_of(call)?;
        let compensated = self.lowerer.environment.python() >= (3, 12);
        self.refuse_array_sum(iterable, compensated)?;
        let begins = start.clone().unwrap_or_else(|| Expr::int(0));
        let from_zero = matches!(begins.op, Op::Int(0));
        let mut kind = begins.ty;
        let lost = self.own_slot("lost", call, Type::Float);
        let block = self.emitted(|this| {
            this.each_item(iterable, &mut |this, value| {
                let value = this.summand(value, iterable)?;
                if value.ty != Type::Float && begins.ty != Type::Float {
                    kind = Type::Int;
                    let total = this.own_slot("sum", call, Type::Int);
                    let args = vec![Expr::slot(total, Type::Int), as_int(value)];
                    let overflow = this.overflow(call.range());
                    let sum = Expr::new(Op::Add, args, Type::Int).guarded(vec![overflow]);
                    this.emit(Stmt::Set(total, sum));
                    return Ok(());
                }
                kind = Type::Float;
                if compensated && begins.ty != Type::Float && !from_zero {
                    return Err(this.refuse(
                        Diagnostic::new(start_range, "a sum of floats begins with a float here")
                            .label(format!("this is {}", begins.ty.with_article()))
                            .help("write `float(...)` around it"),
                    ));
                }
                let total = this.own_slot("sum", call, Type::Float);
                let exact = compensated && value.ty == Type::Float;
                this.add_float(total, exact.then_some(lost), value);
                Ok(())
            })
        })?;
        let total = self.own_slot("sum", call, kind);
        let float = kind == Type::Float;
        let begins = if float {
            as_float(begins)
        } else {
            as_int(begins)
        };
        self.emit(Stmt::Set(total, begins));
        if compensated && float {
            self.emit(Stmt::Set(lost, Expr::float(0.0)));
        }
        self.block.extend(block);
        let total = Expr::slot(total, kind);
        if !(compensated && float) {
            return Ok(total);
        }
        // As `CPython` has it: what was lost is added, if it is finite.
        let lost = Expr::slot(lost, Type::Float);
        let some = Expr::new(Op::Truth, vec![lost.clone()], Type::Bool);
        let finite = Expr::new(Op::IsFinite, vec![lost.clone()], Type::Bool);
        let test = Expr::new(Op::And, vec![some, finite], Type::Bool);
        let sum = Expr::new(Op::FAdd, vec![total.clone(), lost], Type::Float);
        Ok(Expr::new(Op::Select, vec![test, sum, total], Type::Float))
    }

    /// Adds a float; from Python 3.12 on with what rounding loses (A. Neumaier, 1974).
    fn add_float(&mut self, total: SlotId, lost: Option<SlotId>, value: Expr) {
        let float = |op, one: &Expr, other: &Expr| {
            Expr::new(op, vec![one.clone(), other.clone()], Type::Float)
        };
        let before = Expr::slot(total, Type::Float);
        let Some(lost) = lost else {
            let sum = float(Op::FAdd, &before, &as_float(value));
            self.emit(Stmt::Set(total, sum));
            return;
        };
        let value = self.held(value);
        let sum = self.held(float(Op::FAdd, &before, &value));
        let size = |one: &Expr| Expr::new(Op::FAbs, vec![one.clone()], Type::Float);
        let larger = Expr::new(
            Op::Compare(Comparison::Ge),
            vec![size(&before), size(&value)],
            Type::Bool,
        );
        let error =
            |large: &Expr, small: &Expr| float(Op::FAdd, &float(Op::FSub, large, &sum), small);
        let error = Expr::new(
            Op::Select,
            vec![larger, error(&before, &value), error(&value, &before)],
            Type::Float,
        );
        let all = float(Op::FAdd, &Expr::slot(lost, Type::Float), &error);
        self.emit(Stmt::Set(lost, all));
        self.emit(Stmt::Set(total, sum));
    }

    /// Python adds floats in one way and `NumPy`'s floats in another.
    fn refuse_array_sum(&mut self, iterable: &ast::Expr, compensated: bool) -> Lowered<()> {
        let ast::Expr::Name(name) = iterable else {
            return Ok(());
        };
        if !compensated || !self.is_local(&name.id) {
            return Ok(());
        }
        match self.read(&name.id, name.range())?.ty {
            Type::Array(ty) if ty.element.is_float() => Err(self.refuse(
                Diagnostic::new(iterable.range(), "`sum` of an array of floats is not one thing")
                    .label("a buffer of Python's floats, or an array of NumPy's?")
                    .note("since Python 3.12, the former are summed with compensation, the latter are not")
                    .help(format!("write `{}.sum()`, or the loop", name.id)),
            )),
            _ => Ok(()),
        }
    }

    fn summand(&mut self, value: Expr, iterable: &ast::Expr) -> Lowered<Expr> {
        match value.ty {
            Type::Bool => Ok(as_int(value)),
            Type::Int | Type::Float => Ok(value),
            ty => Err(self.refuse(
                Diagnostic::new(iterable.range(), "this takes real numbers here")
                    .label(format!("each is {}", ty.with_article()))
                    .help("write the loop"),
            )),
        }
    }

    /// `math.prod(items)`, also with `start=`.
    pub(super) fn product_of_items(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let begins = self.start_of(call, usize::MAX)?;
        let begins = begins.map_or_else(|| Expr::int(1), |(value, _)| value);
        let iterable = self.iterable_of(call)?;
        let mut kind = begins.ty;
        let block = self.emitted(|this| {
            this.each_item(iterable, &mut |this, value| {
                let value = this.summand(value, iterable)?;
                let float = value.ty == Type::Float || begins.ty == Type::Float;
                kind = if float { Type::Float } else { Type::Int };
                let total = this.own_slot("product", call, kind);
                let before = Expr::slot(total, kind);
                let after = if float {
                    Expr::new(Op::FMul, vec![before, as_float(value)], kind)
                } else {
                    let overflow = this.overflow(call.range());
                    let args = vec![before, as_int(value)];
                    Expr::new(Op::Mul, args, kind).guarded(vec![overflow])
                };
                this.emit(Stmt::Set(total, after));
                Ok(())
            })
        })?;
        let total = self.own_slot("product", call, kind);
        let begins = if kind == Type::Float {
            as_float(begins)
        } else {
            as_int(begins)
        };
        self.emit(Stmt::Set(total, begins));
        self.block.extend(block);
        Ok(Expr::slot(total, kind))
    }

    /// What a sum begins with: the argument at that position, or by its name.
    fn start_of(&mut self, call: &ast::ExprCall, at: usize) -> Lowered<Option<(Expr, TextRange)>> {
        let arguments = &call.arguments;
        let given = match (arguments.args.get(at), &arguments.keywords[..]) {
            (given, []) => given,
            (None, [keyword]) if keyword.arg.as_deref() == Some("start") => Some(&keyword.value),
            (_, [keyword, ..]) => {
                return Err(self.refuse(
                    Diagnostic::new(keyword.range(), "this has no such parameter")
                        .label("not a parameter that Python knows either"),
                ));
            }
        };
        let Some(given) = given else { return Ok(None) };
        let value = self.expression(given)?;
        if !value.ty.is_number() {
            return Err(self.refuse(
                Diagnostic::new(given.range(), "this begins with a number here")
                    .label(format!("this is {}", value.ty.with_article())),
            ));
        }
        Ok(Some((self.held(value), given.range())))
    }

    pub(super) fn iterable_of<'c>(&self, call: &'c ast::ExprCall) -> Lowered<&'c ast::Expr> {
        call.arguments.args.first().ok_or_else(|| {
            self.refuse(
                Diagnostic::new(call.range(), "this takes something to go through")
                    .label("no argument"),
            )
        })
    }

    /// `min(items)` and `max(items)`, also with `default=`.
    pub(super) fn extreme_item(&mut self, call: &ast::ExprCall, name: &str) -> Lowered<Expr> {
        let mut default = None;
        for keyword in &call.arguments.keywords {
            if keyword.arg.as_deref() != Some("default") {
                return Err(self.refuse(
                    Diagnostic::new(
                        keyword.range(),
                        format!("native code has no `key` of `{name}`"),
                    )
                    .label("a function that is passed on")
                    .help("write the loop: it is as fast here as in C"),
                ));
            }
            let value = self.real_number(&keyword.value, name)?;
            default = Some((self.held(value), keyword.value.range()));
        }
        let iterable = self.iterable_of(call)?;
        let some = self.temporary(Type::Bool);
        let mut kind = Type::Int;
        let comparison = if name == "min" { CmpOp::Lt } else { CmpOp::Gt };
        let block = self.emitted(|this| {
            this.each_item(iterable, &mut |this, value| {
                if !value.ty.is_number() {
                    return Err(this.refuse(
                        Diagnostic::new(iterable.range(), format!("`{name}` takes numbers here"))
                            .label(format!("each is {}", value.ty.with_article())),
                    ));
                }
                kind = value.ty;
                let best = this.own_slot(name, call, kind);
                let value = this.held(value);
                let known = Expr::slot(best, kind);
                let better = this.comparison(comparison, value.clone(), known, call.range())?;
                let first = Expr::new(Op::Not, vec![Expr::slot(some, Type::Bool)], Type::Bool);
                let test = Expr::new(Op::Or, vec![first, better], Type::Bool);
                let then = vec![Stmt::Set(best, value), Stmt::Set(some, Expr::bool(true))];
                this.emit(Stmt::If(test, then, Vec::new()));
                Ok(())
            })
        })?;
        let best = self.own_slot(name, call, kind);
        self.emit(Stmt::Set(some, Expr::bool(false)));
        self.emit(Stmt::Set(best, zero_of(kind)));
        self.block.extend(block);
        let (some, best) = (Expr::slot(some, Type::Bool), Expr::slot(best, kind));
        let Some((default, range)) = default else {
            let guard = self.as_python(call.range(), "ValueError", &format!("{name}([])"));
            self.emit(Stmt::If(some, Vec::new(), vec![Stmt::Raise(guard.site)]));
            return Ok(best);
        };
        let default = match (kind, &default.op) {
            (Type::Float, Op::Int(_)) => as_float(default),
            _ => default,
        };
        let title =
            format!("`{name}` gives an item or the default, so these have to be of one type");
        let (best, default) = self.same_type((best, iterable.range()), (default, range), &title)?;
        Ok(Expr::new(Op::Select, vec![some, best, default], kind))
    }

    /// `any(items)` and `all(items)`, which end with the first item that decides.
    pub(super) fn any_or_all(&mut self, call: &ast::ExprCall, any: bool) -> Lowered<Expr> {
        let [iterable] = self.only_positional::<1>(call, if any { "any" } else { "all" })?;
        if let ast::Expr::Generator(inner) = iterable
            && let [_, second, ..] = &inner.generators[..]
        {
            return Err(self.refuse(
                Diagnostic::new(second.range(), "only one `for` is possible here")
                    .label("a second one")
                    .help("write the loops"),
            ));
        }
        let found = self.temporary(Type::Bool);
        let block = self.emitted(|this| {
            this.each_item(iterable, &mut |this, value| {
                if !value.ty.is_number() {
                    return Err(this.refuse(
                        Diagnostic::new(iterable.range(), "this takes numbers here")
                            .label(format!("each is {}", value.ty.with_article())),
                    ));
                }
                let decided = super::arithmetic::truth(value);
                let decided = if any {
                    decided
                } else {
                    Expr::new(Op::Not, vec![decided], Type::Bool)
                };
                this.stop_where(decided, found, any, iterable.range())
            })
        })?;
        self.emit(Stmt::Set(found, Expr::bool(!any)));
        self.block.extend(block);
        Ok(Expr::slot(found, Type::Bool))
    }

    /// Sets a slot and leaves the loop where a condition holds.
    fn stop_where(
        &mut self,
        test: Expr,
        found: SlotId,
        value: bool,
        range: TextRange,
    ) -> Lowered<()> {
        let before = self.state.clone();
        let then = self.emitted(|this| {
            this.emit(Stmt::Set(found, Expr::bool(value)));
            this.leave_loop(range, true)
        })?;
        self.state = before;
        self.emit(Stmt::If(test, then, Vec::new()));
        Ok(())
    }

    /// `value in array`, of one dimension.
    pub(super) fn in_array(&mut self, value: Expr, array: Expr, range: TextRange) -> Lowered<Expr> {
        let Type::Array(ty) = array.ty else {
            unreachable!("called for arrays");
        };
        let item = ty.element.read();
        let exact = match (item, value.ty) {
            (Type::Float, Type::Float) => ty.element == Element::Float64,
            (Type::Float, Type::Int) => matches!(value.op, Op::Int(_)),
            (Type::Int | Type::Bool, Type::Int | Type::Bool) => true,
            _ => false,
        };
        if !exact || ty.dimensions != 1 {
            return Err(self.refuse(
                Diagnostic::new(range, "native code has no `in` of these")
                    .label(format!(
                        "{} in {}",
                        value.ty.with_article(),
                        array.ty.with_article()
                    ))
                    .help("write the loop: it is as fast here as in C"),
            ));
        }
        let value = self.held(value);
        let source = self.over_array(array);
        let found = self.temporary(Type::Bool);
        self.emit(Stmt::Set(found, Expr::bool(false)));
        self.each_of(&source, range, &mut |this, item| {
            let same = this.comparison(CmpOp::Eq, value.clone(), item, range)?;
            this.stop_where(same, found, true, range)
        })?;
        Ok(Expr::slot(found, Type::Bool))
    }
}

fn zero_of(ty: Type) -> Expr {
    match ty {
        Type::Float => Expr::float(0.0),
        Type::Bool => Expr::bool(false),
        _ => Expr::int(0),
    }
}
