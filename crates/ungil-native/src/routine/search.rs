//! What is looked for in lists, and lists compared. The list is the second word; the first one is the kind of its items.

use super::list::{Kind, List};
use super::lists::remove_at;
use super::{Call, End};

/// A value that is looked for, in words: its kind and its bits.
struct Wanted {
    kind: Kind,
    bits: u64,
}

impl Wanted {
    fn of(words: &[u64]) -> Self {
        Self {
            kind: Kind::of(words[0]),
            bits: words[1],
        }
    }

    /// Whether an item is equal; the guard where both are NaNs, which may or may not be one object.
    fn is(&self, list: &List, item: u64, nans: usize) -> Result<bool, usize> {
        match (self.kind, list.kind) {
            (Kind::Float, Kind::Float) => {
                let (one, other) = (f64::from_bits(self.bits), f64::from_bits(item));
                if one.is_nan() && other.is_nan() {
                    return Err(nans);
                }
                Ok(one == other)
            }
            (Kind::Float, _) => Ok(same(item.cast_signed(), f64::from_bits(self.bits))),
            (_, Kind::Float) => Ok(same(self.bits.cast_signed(), f64::from_bits(item))),
            _ => Ok(self.bits == item),
        }
    }
}

/// Whether an int has exactly the value of a float.
fn same(int: i64, float: f64) -> bool {
    float == int as f64 && float < 9_223_372_036_854_775_808.0 && float as i64 == int
}

/// Words: kind, list, what is looked for, then which of start and stop are given, and these.
pub(super) fn index(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let wanted = Wanted::of(&call.words[2..]);
    let length = list.len();
    let given = call.words[4];
    let clamp = |index: i64| {
        if index < 0 {
            (index.saturating_add(length)).max(0)
        } else {
            index
        }
    };
    let start = if given & 1 != 0 {
        clamp(call.int(5))
    } else {
        0
    };
    let stop = if given & 2 != 0 {
        clamp(call.int(6)).min(length)
    } else {
        length
    };
    for at in start..stop {
        if wanted.is(&list, list.get(at), 1)? {
            return call.give_int(at);
        }
    }
    missing(call, &wanted)
}

fn missing(call: &mut Call<'_>, wanted: &Wanted) -> End {
    (call.out[0], call.out[2]) = (wanted.bits, wanted.bits);
    Err(0)
}

pub(super) fn count(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let wanted = Wanted::of(&call.words[2..]);
    let mut found = 0;
    for item in list.items() {
        found += i64::from(wanted.is(&list, item, 0)?);
    }
    call.give_int(found)
}

pub(super) fn contains(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let wanted = Wanted::of(&call.words[2..]);
    for item in list.items() {
        if wanted.is(&list, item, 0)? {
            return call.give_int(1);
        }
    }
    call.give_int(0)
}

pub(super) fn remove(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let wanted = Wanted::of(&call.words[2..]);
    for at in 0..list.len() {
        if wanted.is(&list, list.get(at), 1)? {
            remove_at(&list, at);
            return Ok(());
        }
    }
    missing(call, &wanted)
}

/// By the first items that differ. Words: kind, both lists.
pub(super) fn order(call: &mut Call<'_>) -> End {
    let one = List::of(call.words[0], call.words[1]);
    let other = List::of(call.words[0], call.words[2]);
    for at in 0..one.len().min(other.len()) {
        let (left, right) = (one.get(at), other.get(at));
        let order = match one.kind {
            Kind::Float => {
                let (left, right) = (f64::from_bits(left), f64::from_bits(right));
                if left.is_nan() && right.is_nan() {
                    return Err(0);
                }
                // A NaN differs from all others, and is neither less nor greater.
                match left.partial_cmp(&right) {
                    Some(order) => order,
                    None => return call.give_int(2),
                }
            }
            _ => left.cast_signed().cmp(&right.cast_signed()),
        };
        if order.is_ne() {
            return call.give_int(order as i64);
        }
    }
    let order = one.len().cmp(&other.len());
    call.give_int(order as i64)
}
