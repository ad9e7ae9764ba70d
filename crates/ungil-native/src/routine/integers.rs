//! Ints: exact, or the guard of the overflow.

use super::{Call, End};

/// Rounds to a power of ten, ties to the even multiple.
pub(super) fn round(call: &mut Call<'_>) -> End {
    let (value, digits) = (call.int(0), call.int(1));
    if digits >= 0 {
        return call.give_int(value);
    }
    let Some(unit) = u32::try_from(digits.unsigned_abs())
        .ok()
        .and_then(|power| 10_i128.checked_pow(power))
    else {
        return call.give_int(0);
    };
    let value = i128::from(value);
    let (quotient, rest) = (value.div_euclid(unit), value.rem_euclid(unit));
    let up = rest > unit / 2 || (rest == unit / 2 && quotient % 2 != 0);
    let rounded = (quotient + i128::from(up)) * unit;
    call.give_fitting(i64::try_from(rounded).ok(), 0)
}

/// The result has the sign of the modulus.
pub(super) fn power_modulo(call: &mut Call<'_>) -> End {
    let (base, exponent, modulus) = (call.int(0), call.int(1), call.int(2));
    if modulus == 0 {
        return Err(0);
    }
    let size = u128::from(modulus.unsigned_abs());
    let mut base = i128::from(base)
        .rem_euclid(size.cast_signed())
        .cast_unsigned();
    if size == 1 {
        return call.give_int(0);
    }
    if exponent < 0 {
        base = match inverse(base, size) {
            Some(inverse) => inverse,
            None => return Err(1),
        };
    }
    let mut left = exponent.unsigned_abs();
    let mut result = 1;
    while left > 0 {
        if left & 1 == 1 {
            result = result * base % size;
        }
        base = base * base % size;
        left >>= 1;
    }
    let mut result = result.cast_signed();
    if modulus < 0 && result != 0 {
        result -= size.cast_signed();
    }
    call.give_int(result as i64)
}

/// By Euclid's extended algorithm.
fn inverse(value: u128, modulus: u128) -> Option<u128> {
    let modulus = modulus.cast_signed();
    let (mut r, mut next_r) = (modulus, value.cast_signed());
    let (mut t, mut next_t) = (0_i128, 1_i128);
    while next_r != 0 {
        let quotient = r / next_r;
        (r, next_r) = (next_r, r - quotient * next_r);
        (t, next_t) = (next_t, t - quotient * next_t);
    }
    (r == 1).then(|| t.rem_euclid(modulus).cast_unsigned())
}

pub(super) fn in_range(call: &mut Call<'_>) -> End {
    let [value, start, stop, step] = [0, 1, 2, 3].map(|at| i128::from(call.int(at)));
    if step == 0 {
        return Err(0);
    }
    let within = if step > 0 {
        (start..stop).contains(&value)
    } else {
        stop < value && value <= start
    };
    call.give_int(i64::from(within && (value - start) % step == 0))
}

