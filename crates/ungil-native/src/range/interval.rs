//! Intervals of ints.

/// The ints from `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) low: i64,
    pub(super) high: i64,
}

/// Bounds that a growing interval stops at before it gives up.
const LANDMARKS: [i64; 5] = [-1, 0, 1, 1 << 31, 1 << 48];

impl Interval {
    pub(super) const ALL: Self = Self {
        low: i64::MIN,
        high: i64::MAX,
    };

    pub(super) fn new(low: i64, high: i64) -> Self {
        Self { low, high }
    }

    pub(super) fn exactly(value: i64) -> Self {
        Self::new(value, value)
    }

    pub(super) fn contains(self, value: i64) -> bool {
        self.low <= value && value <= self.high
    }

    pub(super) fn is_within(self, other: Self) -> bool {
        other.low <= self.low && self.high <= other.high
    }

    /// Whether a float has every int of it.
    pub(super) fn is_exact_as_float(self) -> bool {
        self.is_within(Self::new(-(1 << 53), 1 << 53))
    }

    pub(super) fn join(self, other: Self) -> Self {
        Self::new(self.low.min(other.low), self.high.max(other.high))
    }

    /// What is in both; where nothing is, the way cannot be taken, and anything is right.
    pub(super) fn meet(self, other: Self) -> Self {
        let met = Self::new(self.low.max(other.low), self.high.min(other.high));
        if met.low > met.high { self } else { met }
    }

    /// A bound that has moved goes on to the next landmark, so that loops come to an end.
    pub(super) fn widen(self, next: Self) -> Self {
        let low = if next.low < self.low {
            let mark = LANDMARKS.iter().rev().find(|&&mark| mark <= next.low);
            mark.copied().unwrap_or(i64::MIN)
        } else {
            self.low
        };
        let high = if next.high > self.high {
            let mark = LANDMARKS.iter().find(|&&mark| mark >= next.high);
            mark.copied().unwrap_or(i64::MAX)
        } else {
            self.high
        };
        Self::new(low, high)
    }

    fn ends(self) -> [i128; 2] {
        [i128::from(self.low), i128::from(self.high)]
    }

    /// The hull of an operation that is monotonic in each argument; `None` if an end is no 64-bit int.
    fn hull(self, other: Self, operation: impl Fn(i128, i128) -> Option<i128>) -> (Self, bool) {
        let mut low = i128::MAX;
        let mut high = i128::MIN;
        for a in self.ends() {
            for b in other.ends() {
                let Some(value) = operation(a, b) else {
                    return (Self::ALL, false);
                };
                low = low.min(value);
                high = high.max(value);
            }
        }
        let clip = |value: i128| value.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        let fits = low >= i64::MIN.into() && high <= i64::MAX.into();
        (Self::new(clip(low), clip(high)), fits)
    }

    /// The sums, clipped to 64 bits, and whether all of them fit.
    pub(super) fn add(self, other: Self) -> (Self, bool) {
        self.hull(other, |a, b| Some(a + b))
    }

    pub(super) fn sub(self, other: Self) -> (Self, bool) {
        self.hull(other, |a, b| Some(a - b))
    }

    pub(super) fn mul(self, other: Self) -> (Self, bool) {
        self.hull(other, a_times_b)
    }

    pub(super) fn shl(self, count: Self) -> (Self, bool) {
        if count.low < 0 || count.high > 63 {
            return (Self::ALL, false);
        }
        self.hull(count, |a, b| a.checked_shl(b as u32).filter(|_| b < 64))
    }

    pub(super) fn shr(self, count: Self) -> Self {
        let count = Self::new(count.low.clamp(0, 63), count.high.clamp(0, 63));
        self.hull(count, |a, b| Some(a >> b)).0
    }

