//! Expressions: which text belongs to which operation.

use std::fmt::Write as _;

use super::builder::{Builder, Details};
use super::value::Value;
use super::{llvm, parts, result_type};
use crate::ir::{Comparison, Expr, MathFunction, Op, SlotId};
use crate::types::Type;

impl Builder<'_> {
    pub(super) fn value(&mut self, expr: &Expr) -> Value {
        match &expr.op {
            Op::None => Value::None,
            Op::Slot(slot) => self.get(*slot),
            Op::BoundSlot(slot) => self.bound_slot(*slot, expr),
            Op::Let(slot) => {
                self.assign(*slot, &expr.args[0]);
                self.value(&expr.args[1])
            }
            Op::Call(id) => self.call(*id, expr),
            Op::NewArray => Value::Array(self.new_array(expr)),
            Op::View(kinds) => Value::Array(self.view(kinds, expr)),
            Op::Text(codes) => self.constant_text(codes, expr.ty),
            Op::Character => self.character(expr),
            Op::Load if expr.ty == Type::Complex => self.load_complex(expr),
            Op::Select => self.select(expr),
            Op::Tuple => Value::Tuple(expr.args.iter().map(|arg| self.value(arg)).collect()),
            Op::Item(at) => self.item(&expr.args[0], *at),
            Op::Complex(operation) => self.complex_operation(*operation, expr),
            Op::List(operation) => self.list_operation(*operation, expr),
            Op::Record(operation) => self.record_operation(*operation, expr),
            Op::Routine(routine) => self.routine(*routine, expr),
            Op::Each(operation) => self.each(*operation, expr),
            _ => Value::Scalar(self.number(expr)),
        }
    }

    fn number(&mut self, expr: &Expr) -> String {
        match &expr.op {
            Op::Int(value) => value.to_string(),
            Op::Float(value) => format!("0x{:016X}", value.to_bits()),
            Op::Bool(value) => value.to_string(),
            Op::And | Op::Or => self.short_circuit(expr),
            Op::Load => self.load(expr),
            Op::Ord => self.ord(expr),
            Op::CompareText(comparison) => self.compare_texts(*comparison, expr),
            Op::InText => self.in_text(expr),
            Op::Fold(fold) => self.fold(*fold, expr),
            Op::Dim(axis) => {
                let Value::Array(array) = self.value(&expr.args[0]) else {
                    unreachable!("only arrays have sizes");
                };
                array.sizes[usize::from(*axis)].clone()
            }
            _ => {
                if matches!(expr.op, Op::Add | Op::Sub | Op::Mul | Op::Neg)
                    && let Some(value) = self.affine_value(expr)
                {
                    return value;
                }
                if let Op::Compare(comparison) = expr.op
                    && let Some(result) =
                        self.narrow_comparison(comparison, &expr.args[0], &expr.args[1])
                {
                    return result;
                }
                let args: Vec<String> = expr.args.iter().map(|arg| self.scalar(arg)).collect();
                self.operation(expr, &args)
            }
        }
    }

    fn operation(&mut self, expr: &Expr, args: &[String]) -> String {
        let a = &args[0];
        match &expr.op {
            Op::Not => self.let_(format!("xor i1 {a}, true")),
            Op::Truth if expr.args[0].ty == Type::Int => self.let_(format!("icmp ne i64 {a}, 0")),
            Op::Truth => self.let_(format!("fcmp une double {a}, 0.0")),
            Op::BoolToInt => self.let_(format!("zext i1 {a} to i64")),
            Op::IntToFloat => self.int_to_float(expr, a),
            Op::FloatToInt => self.float_to_int(expr, a),
            Op::Compare(comparison) => {
                let ty = expr.args[0].ty;
                self.compare(*comparison, ty, a, &args[1])
            }
            Op::SameItem => {
                let b = &args[1];
                let nans = [a, b].map(|x| self.let_(format!("fcmp uno double {x}, 0.0")));
                let both = self.let_(format!("and i1 {}, {}", nans[0], nans[1]));
                let clear = self.let_(format!("xor i1 {both}, true"));
                self.check(&clear, expr.guards[0], &Details::None);
                self.let_(format!("fcmp oeq double {a}, {b}"))
            }
            Op::CompareMixed(comparison) => {
                self.compare_mixed(*comparison, a, &args[1], expr.plain)
            }
            Op::Fit(element) => self.fit(*element, expr, a),
            Op::FNeg => {
                let flags = self.flags();
                self.let_(format!("fneg{flags} double {a}"))
            }
            Op::FAbs => self.intrinsic("fabs", a),
            Op::Floor => self.intrinsic("floor", a),
            Op::Ceil => self.intrinsic("ceil", a),
            Op::Rint => self.intrinsic("rint", a),
            Op::IsNan => self.let_(format!("fcmp uno double {a}, 0.0")),
            Op::IsInf | Op::IsFinite => {
                let size = self.intrinsic("fabs", a);
                let test = if expr.op == Op::IsInf { "oeq" } else { "olt" };
                self.let_(format!("fcmp {test} double {size}, 0x7FF0000000000000"))
            }
            Op::FPow => self.float_power(expr, a, &args[1]),
            Op::FSquare => self.square(expr, a),
            Op::Math(function) => self.math(*function, expr, args),
            _ => self.arithmetic(expr, args),
        }
    }

    /// The flags of an operation on floats.
    pub(super) fn flags(&self) -> &'static str {
        if self.options.fastmath { " fast" } else { "" }
    }

    pub(super) fn intrinsic(&mut self, name: &str, a: &str) -> String {
        self.let_(format!("call double @llvm.{name}.f64(double {a})"))
    }

    fn item(&mut self, tuple: &Expr, at: usize) -> Value {
        let Value::Tuple(mut items) = self.value(tuple) else {
            unreachable!("only tuples have items");
        };
        items.swap_remove(at)
    }

    fn bound_slot(&mut self, slot: SlotId, expr: &Expr) -> Value {
        let set = self.let_(format!("load i1, ptr %s{slot}.set"));
        self.check(&set, expr.guards[0], &Details::None);
        self.get(slot)
    }

    fn short_circuit(&mut self, expr: &Expr) -> String {
        if let Some(result) = self.both_sides(expr) {
            return result;
        }
        let first = self.scalar(&expr.args[0]);
        let from = self.block.clone();
        let (more, after) = (self.label(), self.label());
        let settled = if expr.op == Op::And {
            self.branch(&first, &more, &after);
            "false"
        } else {
            self.branch(&first, &after, &more);
            "true"
        };
        self.start(&more);
        let second = self.scalar(&expr.args[1]);
        let last = self.block.clone();
        self.jump(&after);
        self.start(&after);
        self.phi("i1", &[(settled, &from), (&second, &last)])
    }

    fn call(&mut self, id: usize, expr: &Expr) -> Value {
        let mut arguments = String::new();
        for arg in &expr.args {
            let value = self.value(arg);
            for (part, ty) in value.flat().iter().zip(parts(arg.ty)) {
                let _ = write!(arguments, ", {ty} {part}");
            }
        }
        let callee = &self.program.functions[id];
        let (result, long) = (result_type(callee.returns), callee.long);
        if long {
            self.store_fuel();
        }
        let all = self.let_(format!(
            "call fastcc {result} @f{id}(ptr %context{arguments})"
        ));
        let code = if callee.returns == Type::None {
            all.clone()
        } else {
            self.let_(format!("extractvalue {result} {all}, 0"))
        };
        let good = self.let_(format!("icmp eq i32 {code}, 0"));
        let site = expr.guards[0].site;
        self.unless(&good, |this| this.pass_on(site));
        if long {
            self.load_fuel();
        }
        let values: Vec<String> = (1..=parts(expr.ty).len())
            .map(|at| self.let_(format!("extractvalue {result} {all}, {at}")))
            .collect();
        Value::of(expr.ty, &mut values.into_iter())
    }

    fn compare(&mut self, comparison: Comparison, ty: Type, a: &str, b: &str) -> String {
        let name = comparison_name(comparison, ty);
        let instruction = if ty == Type::Float { "fcmp" } else { "icmp" };
        self.let_(format!("{instruction} {name} {} {a}, {b}", llvm(ty)))
    }

    /// An int and a float, exactly. Rounding the int is monotonic, so only equality needs a closer look.
    fn compare_mixed(
        &mut self,
        comparison: Comparison,
        int: &str,
        float: &str,
        plain: bool,
    ) -> String {
        let rounded = self.let_(format!("sitofp i64 {int} to double"));
        let coarse = self.compare(comparison, Type::Float, &rounded, float);
        if plain {
            return coarse;
        }
        let equal = self.let_(format!("fcmp oeq double {rounded}, {float}"));
        let whole = self.let_(format!("call i64 @llvm.fptosi.sat.i64.f64(double {float})"));
        let fine = self.compare(comparison, Type::Int, int, &whole);
        // 2.0**63 is larger than every int.
        let beyond = self.let_(format!("fcmp oeq double {float}, 0x43E0000000000000"));
        let smaller = matches!(comparison, Comparison::Lt | Comparison::Le | Comparison::Ne);
        let fine = self.let_(format!("select i1 {beyond}, i1 {smaller}, i1 {fine}"));
        self.let_(format!("select i1 {equal}, i1 {fine}, i1 {coarse}"))
    }

    fn int_to_float(&mut self, expr: &Expr, a: &str) -> String {
        let float = self.let_(format!("sitofp i64 {a} to double"));
        if let Some(&guard) = expr.guards.first()
            && self.is_open(guard)
        {
            let same = self.compare_mixed(Comparison::Eq, a, &float, false);
            self.check(&same, guard, &Details::Ints(a, "0"));
        }
        float
    }

    fn float_to_int(&mut self, expr: &Expr, a: &str) -> String {
        let low = self.let_(format!("fcmp oge double {a}, 0xC3E0000000000000"));
        let high = self.let_(format!("fcmp olt double {a}, 0x43E0000000000000"));
        let fits = self.let_(format!("and i1 {low}, {high}"));
        let sites: Vec<usize> = expr.guards.iter().map(|guard| guard.site).collect();
        self.unless(&fits, |this| {
            let nan = this.let_(format!("fcmp uno double {a}, 0.0"));
            let size = this.intrinsic("fabs", a);
            let infinite = this.let_(format!("fcmp oeq double {size}, 0x7FF0000000000000"));
            let site = this.let_(format!(
                "select i1 {infinite}, i32 {}, i32 {}",
                sites[1], sites[2]
            ));
            let site = this.let_(format!("select i1 {nan}, i32 {}, i32 {site}", sites[0]));
            this.fail(&site, &Details::None);
        });
        self.let_(format!("fptosi double {a} to i64"))
    }

    fn math(&mut self, function: MathFunction, expr: &Expr, args: &[String]) -> String {
        let a = args[0].as_str();
        let b = args.get(1).map_or("0.0", String::as_str);
        let result = match function {
            MathFunction::Fabs => return self.intrinsic("fabs", a),
            MathFunction::Sqrt => self.intrinsic("sqrt", a),
            MathFunction::Copysign => {
                return self.let_(format!(
                    "call double @llvm.copysign.f64(double {a}, double {b})"
                ));
            }
            _ => {
                let list: Vec<String> = args.iter().map(|arg| format!("double {arg}")).collect();
                let attribute = if self.options.fastmath { "" } else { " #4" };
                self.let_(format!(
                    "call double @{}({}){attribute}",
                    function.name(),
                    list.join(", ")
                ))
            }
        };
        self.check_math(expr, &result, a, b);
        result
    }

    /// `math`'s rules: a NaN from what is none is a domain error; an infinity from what is finite is one
    /// too where the function has a pole there (Python then raises `ValueError`), else a range error.
    fn check_math(&mut self, expr: &Expr, result: &str, a: &str, b: &str) {
        if !self.is_open(expr.guards[0]) {
            return;
        }
        // Finite results are always good, and by far the most frequent ones.
        let size = self.intrinsic("fabs", result);
        let finite = self.let_(format!("fcmp olt double {size}, 0x7FF0000000000000"));
        let (domain, range) = (expr.guards[0].site, expr.guards[1].site);
        let Op::Math(function) = expr.op else {
            unreachable!("called for `math`");
        };
        let fine = self.label();
        self.unless(&finite, |this| {
            let nan = this.let_(format!("fcmp uno double {result}, 0.0"));
            let a_nan = this.let_(format!("fcmp uno double {a}, {b}"));
            let a_size = this.intrinsic("fabs", a);
            let b_size = this.intrinsic("fabs", b);
            let a_finite = this.let_(format!("fcmp olt double {a_size}, 0x7FF0000000000000"));
            let b_finite = this.let_(format!("fcmp olt double {b_size}, 0x7FF0000000000000"));
            let all_finite = this.let_(format!("and i1 {a_finite}, {b_finite}"));
            let invalid = this.let_(format!("xor i1 {a_nan}, true"));
            let invalid = this.let_(format!("and i1 {nan}, {invalid}"));
            let not_nan = this.let_(format!("xor i1 {nan}, true"));
            let infinite = this.let_(format!("and i1 {not_nan}, {all_finite}"));
            let bad = this.let_(format!("or i1 {invalid}, {infinite}"));
            let site = match function {
                MathFunction::Log
                | MathFunction::Log2
                | MathFunction::Log10
                | MathFunction::Log1p
                | MathFunction::Atanh => domain.to_string(),
                MathFunction::Pow => {
                    // A pole only at zero to a negative power.
                    let zero = this.let_(format!("fcmp oeq double {a}, 0.0"));
                    let pole = this.let_(format!("or i1 {zero}, {nan}"));
                    this.let_(format!("select i1 {pole}, i32 {domain}, i32 {range}"))
                }
                _ => this.let_(format!("select i1 {nan}, i32 {domain}, i32 {range}")),
            };
            let failed = this.label();
            this.branch(&bad, &failed, &fine);
            this.start(&failed);
            this.fail(&site, &Details::Floats(a, b));
        });
        self.jump(&fine);
        self.start(&fine);
    }
}

pub(super) fn comparison_name(comparison: Comparison, ty: Type) -> &'static str {
    match (ty, comparison) {
        (Type::Float, Comparison::Eq) => "oeq",
        (Type::Float, Comparison::Ne) => "une",
        (Type::Float, Comparison::Lt) => "olt",
        (Type::Float, Comparison::Le) => "ole",
        (Type::Float, Comparison::Gt) => "ogt",
        (Type::Float, Comparison::Ge) => "oge",
        (_, Comparison::Eq) => "eq",
        (_, Comparison::Ne) => "ne",
        (Type::Bool, Comparison::Lt) => "ult",
        (Type::Bool, Comparison::Le) => "ule",
        (Type::Bool, Comparison::Gt) => "ugt",
        (Type::Bool, Comparison::Ge) => "uge",
        (_, Comparison::Lt) => "slt",
        (_, Comparison::Le) => "sle",
        (_, Comparison::Gt) => "sgt",
        (_, Comparison::Ge) => "sge",
    }
}
