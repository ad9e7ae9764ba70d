//! Exact sums.

use super::list::items;
use super::{Call, End};

/// The float nearest to the exact sum of a list: J. R. Shewchuk's expansions (1997), as `math.fsum` has them.
pub(super) fn fsum(call: &mut Call<'_>) -> End {
    let (infinities, overflow) = (0, 1);
    // Parts of the sum that do not overlap, the smallest first.
    let mut parts: Vec<f64> = Vec::new();
    let (mut special, mut infinite) = (0.0, 0.0);
    for word in items(call.words[0]) {
        let mut x = f64::from_bits(word);
        let term = x;
        let mut kept = 0;
        for at in 0..parts.len() {
            let mut y = parts[at];
            if x.abs() < y.abs() {
                (x, y) = (y, x);
            }
            let high = x + y;
            let low = y - (high - x);
            if low != 0.0 {
                parts[kept] = low;
                kept += 1;
            }
            x = high;
        }
        parts.truncate(kept);
        if x == 0.0 {
            continue;
        }
        if x.is_finite() {
            parts.push(x);
            continue;
        }
        if term.is_finite() {
            return Err(overflow);
        }
        if term.is_infinite() {
            infinite += term;
        }
        special += term;
        parts.clear();
    }
    if special != 0.0 {
        if f64::is_nan(infinite) {
            return Err(infinities);
        }
        return call.give_float(special);
    }
    call.give_float(rounded(&parts))
}

/// The sum of the parts, rounded once, ties to even.
fn rounded(parts: &[f64]) -> f64 {
    let Some((&last, rest)) = parts.split_last() else {
        return 0.0;
    };
    let mut high = last;
    let mut low = 0.0;
    let mut left = rest;
    while let Some((&next, others)) = left.split_last() {
        left = others;
        let x = high;
        high = x + next;
        low = next - (high - x);
        if low != 0.0 {
            break;
        }
    }
    // What follows decides where the rest is the half of the last place.
    if let Some(&next) = left.last()
        && ((low < 0.0 && next < 0.0) || (low > 0.0 && next > 0.0))
    {
        let twice = low * 2.0;
        let moved = high + twice;
        if twice == moved - high {
            high = moved;
        }
    }
    high
}
