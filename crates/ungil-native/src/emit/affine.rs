//! Overflow of `a * x + b` with constants `a` and `b`: a question about `x` alone, and soon answered.

use super::builder::{Builder, Details};
use crate::ir::{Expr, Op};
use crate::types::Type;

/// `factor * x + offset`, and for which `x` neither it nor a part of it overflows.
#[derive(Clone, Copy)]
struct Affine<'e> {
    x: Option<&'e Expr>,
    factor: i128,
    offset: i128,
    least: i128,
    most: i128,
}

impl Affine<'_> {
    /// The same with the limits that its own value puts on `x`.
    fn limited(mut self) -> Option<Self> {
        let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
        for factor in [self.factor, self.offset] {
            if !(least..=most).contains(&factor) {
                return None;
            }
        }
        let (low, high) = (least - self.offset, most - self.offset);
        match self.factor {
            0 => {}
            1.. => {
                self.least = self.least.max(-(-low).div_euclid(self.factor));
                self.most = self.most.min(high.div_euclid(self.factor));
            }
            _ => {
                let size = -self.factor;
                self.least = self.least.max(-high.div_euclid(size));
                self.most = self.most.min((-low).div_euclid(size));
            }
        }
        (self.least <= self.most).then_some(self)
    }
}

fn affine(expr: &Expr) -> Option<Affine<'_>> {
    let whole = |x, factor, offset| Affine {
        x,
        factor,
        offset,
        least: i64::MIN.into(),
        most: i64::MAX.into(),
    };
    let (mut left, right) = match expr.op {
        Op::Int(value) => return Some(whole(None, 0, value.into())),
        Op::Neg => (whole(None, 0, 0), affine(&expr.args[0])?),
        Op::Add | Op::Sub | Op::Mul => (affine(&expr.args[0])?, affine(&expr.args[1])?),
        _ if expr.ty == Type::Int => return Some(whole(Some(expr), 1, 0)),
        _ => return None,
    };
    if let (Some(one), Some(other)) = (left.x, right.x) {
        let slot = matches!(one.op, Op::Slot(_)) && one.op == other.op;
        if !slot {
            return None;
        }
    }
    (left.factor, left.offset) = match expr.op {
        Op::Add => (left.factor + right.factor, left.offset + right.offset),
        Op::Mul if left.factor == 0 || right.factor == 0 => (
            left.factor * right.offset + right.factor * left.offset,
            left.offset * right.offset,
        ),
        Op::Mul => return None,
        _ => (left.factor - right.factor, left.offset - right.offset),
    };
    left.x = left.x.or(right.x);
    left.least = left.least.max(right.least);
    left.most = left.most.min(right.most);
    left.limited()
}

impl Builder<'_> {
    /// The value of such an expression, if it is to be checked, and is not checked faster by its flags.
    pub(super) fn affine_value(&mut self, expr: &Expr) -> Option<String> {
        let by_flags = self.as_written || self.options.wrap;
        if by_flags || !self.is_checked(expr, self.frames.is_empty()) {
            return None;
        }
        let form = affine(expr)?;
        let known = form.x?.range;
        let x = self.scalar(form.x?);
        let mut sides = Vec::new();
        if form.least > known.0.into() {
            sides.push(self.let_(format!("icmp sge i64 {x}, {}", form.least)));
        }
        if form.most < known.1.into() {
            sides.push(self.let_(format!("icmp sle i64 {x}, {}", form.most)));
        }
        let fits = sides
            .into_iter()
            .reduce(|one, other| self.let_(format!("and i1 {one}, {other}")));
        if self.independent.is_some() && self.frames.is_empty() {
            if let Some(fits) = fits {
                self.check_later(&fits, expr.guards[0], &Details::None);
            }
        } else {
            self.unless_fits(fits, |this| {
                this.scalar(expr);
            });
        }
        if form.factor == 1 {
            return Some(self.let_(format!("add nsw i64 {x}, {}", form.offset)));
        }
        let product = self.let_(format!("mul i64 {x}, {}", form.factor));
        Some(self.let_(format!("add i64 {product}, {}", form.offset)))
    }

    /// Whether there is a check in it: outside of frames, sums are checked best as they are.
    fn is_checked(&self, expr: &Expr, products_only: bool) -> bool {
        let mut found = false;
        expr.walk(&mut |inner| {
            let counts = inner.op == Op::Mul || !products_only;
            found |= counts && inner.guards.iter().any(|guard| self.is_open(*guard));
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Type;
    use proptest::prelude::*;

    fn expression() -> impl Strategy<Value = Expr> {
        let constant = prop_oneof![-9_i64..9, any::<i64>()];
        let leaf = prop_oneof![
            constant.prop_map(Expr::int),
            Just(Expr::slot(0, Type::Int)),
            Just(Expr::slot(0, Type::Int)),
        ];
        leaf.prop_recursive(3, 12, 2, |inner| {
            (0..4, inner.clone(), inner).prop_map(|(which, left, right)| {
                let (op, args) = match which {
                    0 => (Op::Add, vec![left, right]),
                    1 => (Op::Sub, vec![left, right]),
                    2 => (Op::Mul, vec![left, right]),
                    _ => (Op::Neg, vec![left]),
                };
                Expr::new(op, args, Type::Int)
            })
        })
    }

    fn value(expr: &Expr, x: i64) -> Option<i64> {
        let arg = |at: usize| value(&expr.args[at], x);
        match expr.op {
            Op::Int(value) => Some(value),
            Op::Slot(_) => Some(x),
            Op::Neg => arg(0)?.checked_neg(),
            Op::Add => arg(0)?.checked_add(arg(1)?),
            Op::Sub => arg(0)?.checked_sub(arg(1)?),
            _ => arg(0)?.checked_mul(arg(1)?),
        }
    }

    proptest! {
        #[test]
        fn the_limits_are_exact(expr in expression(), any in any::<i64>(), near in -3_i128..3, upper: bool) {
            let Some(form) = affine(&expr) else { return Ok(()) };
            let edge = near + if upper { form.most } else { form.least };
            for x in [Some(any), i64::try_from(edge).ok()].into_iter().flatten() {
                let found = value(&expr, x);
                let inside = (form.least..=form.most).contains(&x.into());
                prop_assert_eq!(found.is_some(), inside);
                if let Some(found) = found {
                    prop_assert_eq!(i128::from(found), form.factor * i128::from(x) + form.offset);
                }
            }
        }
    }
}