pub(super) fn rounds(call: &mut Call<'_>) -> End {
    let [start, stop, step] = [0, 1, 2].map(|at| i128::from(call.int(at)));
    if step == 0 {
        return Err(0);
    }
    let distance = if step > 0 { stop - start } else { start - stop }.max(0);
    if i64::try_from(distance).is_err() {
        return Err(1);
    }
    let size = step.abs();
    call.give_int(((distance + size - 1) / size) as i64)
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

pub(super) fn gcd(call: &mut Call<'_>) -> End {
    let divisor = call
        .ints()
        .fold(0, |all, one| common_divisor(all, one.unsigned_abs()));
    call.give_fitting(i64::try_from(divisor).ok(), 0)
}

pub(super) fn lcm(call: &mut Call<'_>) -> End {
    if call.ints().any(|one| one == 0) {
        return call.give_int(0);
    }
    let multiple = call.ints().try_fold(1_u64, |all, one| {
        let one = one.unsigned_abs();
        (all / common_divisor(all, one)).checked_mul(one)
    });
    call.give_fitting(multiple.and_then(|one| i64::try_from(one).ok()), 0)
}

pub(super) fn comb(call: &mut Call<'_>) -> End {
    let (n, k) = (call.int(0), call.int(1));
    if n < 0 || k < 0 {
        return call.fail_ints(0, n, k);
    }
    if k > n {
        return call.give_int(0);
    }
    let k = k.min(n - k);
    let mut found = 1_i128;
    for at in 0..k {
        // Each is a binomial coefficient, and larger than the one before.
        found = found * i128::from(n - at) / i128::from(at + 1);
        if i64::try_from(found).is_err() {
            return Err(1);
        }
    }
    call.give_int(found as i64)
}

pub(super) fn perm(call: &mut Call<'_>) -> End {
    let (n, k) = (call.int(0), call.int(1));
    if n < 0 || k < 0 {
        return call.fail_ints(0, n, k);
    }
    if k > n {
        return call.give_int(0);
    }
    let found = (0..k).try_fold(1_i64, |all, at| all.checked_mul(n - at));
    call.give_fitting(found, 1)
}

pub(super) fn factorial(call: &mut Call<'_>) -> End {
    let n = call.int(0);
    if n < 0 {
        return call.fail_ints(0, n, 0);
    }
    let found = (1..=n).try_fold(1_i64, i64::checked_mul);
    call.give_fitting(found, 1)
}

pub(super) fn isqrt(call: &mut Call<'_>) -> End {
    let n = call.int(0);
    if n < 0 {
        return call.fail_ints(0, n, 0);
    }
    call.give_int(n.isqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn called(routine: fn(&mut Call<'_>) -> End, ints: &[i64]) -> Result<i64, usize> {
        let words: Vec<u64> = ints.iter().map(|one| one.cast_unsigned()).collect();
        let mut out = [0; 4];
        routine(&mut Call {
            words: &words,
            out: &mut out,
        })
        .map(|()| out[0].cast_signed())
    }

    proptest! {
        #[test]
        fn an_inverse_is_one(a in any::<i64>(), m in any::<i64>()) {
            prop_assume!(m != 0);
            match called(power_modulo, &[a, -1, m]) {
                Ok(inverse) => {
                    let (product, m) = (i128::from(a) * i128::from(inverse), i128::from(m));
                    prop_assert_eq!((product - 1) % m, 0);
                }
                Err(guard) => {
                    prop_assert_eq!(guard, 1);
                    prop_assert!(common_divisor(a.unsigned_abs(), m.unsigned_abs()) > 1);
                }
            }
        }

        #[test]
        fn a_rounded_int_is_a_multiple_and_near(value in any::<i64>(), digits in -19_i64..0) {
            let unit = 10_i128.pow(digits.unsigned_abs() as u32);
            if let Ok(rounded) = called(round, &[value, digits]) {
                let rounded = i128::from(rounded);
                prop_assert_eq!(rounded % unit, 0);
                prop_assert!(2 * (rounded - i128::from(value)).abs() <= unit);
            }
        }
    }

    #[test]
    fn ties_go_to_the_even_multiple() {
        let rounded: Vec<_> = [5, 15, 25, -5, -15, -25, 26]
            .into_iter()
            .map(|value| called(round, &[value, -1]))
            .collect();
        assert_eq!(rounded, [0, 20, 20, 0, -20, -20, 30].map(Ok));
        assert_eq!(called(round, &[i64::MAX, -1]), Err(0));
    }

    #[test]
    fn the_largest_that_fit() {
        assert_eq!(called(factorial, &[20]), Ok(2_432_902_008_176_640_000));
        assert_eq!(called(factorial, &[21]), Err(1));
        assert_eq!(called(comb, &[66, 33]), Ok(7_219_428_434_016_265_740));
        assert_eq!(called(comb, &[i64::MAX, i64::MAX - 1]), Ok(i64::MAX));
        assert_eq!(called(gcd, &[i64::MIN, 0]), Err(0));
        assert_eq!(called(lcm, &[i64::MIN, 0]), Ok(0));
    }
}
