//! Floats.

use super::{Call, End};

/// The most digits after the point that make a difference, and the most zeros before it.
const DIGITS: std::ops::RangeInclusive<i64> = -308..=323;

/// `round(x, digits)`: the float nearest to the decimal number that is nearest to `x`, of two the even one, as
/// `CPython` has it (`double_round` in `floatobject.c`).
pub(super) fn round_float(call: &mut Call<'_>) -> End {
    let (x, digits) = (call.float(0), call.int(1));
    if !x.is_finite() || digits > *DIGITS.end() {
        return call.give_float(x);
    }
    if digits < *DIGITS.start() {
        return call.give_float(0.0 * x);
    }
    let rounded = if digits >= 0 {
        format!("{x:.0$}", digits as usize).parse().unwrap_or(x)
    } else {
        to_tens(x, digits.unsigned_abs() as usize)
    };
    if rounded.is_infinite() {
        return call.fail_float(0, x, digits);
    }
    call.give_float(rounded)
}

/// Rounds to a multiple of ten to the power of `zeros`, in decimal digits.
fn to_tens(x: f64, zeros: usize) -> f64 {
    let whole = format!("{:.0}", x.trunc().abs());
    let kept = whole.len().saturating_sub(zeros);
    let (head, tail) = whole.split_at(kept);
    // The first digit that goes says nearly all: digits before it that are not there are zeros.
    let first = if whole.len() < zeros {
        b'0'
    } else {
        tail.as_bytes()[0]
    };
    let exact = x.fract() == 0.0 && tail.bytes().skip(1).all(|digit| digit == b'0');
    let odd = head.as_bytes().last().is_some_and(|digit| digit % 2 == 1);
    let up = first > b'5' || (first == b'5' && (!exact || odd));
    let mut digits: Vec<u8> = [b"0", head.as_bytes()].concat();
    if up {
        let mut at = digits.len() - 1;
        while digits[at] == b'9' {
            digits[at] = b'0';
            at -= 1;
        }
        digits[at] += 1;
    }
    let digits: String = digits.into_iter().map(char::from).collect();
    let size: f64 = format!("{digits}e{zeros}").parse().unwrap_or(f64::NAN);
    size.copysign(x)
}

/// Mantissa, of at least a half and below one, and exponent.
pub(super) fn parts(x: f64) -> (f64, i64) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let exponent = |bits: u64| ((bits >> 52) & 0x7FF).cast_signed() - 1022;
    let bits = x.to_bits();
    let (bits, shift) = if x.is_subnormal() {
        ((x * 2_f64.powi(54)).to_bits(), 54)
    } else {
        (bits, 0)
    };
    let mantissa = f64::from_bits(bits & !(0x7FF << 52) | 1022 << 52);
    (mantissa, exponent(bits) - shift)
}

pub(super) fn frexp(call: &mut Call<'_>) -> End {
    let (mantissa, exponent) = parts(call.float(0));
    call.out[1] = exponent.cast_unsigned();
    call.give_float(mantissa)
}

/// Both parts have the number's sign.
pub(super) fn modf(call: &mut Call<'_>) -> End {
    let x = call.float(0);
    let (fraction, whole) = if x.is_infinite() {
        (0.0_f64.copysign(x), x)
    } else if x.is_nan() {
        (x, x)
    } else {
        ((x - x.trunc()).copysign(x), x.trunc())
    };
    call.out[1] = whole.to_bits();
    call.give_float(fraction)
}

/// `x * 2 ** exponent`, rounded once.
pub(super) fn scaled(x: f64, exponent: i64) -> f64 {
    let (mantissa, own) = parts(x);
    if mantissa == 0.0 || !mantissa.is_finite() {
        return x;
    }
    let all = own.saturating_add(exponent).clamp(-2000, 2000) as i32;
    // Powers of two within the normal floats; only the last product can round, or overflow.
    if all > -1021 {
        let half = all / 2;
        mantissa * 2_f64.powi(half) * 2_f64.powi(all - half)
    } else {
        mantissa * 2_f64.powi(-1000) * 2_f64.powi((all + 1000).max(-1022))
    }
}

