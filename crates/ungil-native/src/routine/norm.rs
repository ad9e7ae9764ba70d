//! Euclid's norm, as `CPython`'s `math.hypot` and `math.dist` have it (`vector_norm` in `mathmodule.c`): squares and
//! sums without rounding errors, and a correction at the end. Python 3.12 has another way to square.

use super::{Call, End};

pub(super) fn norm(call: &mut Call<'_>) -> End {
    let minor = call.int(0);
    let mut sizes: Vec<f64> = (1..call.words.len())
        .map(|at| call.float(at).abs())
        .collect();
    let nan = sizes.iter().any(|size| size.is_nan());
    let largest = sizes
        .iter()
        .copied()
        .filter(|size| !size.is_nan())
        .fold(0.0, f64::max);
    let norm = if largest.is_infinite() {
        largest
    } else if nan {
        f64::NAN
    } else if largest == 0.0 || sizes.len() <= 1 {
        largest
    } else if minor < 12 {
        with_splitting(&sizes, largest)
    } else {
        with_fused_products(&mut sizes, largest)
    };
    call.give_float(norm)
}

/// The exponent of a number whose mantissa is below one.
fn exponent(value: f64) -> i32 {
    super::numbers::parts(value).1 as i32
}

/// 2 to the power of `exponent`, which is a normal float.
fn power_of_two(exponent: i32) -> f64 {
    super::numbers::scaled(1.0, i64::from(exponent))
}

/// A sum that begins with one, so that no term is larger, and what its roundings have lost.
struct Compensated {
    sum: f64,
    lost: [f64; 3],
}

impl Default for Compensated {
    fn default() -> Self {
        Self {
            sum: 1.0,
            lost: [0.0; 3],
        }
    }
}

impl Compensated {
    fn add(&mut self, at: usize, term: f64) {
        let before = self.sum;
        self.sum += term;
        self.lost[at] += (before - self.sum) + term;
    }

    /// Without the one.
    fn value(&self) -> f64 {
        self.sum - 1.0 + (self.lost[0] + self.lost[1] + self.lost[2])
    }
}

fn with_splitting(sizes: &[f64], largest: f64) -> f64 {
    const SPLIT: f64 = 134_217_729.0; // 2**27 + 1: T. J. Dekker's way to cut a float into halves
    let halves = |x: f64| {
        let shifted = x * SPLIT;
        let high = shifted - (shifted - x);
        (high, x - high)
    };
    let mut total = Compensated::default();
    let exponent = exponent(largest);
    if exponent < -1023 {
        for size in sizes {
            let part = size / largest;
            total.add(0, part * part);
        }
        return largest * total.value().sqrt();
    }
    let scale = power_of_two(-exponent);
    for size in sizes {
        let (high, low) = halves(size * scale);
        total.add(0, high * high);
        total.add(1, 2.0 * high * low);
        total.lost[2] += low * low;
    }
    let root = total.value().sqrt();
    let (high, low) = halves(root);
    total.add(0, -high * high);
    total.add(1, -2.0 * high * low);
    total.add(2, -low * low);
    (root + total.value() / (2.0 * root)) / scale
}

fn with_fused_products(sizes: &mut [f64], largest: f64) -> f64 {
    let exponent = exponent(largest);
    if exponent < -1023 {
        // Such small ones have fewer digits: they are made larger first.
        for size in &mut *sizes {
            *size /= f64::MIN_POSITIVE;
        }
        return f64::MIN_POSITIVE * with_fused_products(sizes, largest / f64::MIN_POSITIVE);
    }
    let product = |x: f64, y: f64| {
        let product = x * y;
        (product, x.mul_add(y, -product))
    };
    let scale = power_of_two(-exponent);
    let mut total = Compensated::default();
    let mut add = |x: f64, y: f64| {
        let (high, low) = product(x, y);
        total.lost[0] += low;
        total.add(1, high);
        total.value()
    };
    let mut squares = 0.0;
    for size in sizes.iter() {
        let size = size * scale;
        squares = add(size, size);
    }
    let root = squares.sqrt();
    let rest = add(-root, root);
    (root + rest / (2.0 * root)) / scale
}
