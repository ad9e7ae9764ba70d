//! Lists as wholes. The list is the second word where nothing else is said; the first one is the kind of its items.

use std::cmp::Ordering;

use super::{Call, End};
use crate::memory::{self, Head};

/// What a list's items are, as machine code tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One byte each.
    Bool,
    /// Eight bytes.
    Int,
    /// Eight bytes.
    Float,
}

impl Kind {
    fn of(word: u64) -> Self {
        match word {
            0 => Self::Bool,
            1 => Self::Int,
            _ => Self::Float,
        }
    }

    fn size(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Int | Self::Float => 8,
        }
    }
}

/// A list whose items are of a kind.
struct List {
    head: *mut Head,
    kind: Kind,
}

impl List {
    fn of(kind: u64, head: u64) -> Self {
        Self {
            head: head as *mut Head,
            kind: Kind::of(kind),
        }
    }

    fn len(&self) -> i64 {
        // SAFETY: machine code passes lists that it holds.
        unsafe { (*self.head).length }
    }

    fn set_len(&self, length: i64) {
        // SAFETY: as above; there is room for as many.
        unsafe { (*self.head).length = length }
    }

    fn address(&self, at: i64) -> *mut u8 {
        // SAFETY: as above; `at` is at most the number of items that there is room for.
        unsafe {
            (*self.head)
                .data
                .cast::<u8>()
                .add(at as usize * self.kind.size())
        }
    }

    /// An item's bits.
    fn get(&self, at: i64) -> u64 {
        let place = self.address(at);
        // SAFETY: an item of this size is there.
        unsafe {
            match self.kind {
                Kind::Bool => u64::from(place.read()),
                _ => place.cast::<u64>().read(),
            }
        }
    }

    fn items(&self) -> impl DoubleEndedIterator<Item = u64> + '_ {
        (0..self.len()).map(|at| self.get(at))
    }

    /// Moves `count` items within the list.
    fn shift(&self, to: i64, from: i64, count: i64) {
        // SAFETY: both are within the room that the list has.
        unsafe {
            self.address(to)
                .copy_from(self.address(from), count as usize * self.kind.size());
        }
    }

    fn put(&self, at: i64, source: &Self, from: i64) {
        // SAFETY: within the room of this list and the items of the other one, which are of one size.
        unsafe {
            self.address(at)
                .copy_from(source.address(from), self.kind.size());
        }
    }

    /// Makes room for as many items; tells whether there was memory.
    fn reserve(&self, count: i64) -> bool {
        // SAFETY: a list that the caller holds.
        unsafe { memory::list_reserve(self.head, count, self.kind.size() as i64) }
    }

    /// A list with room for as many items, of which none is there yet.
    fn new(kind: Kind, room: i64) -> Option<Self> {
        let pattern = 0_u64;
        // SAFETY: no items are read from the pattern.
        let head =
            unsafe { memory::list_new((&raw const pattern).cast(), 0, 0, kind.size() as i64) };
        if head.is_null() {
            return None;
        }
        let list = Self { head, kind };
        if list.reserve(room) {
            return Some(list);
        }
        // SAFETY: nobody else has it.
        unsafe { memory::list_free(head) };
        None
    }

    /// Adds a run of items of a list, which may be this one.
    fn append(&self, source: &Self, from: i64, count: i64) {
        let length = self.len();
        // SAFETY: there is room, as the caller has made sure; the run ends where this list's new items begin.
        unsafe {
            self.address(length)
                .copy_from(source.address(from), count as usize * self.kind.size());
        }
        self.set_len(length + count);
    }

    /// Repeats its items until there are as many; there is room.
    fn fill(&self, length: i64) {
        let unit = self.len();
        while unit > 0 && self.len() < length {
            let next = unit.min(length - self.len());
            self.append(self, 0, next);
        }
    }
}

/// The bits of a list's items of eight bytes.
pub(super) fn items(head: u64) -> impl Iterator<Item = u64> {
    let list = List::of(2, head);
    (0..list.len()).map(move |at| list.get(at))
}

/// The positions that a slice takes: the first one, the step, and how many. Words: which of start, stop and step are
/// given, then these.
struct Span {
    start: i64,
    step: i64,
    count: i64,
}

impl Span {
    /// As `CPython` adjusts the indices of slices; nothing where the step is zero.
    fn of(words: &[u64], length: i64) -> Option<Self> {
        let given = words[0];
        let at = |at: usize| (given & (1 << at) != 0).then(|| words[at + 1].cast_signed());
        let step = at(2).unwrap_or(1);
        if step == 0 {
            return None;
        }
        let step = step.max(-i64::MAX);
        let (low, high) = if step > 0 {
            (0, length)
        } else {
            (-1, length - 1)
        };
        let clamp = |index: i64| {
            let index = if index < 0 {
                index.saturating_add(length)
            } else {
                index
            };
            index.clamp(low, high)
        };
        let (first, last) = if step > 0 { (low, high) } else { (high, low) };
        let start = at(0).map_or(first, clamp);
        let stop = at(1).map_or(last, clamp);
        let distance = if step > 0 { stop - start } else { start - stop };
        let count = if distance > 0 {
            (distance - 1) / step.abs() + 1
        } else {
            0
        };
        Some(Self { start, step, count })
    }

    fn position(&self, at: i64) -> i64 {
        self.start + at * self.step
    }
}

/// Gives a new list, or the guard of memory.
fn give(call: &mut Call<'_>, list: Option<&List>, memory: usize) -> End {
    match list {
        Some(list) => call.give_int(list.head as i64),
        None => Err(memory),
    }
}

