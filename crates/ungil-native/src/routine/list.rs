//! Lists and slices of them, as routines see them.

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
    pub(super) fn of(word: u64) -> Self {
        match word {
            0 => Self::Bool,
            1 => Self::Int,
            _ => Self::Float,
        }
    }

    pub(super) fn size(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Int | Self::Float => 8,
        }
    }
}

/// A list whose items are of a kind.
pub(super) struct List {
    pub(super) head: *mut Head,
    pub(super) kind: Kind,
}

impl List {
    pub(super) fn of(kind: u64, head: u64) -> Self {
        Self {
            head: head as *mut Head,
            kind: Kind::of(kind),
        }
    }

    pub(super) fn len(&self) -> i64 {
        // SAFETY: machine code passes lists that it holds.
        unsafe { (*self.head).length }
    }

    pub(super) fn set_len(&self, length: i64) {
        // SAFETY: as above; there is room for as many.
        unsafe { (*self.head).length = length }
    }

    pub(super) fn address(&self, at: i64) -> *mut u8 {
        // SAFETY: as above; `at` is at most the number of items that there is room for.
        unsafe {
            (*self.head)
                .data
                .cast::<u8>()
                .add(at as usize * self.kind.size())
        }
    }

    /// An item's bits.
    pub(super) fn get(&self, at: i64) -> u64 {
        let place = self.address(at);
        // SAFETY: an item of this size is there.
        unsafe {
            match self.kind {
                Kind::Bool => u64::from(place.read()),
                _ => place.cast::<u64>().read(),
            }
        }
    }

    pub(super) fn items(&self) -> impl DoubleEndedIterator<Item = u64> + '_ {
        (0..self.len()).map(|at| self.get(at))
    }

    /// Moves `count` items within the list.
    pub(super) fn shift(&self, to: i64, from: i64, count: i64) {
        // SAFETY: both are within the room that the list has.
        unsafe {
            self.address(to)
                .copy_from(self.address(from), count as usize * self.kind.size());
        }
    }

    pub(super) fn put(&self, at: i64, source: &Self, from: i64) {
        // SAFETY: within the room of this list and the items of the other one, which are of one size.
        unsafe {
            self.address(at)
                .copy_from(source.address(from), self.kind.size());
        }
    }

    /// Makes room for as many items; tells whether there was memory.
    pub(super) fn reserve(&self, count: i64) -> bool {
        // SAFETY: a list that the caller holds.
        unsafe { memory::list_reserve(self.head, count, self.kind.size() as i64) }
    }

    /// A list with room for as many items, of which none is there yet.
    pub(super) fn new(kind: Kind, room: i64) -> Option<Self> {
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
    pub(super) fn append(&self, source: &Self, from: i64, count: i64) {
        let length = self.len();
        // SAFETY: there is room, as the caller has made sure; the run ends where this list's new items begin.
        unsafe {
            self.address(length)
                .copy_from(source.address(from), count as usize * self.kind.size());
        }
        self.set_len(length + count);
    }

    /// Repeats its items until there are as many; there is room.
    pub(super) fn fill(&self, length: i64) {
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
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) step: i64,
    pub(super) count: i64,
}

impl Span {
    /// As `CPython` adjusts the indices of slices; nothing where the step is zero.
    pub(super) fn of(words: &[u64], length: i64) -> Option<Self> {
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

    pub(super) fn position(&self, at: i64) -> i64 {
        self.start + at * self.step
    }
}
