//! Powers, to the last bit as `CPython` has them.

use super::builder::{Builder, Details};
use crate::ir::{Expr, Op};

impl Builder<'_> {
    pub(super) fn int_power(&mut self, expr: &Expr, a: &str, b: &str) -> String {
        if self.is_open(expr.guards[0]) {
            let good = self.let_(format!("icmp sge i64 {b}, 0"));
            self.check(&good, expr.guards[0], &Details::None);
        }
        let pair = self.let_(format!("call {{ i64, i1 }} @ungil.ipow(i64 {a}, i64 {b})"));
        if self.is_open(expr.guards[1]) {
            let overflow = self.let_(format!("extractvalue {{ i64, i1 }} {pair}, 1"));
            let fits = self.let_(format!("xor i1 {overflow}, true"));
            self.check(&fits, expr.guards[1], &Details::None);
        }
        self.let_(format!("extractvalue {{ i64, i1 }} {pair}, 0"))
    }

    pub(super) fn float_power(&mut self, expr: &Expr, a: &str, b: &str) -> String {
        let [zero, complex, overflow] = expr.guards[..] else {
            unreachable!("a power has three guards");
        };
        let b_size = self.intrinsic("fabs", b);
        let b_finite = self.let_(format!("fcmp olt double {b_size}, 0x7FF0000000000000"));
        // A constant exponent leaves little of the following.
        let is_zero = self.let_(format!("fcmp oeq double {a}, 0.0"));
        let negative = self.let_(format!("fcmp olt double {b}, 0.0"));
        let pole = self.let_(format!("and i1 {is_zero}, {negative}"));
        let pole = self.let_(format!("and i1 {pole}, {b_finite}"));
        let fine = self.let_(format!("xor i1 {pole}, true"));
        self.check(&fine, zero, &Details::None);
        let a_size = self.intrinsic("fabs", a);
        let a_finite = self.let_(format!("fcmp olt double {a_size}, 0x7FF0000000000000"));
        let both_finite = self.let_(format!("and i1 {a_finite}, {b_finite}"));
        let below = self.let_(format!("fcmp olt double {a}, 0.0"));
        let floor = self.intrinsic("floor", b);
        let fraction = self.let_(format!("fcmp une double {b}, {floor}"));
        let bad = self.let_(format!("and i1 {below}, {fraction}"));
        let bad = self.let_(format!("and i1 {bad}, {both_finite}"));
        let real = self.let_(format!("xor i1 {bad}, true"));
        self.check(&real, complex, &Details::None);
        let attribute = if self.options.fastmath { "" } else { " #4" };
        let flags = self.flags();
        let result = self.let_(format!(
            "call{flags} double @pow(double {a}, double {b}){attribute}"
        ));
        let size = self.intrinsic("fabs", &result);
        let infinite = self.let_(format!("fcmp oeq double {size}, 0x7FF0000000000000"));
        let too_large = self.let_(format!("and i1 {infinite}, {both_finite}"));
        let fits = self.let_(format!("xor i1 {too_large}, true"));
        self.check(&fits, overflow, &Details::None);
        result
    }

    /// `x ** 2`: Python asks the C library's `pow`, whose result is `x * x` unless that lies so close to
    /// the middle of two floats that `pow`'s error decides. Its error (glibc's `e_pow.c` states 0.51 of
    /// the last place where the exponent is moderate, without it being a tie) is left 0.011 of room.
    pub(super) fn square(&mut self, expr: &Expr, a: &str) -> String {
        let product = self.float_operation("fmul", a, a);
        if self.options.fastmath {
            return product;
        }
        debug_assert_eq!(expr.op, Op::FSquare);
        let minus = self.let_(format!("fneg double {product}"));
        let error = self.let_(format!(
            "call double @llvm.fma.f64(double {a}, double {a}, double {minus})"
        ));
        let error = self.intrinsic("fabs", &error);
        let bits = self.let_(format!("bitcast double {product} to i64"));
        let exponent = self.let_(format!("and i64 {bits}, {}", 0x7FF0_0000_0000_0000_u64));
        let scale = self.let_(format!("bitcast i64 {exponent} to double"));
        // The last place is scale * 2**-52.
        let room = (0.489 * f64::EPSILON).to_bits();
        let limit = self.let_(format!("fmul double {scale}, 0x{room:016X}"));
        let clear = self.let_(format!("fcmp olt double {error}, {limit}"));
        let (low, high) = (1e-12_f64.to_bits(), 1e12_f64.to_bits());
        let above = self.let_(format!("fcmp ogt double {product}, 0x{low:016X}"));
        let below = self.let_(format!("fcmp olt double {product}, 0x{high:016X}"));
        let moderate = self.let_(format!("and i1 {above}, {below}"));
        let clear = self.let_(format!("and i1 {clear}, {moderate}"));
        let (quick, slow, after) = (self.label(), self.label(), self.label());
        self.push(format!(
            "br i1 {clear}, label %{quick}, label %{slow}, !prof !0"
        ));
        self.start(&slow);
        let power = self.let_(format!("call double @pow(double {a}, double 2.0) #4"));
        let size = self.intrinsic("fabs", &power);
        let infinite = self.let_(format!("fcmp oeq double {size}, 0x7FF0000000000000"));
        let a_size = self.intrinsic("fabs", a);
        let finite = self.let_(format!("fcmp olt double {a_size}, 0x7FF0000000000000"));
        let too_large = self.let_(format!("and i1 {infinite}, {finite}"));
        let fits = self.let_(format!("xor i1 {too_large}, true"));
        self.check(&fits, expr.guards[0], &Details::None);
        let slow_end = self.block.clone();
        self.jump(&after);
        self.start(&quick);
        self.jump(&after);
        self.start(&after);
        self.phi("double", &[(&product, &quick), (&power, &slow_end)])
    }
}