pub(super) fn slice(call: &mut Call<'_>) -> End {
    let source = List::of(call.words[0], call.words[1]);
    let Some(span) = Span::of(&call.words[2..], source.len()) else {
        return Err(0);
    };
    let made = List::new(source.kind, span.count);
    if let Some(list) = &made {
        if span.step == 1 {
            list.append(&source, span.start, span.count);
        } else {
            for at in 0..span.count {
                list.append(&source, span.position(at), 1);
            }
        }
    }
    give(call, made.as_ref(), 1)
}

/// Words: kind, list, what it gets, the slice.
pub(super) fn set_slice(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let mut source = List::of(call.words[0], call.words[2]);
    let Some(span) = Span::of(&call.words[3..], list.len()) else {
        return Err(0);
    };
    let own = source.head == list.head;
    if own {
        // What it gets are the items that it has now.
        let Some(copy) = List::new(list.kind, list.len()) else {
            return Err(1);
        };
        copy.append(&list, 0, list.len());
        source = copy;
    }
    let end = if span.step == 1 {
        replace(&list, &span, &source)
    } else if source.len() == span.count {
        for at in 0..span.count {
            list.put(span.position(at), &source, at);
        }
        Ok(())
    } else {
        call.fail_ints(2, source.len(), span.count)
    };
    if own {
        // SAFETY: the copy that was made above.
        unsafe { memory::list_free(source.head) };
    }
    end
}

fn replace(list: &List, span: &Span, source: &List) -> End {
    let (length, added) = (list.len(), source.len());
    let rest = span.start + span.count;
    let after = length - span.count + added;
    if !list.reserve(after) {
        return Err(1);
    }
    list.shift(span.start + added, rest, length - rest);
    for at in 0..added {
        list.put(span.start + at, source, at);
    }
    list.set_len(after);
    Ok(())
}

pub(super) fn delete_slice(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let Some(span) = Span::of(&call.words[2..], list.len()) else {
        return Err(0);
    };
    if span.count == 0 {
        return Ok(());
    }
    let (low, step) = if span.step > 0 {
        (span.start, span.step)
    } else {
        (span.position(span.count - 1), -span.step)
    };
    let (mut kept, mut gone) = (low, 0);
    for at in low..list.len() {
        // The product cannot overflow: it is asked for only as far as the span reaches.
        if gone < span.count && at == low + gone * step {
            gone += 1;
        } else {
            list.shift(kept, at, 1);
            kept += 1;
        }
    }
    list.set_len(list.len() - span.count);
    Ok(())
}

pub(super) fn delete(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let (index, length) = (call.int(2), list.len());
    let at = if index < 0 { index + length } else { index };
    if !(0..length).contains(&at) {
        return Err(0);
    }
    remove_at(&list, at);
    Ok(())
}

fn remove_at(list: &List, at: i64) {
    let rest = list.len() - at - 1;
    list.shift(at, at + 1, rest);
    list.set_len(at + rest);
}

pub(super) fn extend(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let source = List::of(call.words[0], call.words[2]);
    let added = source.len();
    if !list.reserve(list.len() + added) {
        return Err(0);
    }
    list.append(&source, 0, added);
    Ok(())
}

pub(super) fn concatenate(call: &mut Call<'_>) -> End {
    let one = List::of(call.words[0], call.words[1]);
    let other = List::of(call.words[0], call.words[2]);
    let made = List::new(one.kind, one.len() + other.len());
    if let Some(list) = &made {
        list.append(&one, 0, one.len());
        list.append(&other, 0, other.len());
    }
    give(call, made.as_ref(), 0)
}

pub(super) fn repeat(call: &mut Call<'_>) -> End {
    let source = List::of(call.words[0], call.words[1]);
    let Some(length) = source.len().checked_mul(call.int(2).max(0)) else {
        return Err(0);
    };
    let made = List::new(source.kind, length);
    if let Some(list) = &made {
        list.append(&source, 0, source.len().min(length));
        list.fill(length);
    }
    give(call, made.as_ref(), 0)
}

pub(super) fn repeat_in_place(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let Some(length) = list.len().checked_mul(call.int(2).max(0)) else {
        return Err(0);
    };
    if !list.reserve(length) {
        return Err(0);
    }
    if length == 0 {
        list.set_len(0);
    }
    list.fill(length);
    Ok(())
}

/// The list's items as a slice of that type.
///
/// # Safety
/// They are of that type, and nobody else looks at them meanwhile.
unsafe fn slice_of<'a, T>(list: &List) -> &'a mut [T] {
    // SAFETY: as many items as the list has, one after the other; an address is there also without items.
    unsafe { std::slice::from_raw_parts_mut(list.address(0).cast::<T>(), list.len() as usize) }
}

pub(super) fn reverse(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    // SAFETY: bools are bytes, ints and floats words.
    unsafe {
        match list.kind {
            Kind::Bool => slice_of::<u8>(&list).reverse(),
            _ => slice_of::<u64>(&list).reverse(),
        }
    }
    Ok(())
}

/// Equal ones stay in their order, also backwards.
pub(super) fn sort(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let backwards = call.words[2] != 0;
    let ordered = |order: Ordering| if backwards { order.reverse() } else { order };
    // SAFETY: the items are of these types.
    unsafe {
        match list.kind {
            Kind::Bool => slice_of::<u8>(&list).sort_by(|a, b| ordered(a.cmp(b))),
            Kind::Int => slice_of::<i64>(&list).sort_by(|a, b| ordered(a.cmp(b))),
            Kind::Float => {
                let floats = slice_of::<f64>(&list);
                if floats.len() > 1 && floats.iter().any(|one| one.is_nan()) {
                    return Err(0);
                }
                floats.sort_by(|a, b| ordered(a.partial_cmp(b).unwrap_or(Ordering::Equal)));
            }
        }
    }
    Ok(())
}

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
