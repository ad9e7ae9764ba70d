//! A set of threads.

use crate::ThreadId;

/// As many threads as a [`ThreadSet`] has room for.
pub const MAX_THREADS: usize = 64;

/// A set of threads, each under [`MAX_THREADS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadSet(u64);

impl ThreadSet {
    /// Nobody.
    pub const EMPTY: Self = Self(0);

    /// Whether the thread is in it.
    pub fn contains(self, thread: ThreadId) -> bool {
        self.0 >> thread & 1 == 1
    }

    /// Adds the thread.
    pub fn insert(&mut self, thread: ThreadId) {
        self.0 |= 1 << thread;
    }

    /// Takes the thread out.
    pub fn remove(&mut self, thread: ThreadId) {
        self.0 &= !(1 << thread);
    }

    /// Those in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nobody is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The one of the lowest number.
    pub fn first(self) -> Option<ThreadId> {
        (self.0 != 0).then(|| self.0.trailing_zeros() as usize)
    }

    /// In rising order.
    pub fn iter(self) -> impl Iterator<Item = ThreadId> {
        let mut rest = self;
        std::iter::from_fn(move || {
            let next = rest.first()?;
            rest.remove(next);
            Some(next)
        })
    }
}

impl FromIterator<ThreadId> for ThreadSet {
    fn from_iter<I: IntoIterator<Item = ThreadId>>(threads: I) -> Self {
        let mut set = Self::EMPTY;
        threads.into_iter().for_each(|thread| set.insert(thread));
        set
    }
}