pub(super) fn ldexp(call: &mut Call<'_>) -> End {
    let (x, exponent) = (call.float(0), call.int(1));
    let result = scaled(x, exponent);
    if result.is_infinite() && x.is_finite() {
        return call.fail_float(0, x, exponent);
    }
    call.give_float(result)
}

pub(super) fn next_after(call: &mut Call<'_>) -> End {
    let (x, y) = (call.float(0), call.float(1));
    let next = if x == y {
        y
    } else if x.is_nan() || y.is_nan() {
        x + y
    } else if y > x {
        x.next_up()
    } else {
        x.next_down()
    };
    call.give_float(next)
}

pub(super) fn ulp(call: &mut Call<'_>) -> End {
    let x = call.float(0).abs();
    if !x.is_finite() {
        return call.give_float(x);
    }
    let next = x.next_up();
    // The largest one has no next one: its distance to the one before is the same.
    call.give_float(if next.is_infinite() {
        x - x.next_down()
    } else {
        next - x
    })
}

/// The rest of a division by the nearest whole number, of two the even one.
pub(super) fn remainder(call: &mut Call<'_>) -> End {
    let (x, y) = (call.float(0), call.float(1));
    if x.is_nan() || y.is_nan() {
        return call.give_float(if x.is_nan() { x } else { y });
    }
    if x.is_infinite() || y == 0.0 {
        (call.out[2], call.out[3]) = (x.to_bits(), y.to_bits());
        return Err(0);
    }
    if y.is_infinite() {
        return call.give_float(x);
    }
    // `%` of floats is exact; so is what follows, as `CPython` shows where it does the same (`m_remainder`).
    let (size, divisor) = (x.abs(), y.abs());
    let rest = size % divisor;
    let other = divisor - rest;
    let rest = if rest < other {
        rest
    } else if rest > other {
        -other
    } else {
        rest - 2.0 * ((0.5 * (size - rest)) % divisor)
    };
    call.give_float(1.0_f64.copysign(x) * rest)
}

pub(super) fn is_close(call: &mut Call<'_>) -> End {
    let [a, b, relative, absolute] = [0, 1, 2, 3].map(|at| call.float(at));
    if relative < 0.0 || absolute < 0.0 {
        return Err(0);
    }
    let difference = (b - a).abs();
    let close = if a == b {
        true
    } else if a.is_infinite() || b.is_infinite() {
        false
    } else {
        difference <= (relative * b).abs()
            || difference <= (relative * a).abs()
            || difference <= absolute
    };
    call.give_int(i64::from(close))
}

pub(super) fn fma(call: &mut Call<'_>) -> End {
    let [x, y, z] = [0, 1, 2].map(|at| call.float(at));
    let result = x.mul_add(y, z);
    if result.is_finite() {
        return call.give_float(result);
    }
    let numbers = [x, y, z];
    if result.is_nan() && !numbers.iter().any(|one| one.is_nan()) {
        return Err(0);
    }
    if result.is_infinite() && numbers.iter().all(|one| one.is_finite()) {
        return Err(1);
    }
    call.give_float(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_parts_of_a_number_give_it_back(bits in any::<u64>()) {
            let x = f64::from_bits(bits);
            prop_assume!(x.is_finite() && x != 0.0);
            let (mantissa, exponent) = parts(x);
            prop_assert!((0.5..1.0).contains(&mantissa.abs()));
            prop_assert_eq!(scaled(mantissa, exponent), x);
        }

        #[test]
        fn tens_are_those_of_exact_ints(x in -(1_i64 << 53)..1 << 53, zeros in 1_usize..17) {
            let unit = 10_i64.pow(zeros as u32);
            let (quotient, rest) = (x.div_euclid(unit), x.rem_euclid(unit));
            let up = rest > unit / 2 || (rest == unit / 2 && quotient % 2 != 0);
            let exact = (i128::from(quotient) + i128::from(up)) * i128::from(unit);
            prop_assert_eq!(to_tens(x as f64, zeros), exact as f64);
        }
    }

    #[test]
    fn ties_that_a_fraction_breaks() {
        assert_eq!(to_tens(25.0, 1), 20.0);
        assert_eq!(to_tens(25.1, 1), 30.0);
        assert_eq!(to_tens(-4.9, 1), -0.0);
        assert_eq!(to_tens(50.0, 2), 0.0);
        assert_eq!(to_tens(50.5, 2), 100.0);
    }
}
