//! Arithmetic of ints, which is checked, and of floats.

use super::builder::{Builder, Details};
use super::llvm;
use crate::ir::{Expr, Guard, Op};

impl Builder<'_> {
    pub(super) fn arithmetic(&mut self, expr: &Expr, args: &[String]) -> String {
        let a = args[0].as_str();
        let b = args.get(1).map_or("", String::as_str);
        match expr.op {
            Op::Add => self.overflowing("add", a, b, expr.guards[0]),
            Op::Sub => self.overflowing("sub", a, b, expr.guards[0]),
            Op::Mul => self.overflowing("mul", a, b, expr.guards[0]),
            Op::Neg => self.overflowing("sub", "0", a, expr.guards[0]),
            Op::Abs => self.absolute(a, expr.guards[0]),
            Op::FloorDiv => self.floor_divide(expr, a, b),
            Op::Mod => self.modulo(expr, a, b),
            Op::TrueDiv => self.true_divide(expr, a, b),
            Op::Pow => self.int_power(expr, a, b),
            Op::Shl => self.shift_left(expr, a, b),
            Op::Shr => {
                self.check_shift(expr.guards[0], b);
                let count = self.let_(format!("call i64 @llvm.umin.i64(i64 {b}, i64 63)"));
                self.let_(format!("ashr i64 {a}, {count}"))
            }
            Op::BitAnd => self.let_(format!("and {} {a}, {b}", llvm(expr.ty))),
            Op::BitOr => self.let_(format!("or {} {a}, {b}", llvm(expr.ty))),
            Op::BitXor => self.let_(format!("xor {} {a}, {b}", llvm(expr.ty))),
            Op::Invert => self.let_(format!("xor i64 {a}, -1")),
            Op::FAdd => self.float_operation("fadd", a, b),
            Op::FSub => self.float_operation("fsub", a, b),
            Op::FMul => self.float_operation("fmul", a, b),
            Op::FDiv => {
                self.check_float_zero(expr, b);
                self.float_operation("fdiv", a, b)
            }
            Op::FFloorDiv => {
                self.check_float_zero(expr, b);
                self.let_(format!(
                    "call double @ungil.ffloordiv(double {a}, double {b})"
                ))
            }
            Op::FMod => {
                self.check_float_zero(expr, b);
                self.let_(format!("call double @ungil.fmod(double {a}, double {b})"))
            }
            ref other => unreachable!("{other:?} is not arithmetic"),
        }
    }

    pub(super) fn float_operation(&mut self, name: &str, a: &str, b: &str) -> String {
        let flags = self.flags();
        self.let_(format!("{name}{flags} double {a}, {b}"))
    }

    fn check_float_zero(&mut self, expr: &Expr, b: &str) {
        if self.is_open(expr.guards[0]) {
            let some = self.let_(format!("fcmp une double {b}, 0.0"));
            self.check(&some, expr.guards[0], &Details::None);
        }
    }

    fn overflowing(&mut self, name: &str, a: &str, b: &str, guard: Guard) -> String {
        if !self.is_open(guard) {
            let flags = if self.options.wrap { "" } else { " nsw" };
            return self.let_(format!("{name}{flags} i64 {a}, {b}"));
        }
        let (value, overflow) = if self.independent.is_some() && name != "mul" {
            self.overflow_of_sum(name, a, b)
        } else {
            self.overflow(name, a, b)
        };
        let fits = self.let_(format!("xor i1 {overflow}, true"));
        self.check_later(&fits, guard, &Details::None);
        value
    }

    /// The value as it wraps around, and whether it does.
    pub(super) fn overflow(&mut self, name: &str, a: &str, b: &str) -> (String, String) {
        let pair = self.let_(format!(
            "call {{ i64, i1 }} @llvm.s{name}.with.overflow.i64(i64 {a}, i64 {b})"
        ));
        let overflow = self.let_(format!("extractvalue {{ i64, i1 }} {pair}, 1"));
        let value = self.let_(format!("extractvalue {{ i64, i1 }} {pair}, 0"));
        (value, overflow)
    }

    fn absolute(&mut self, a: &str, guard: Guard) -> String {
        if self.is_open(guard) {
            let fits = self.let_(format!("icmp ne i64 {a}, {}", i64::MIN));
            self.check_later(&fits, guard, &Details::None);
        }
        self.let_(format!("call i64 @llvm.abs.i64(i64 {a}, i1 false)"))
    }

    fn check_zero(&mut self, guard: Guard, b: &str) {
        if self.is_open(guard) {
            let some = self.let_(format!("icmp ne i64 {b}, 0"));
            self.check(&some, guard, &Details::None);
        }
    }

    fn floor_divide(&mut self, expr: &Expr, a: &str, b: &str) -> String {
        self.check_zero(expr.guards[0], b);
        if let Some(bits) = power_of_two(&expr.args[1]) {
            return self.let_(format!("ashr i64 {a}, {bits}"));
        }
        if expr.plain {
            return self.let_(format!("udiv i64 {a}, {b}"));
        }
        let mut divisor = b.to_owned();
        let minus_one = self.let_(format!("icmp eq i64 {b}, -1"));
        let least = self.let_(format!("icmp eq i64 {a}, {}", i64::MIN));
        let overflow = self.let_(format!("and i1 {minus_one}, {least}"));
        if self.is_open(expr.guards[1]) {
            let fits = self.let_(format!("xor i1 {overflow}, true"));
            self.check(&fits, expr.guards[1], &Details::None);
        } else if self.options.wrap {
            // The quotient wraps around to the dividend: as if divided by one.
            divisor = self.let_(format!("select i1 {overflow}, i64 1, i64 {b}"));
        }
        let quotient = self.let_(format!("sdiv i64 {a}, {divisor}"));
        let rest = self.let_(format!("srem i64 {a}, {divisor}"));
        let some = self.let_(format!("icmp ne i64 {rest}, 0"));
        let signs = self.let_(format!("xor i64 {rest}, {divisor}"));
        let differ = self.let_(format!("icmp slt i64 {signs}, 0"));
        let down = self.let_(format!("and i1 {some}, {differ}"));
        let one = self.let_(format!("sext i1 {down} to i64"));
        self.let_(format!("add i64 {quotient}, {one}"))
    }

    fn modulo(&mut self, expr: &Expr, a: &str, b: &str) -> String {
        self.check_zero(expr.guards[0], b);
        if let Some(bits) = power_of_two(&expr.args[1]) {
            let mask = (1_i64 << bits) - 1;
            return self.let_(format!("and i64 {a}, {mask}"));
        }
        if expr.plain {
            return self.let_(format!("urem i64 {a}, {b}"));
        }
        // The remainder by -1 is 0, but the processor fails on it for the least int.
        let minus_one = self.let_(format!("icmp eq i64 {b}, -1"));
        let divisor = self.let_(format!("select i1 {minus_one}, i64 1, i64 {b}"));
        let rest = self.let_(format!("srem i64 {a}, {divisor}"));
        let some = self.let_(format!("icmp ne i64 {rest}, 0"));
        let signs = self.let_(format!("xor i64 {rest}, {b}"));
        let differ = self.let_(format!("icmp slt i64 {signs}, 0"));
        let up = self.let_(format!("and i1 {some}, {differ}"));
        let moved = self.let_(format!("add i64 {rest}, {b}"));
        self.let_(format!("select i1 {up}, i64 {moved}, i64 {rest}"))
    }

    /// Ints of up to 53 bits are divided as floats; others need a closer look to round once only.
    fn true_divide(&mut self, expr: &Expr, a: &str, b: &str) -> String {
        self.check_zero(expr.guards[0], b);
        let float = |this: &mut Self| {
            let x = this.let_(format!("sitofp i64 {a} to double"));
            let y = this.let_(format!("sitofp i64 {b} to double"));
            this.float_operation("fdiv", &x, &y)
        };
        if expr.plain {
            return float(self);
        }
        let mut small = Vec::new();
        for value in [a, b] {
            let moved = self.let_(format!("add i64 {value}, {}", 1_i64 << 53));
            small.push(self.let_(format!("icmp ule i64 {moved}, {}", 1_i64 << 54)));
        }
        let easy = self.let_(format!("and i1 {}, {}", small[0], small[1]));
        let (simple, hard, after) = (self.label(), self.label(), self.label());
        self.push(format!(
            "br i1 {easy}, label %{simple}, label %{hard}, !prof !0"
        ));
        self.start(&simple);
        let quick = float(self);
        self.jump(&after);
        self.start(&hard);
        let slow = self.let_(format!("call double @ungil_divide_ints(i64 {a}, i64 {b})"));
        self.jump(&after);
        self.start(&after);
        self.phi("double", &[(&quick, &simple), (&slow, &hard)])
    }

    fn check_shift(&mut self, guard: Guard, b: &str) {
        if self.is_open(guard) {
            let good = self.let_(format!("icmp sge i64 {b}, 0"));
            self.check(&good, guard, &Details::None);
        }
    }

    fn shift_left(&mut self, expr: &Expr, a: &str, b: &str) -> String {
        self.check_shift(expr.guards[0], b);
        let count = self.let_(format!("call i64 @llvm.umin.i64(i64 {b}, i64 63)"));
        let shifted = self.let_(format!("shl i64 {a}, {count}"));
        let far = self.let_(format!("icmp ugt i64 {b}, 63"));
        if self.is_open(expr.guards[1]) {
            let back = self.let_(format!("ashr i64 {shifted}, {count}"));
            let same = self.let_(format!("icmp eq i64 {back}, {a}"));
            let near = self.let_(format!("xor i1 {far}, true"));
            let fits = self.let_(format!("and i1 {same}, {near}"));
            let nothing = self.let_(format!("icmp eq i64 {a}, 0"));
            let fits = self.let_(format!("or i1 {fits}, {nothing}"));
            self.check(&fits, expr.guards[1], &Details::None);
        }
        self.let_(format!("select i1 {far}, i64 0, i64 {shifted}"))
    }
}

/// The exponent of a constant power of two.
fn power_of_two(expr: &Expr) -> Option<u32> {
    match expr.op {
        Op::Int(value) if value > 0 && value.count_ones() == 1 => Some(value.trailing_zeros()),
        _ => None,
    }
}