    /// Quotients rounded down.
    pub(super) fn floor_div(self, divisor: Self) -> Self {
        if divisor.low >= 0 {
            // Zero is an error before anything is divided.
            let divisor = Self::new(divisor.low.max(1), divisor.high.max(1));
            return self.hull(divisor, |a, b| Some(a.div_euclid(b))).0;
        }
        Self::ALL
    }

    /// Remainders with the divisor's sign.
    pub(super) fn modulo(self, divisor: Self) -> Self {
        if divisor.low >= 0 {
            let largest = (divisor.high.max(1)) - 1;
            if self.low >= 0 {
                return Self::new(0, largest.min(self.high));
            }
            return Self::new(0, largest);
        }
        if divisor.high <= 0 {
            return Self::new(divisor.low.saturating_add(1).min(0), 0);
        }
        Self::new(
            divisor.low.saturating_add(1),
            divisor.high.saturating_sub(1),
        )
    }

    pub(super) fn bit_and(self, other: Self) -> Self {
        match (self.low >= 0, other.low >= 0) {
            (true, true) => Self::new(0, self.high.min(other.high)),
            (true, false) => Self::new(0, self.high),
            (false, true) => Self::new(0, other.high),
            (false, false) => Self::ALL,
        }
    }

    /// Of `|` and `^`.
    pub(super) fn bit_or(self, other: Self) -> Self {
        if self.low < 0 || other.low < 0 {
            return Self::ALL;
        }
        let bits = 64 - (self.high | other.high).leading_zeros();
        Self::new(0, ((1_u64 << bits) - 1).cast_signed())
    }

    pub(super) fn abs(self) -> (Self, bool) {
        let (negated, fits) = Self::exactly(0).sub(self);
        let low = if self.contains(0) {
            0
        } else {
            self.low.max(negated.low)
        };
        (Self::new(low, self.high.max(negated.high)), fits)
    }
}

fn a_times_b(a: i128, b: i128) -> Option<i128> {
    a.checked_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn interval() -> impl Strategy<Value = Interval> {
        let end = prop_oneof![-20_i64..20, any::<i64>()];
        (end.clone(), end).prop_map(|(a, b)| Interval::new(a.min(b), a.max(b)))
    }

    fn member() -> impl Strategy<Value = (Interval, i64)> {
        interval().prop_flat_map(|one| (Just(one), one.low..=one.high))
    }

    proptest! {
        #[test]
        fn results_are_in_the_interval_of_the_results((i, a) in member(), (j, b) in member()) {
            for (found, result) in [
                (a.checked_add(b), i.add(j)),
                (a.checked_sub(b), i.sub(j)),
                (a.checked_mul(b), i.mul(j)),
            ] {
                match found {
                    Some(value) => prop_assert!(result.0.contains(value)),
                    None => prop_assert!(!result.1),
                }
            }
            prop_assert!(i.bit_and(j).contains(a & b));
            prop_assert!(i.bit_or(j).contains(a | b) && i.bit_or(j).contains(a ^ b));
            prop_assert!(i.join(j).contains(a) && i.join(j).contains(b));
            prop_assert!(i.widen(i.join(j)).contains(b));
        }

        #[test]
        fn quotients_and_remainders_as_python_has_them((i, a) in member(), (j, b) in member()) {
            prop_assume!(b != 0 && (a, b) != (i64::MIN, -1));
            let down = i64::from(a % b != 0 && (a % b < 0) != (b < 0));
            prop_assert!(i.floor_div(j).contains(a / b - down));
            prop_assert!(i.modulo(j).contains(a % b + down * b));
        }

        #[test]
        fn shifts((i, a) in member(), (j, b) in member()) {
            prop_assume!(b >= 0);
            prop_assert!(i.shr(j).contains(a >> b.min(63)));
            let shifted = if b < 63 { i128::from(a) << b } else if a == 0 { 0 } else { i128::MAX };
            match i64::try_from(shifted) {
                Ok(value) => prop_assert!(i.shl(j).0.contains(value)),
                Err(_) => prop_assert!(!i.shl(j).1),
            }
        }
    }
}
