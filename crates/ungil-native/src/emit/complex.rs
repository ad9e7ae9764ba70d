//! Complex numbers: two floats each.

use super::builder::{Builder, Details};
use super::value::Value;
use crate::ir::{ComplexOp, Expr};
use crate::types::Element;

const INFINITY: &str = "0x7FF0000000000000";

impl Builder<'_> {
    pub(super) fn complex_operation(&mut self, operation: ComplexOp, expr: &Expr) -> Value {
        let args: Vec<String> = expr
            .args
            .iter()
            .flat_map(|arg| self.value(arg).flat())
            .collect();
        match operation {
            ComplexOp::Make => pair(&args[0], &args[1]),
            ComplexOp::Recovered => self.recovered(&args),
            ComplexOp::Quotient { annex } => {
                self.check_divisor(expr, &args[2..4]);
                let list = doubles(&args);
                self.two_floats(
                    "ungil_complex_quotient",
                    &format!("{list}, i64 {}", i64::from(annex)),
                )
            }
            ComplexOp::RealQuotient => {
                self.check_divisor(expr, &args[1..3]);
                self.two_floats("ungil_complex_real_quotient", &doubles(&args))
            }
            ComplexOp::QuotientByReal => {
                self.check_divisor(expr, &args[2..]);
                let parts = [0, 1].map(|at| self.float_operation("fdiv", &args[at], &args[2]));
                pair(&parts[0], &parts[1])
            }
            ComplexOp::Abs => Value::Scalar(self.complex_abs(expr, &args)),
            ComplexOp::Finite => {
                for part in &args {
                    let size = self.intrinsic("fabs", part);
                    let fine = self.let_(format!("fcmp une double {size}, {INFINITY}"));
                    self.check(&fine, expr.guards[0], &Details::None);
                }
                pair(&args[0], &args[1])
            }
        }
    }

    fn check_divisor(&mut self, expr: &Expr, divisor: &[String]) {
        let some: Vec<String> = divisor
            .iter()
            .map(|part| self.let_(format!("fcmp une double {part}, 0.0")))
            .collect();
        let some = match &some[..] {
            [one] => one.clone(),
            both => self.let_(format!("or i1 {}, {}", both[0], both[1])),
        };
        self.check(&some, expr.guards[0], &Details::None);
    }

    /// A call of a function that writes two floats.
    fn two_floats(&mut self, function: &str, arguments: &str) -> Value {
        let out = self.alloca("[2 x double]");
        self.push(format!("call void @{function}({arguments}, ptr {out})"));
        let re = self.let_(format!("load double, ptr {out}"));
        let second = self.let_(format!("getelementptr inbounds double, ptr {out}, i64 1"));
        let im = self.let_(format!("load double, ptr {second}"));
        pair(&re, &im)
    }

    /// A product, looked at again where both of its parts are NaNs.
    fn recovered(&mut self, args: &[String]) -> Value {
        let nans = [0, 1].map(|at| self.let_(format!("fcmp uno double {}, 0.0", args[at])));
        let both = self.let_(format!("and i1 {}, {}", nans[0], nans[1]));
        let fine = self.let_(format!("xor i1 {both}, true"));
        let after = self.label();
        let mut other = (Vec::new(), String::new());
        self.unless(&fine, |this| {
            let again = this.two_floats("ungil_complex_product_of_nans", &doubles(&args[2..]));
            other = (again.flat(), this.block.clone());
            this.jump(&after);
        });
        let here = self.block.clone();
        self.jump(&after);
        self.start(&after);
        let parts =
            [0, 1].map(|at| self.phi("double", &[(&args[at], &here), (&other.0[at], &other.1)]));
        pair(&parts[0], &parts[1])
    }

    fn complex_abs(&mut self, expr: &Expr, parts: &[String]) -> String {
        let result = self.let_(format!("call double @hypot({}) #4", doubles(parts)));
        let infinite = self.let_(format!("fcmp oeq double {result}, {INFINITY}"));
        let finite: Vec<String> = parts
            .iter()
            .map(|part| {
                let size = self.intrinsic("fabs", part);
                self.let_(format!("fcmp olt double {size}, {INFINITY}"))
            })
            .collect();
        let both = self.let_(format!("and i1 {}, {}", finite[0], finite[1]));
        let beyond = self.let_(format!("and i1 {infinite}, {both}"));
        let fits = self.let_(format!("xor i1 {beyond}, true"));
        self.check(&fits, expr.guards[0], &Details::None);
        result
    }
}

impl Builder<'_> {
    /// An element of an array.
    pub(super) fn load_complex(&mut self, expr: &Expr) -> Value {
        let (address, ty) = self.place_of_load(expr);
        let marks = self.scope(&expr.args[0]).to_owned();
        let small = ty.element == Element::Complex64;
        let parts = [0, 1].map(|part| {
            let place = self.part_place(small, &address, part);
            if small {
                let raw = self.let_(format!("load float, ptr {place}, align 1{marks}"));
                self.let_(format!("fpext float {raw} to double"))
            } else {
                self.let_(format!("load double, ptr {place}, align 1{marks}"))
            }
        });
        pair(&parts[0], &parts[1])
    }

    /// Writes the two parts to memory, `marks` behind each instruction.
    pub(super) fn store_complex(
        &mut self,
        element: Element,
        parts: &[String],
        address: &str,
        marks: &str,
    ) {
        let small = element == Element::Complex64;
        for (at, part) in parts.iter().enumerate() {
            let place = self.part_place(small, address, at);
            if small {
                let short = self.let_(format!("fptrunc double {part} to float"));
                self.push(format!("store float {short}, ptr {place}, align 1{marks}"));
            } else {
                self.push(format!("store double {part}, ptr {place}, align 1{marks}"));
            }
        }
    }

    fn part_place(&mut self, small: bool, address: &str, part: usize) -> String {
        if part == 0 {
            return address.to_owned();
        }
        let ty = if small { "float" } else { "double" };
        self.let_(format!(
            "getelementptr inbounds {ty}, ptr {address}, i64 {part}"
        ))
    }
}

pub(super) fn pair(re: &str, im: &str) -> Value {
    Value::Tuple(vec![
        Value::Scalar(re.to_owned()),
        Value::Scalar(im.to_owned()),
    ])
}

fn doubles(registers: &[String]) -> String {
    let list: Vec<String> = registers
        .iter()
        .map(|one| format!("double {one}"))
        .collect();
    list.join(", ")
}
