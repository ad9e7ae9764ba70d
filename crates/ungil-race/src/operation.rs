//! What a thread is about to do, and what it conflicts with.

use smallvec::SmallVec;

/// A thread of the program, numbered from 0 in the order of their starts.
pub type ThreadId = usize;

/// Something shared: an attribute of an object, a global, a container, a lock.
pub type ObjectId = u32;

/// How much of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it: its length, its order, every element.
    Whole,
    /// One element, by its index or the hash of its key.
    Element(u64),
}

impl Part {
    /// Whether something is in both.
    pub fn overlaps(self, other: Self) -> bool {
        self == other || self == Part::Whole || other == Part::Whole
    }

    /// Whether all of `other` is in it.
    pub fn covers(self, other: Self) -> bool {
        self == other || self == Part::Whole
    }
}

/// One object that an operation reads or changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// What.
    pub object: ObjectId,
    /// How much of it.
    pub part: Part,
    /// Whether it is changed.
    pub write: bool,
}

impl Access {
    /// Whether their order can matter.
    pub fn conflicts(&self, other: &Self) -> bool {
        self.object == other.object && (self.write || other.write) && self.part.overlaps(other.part)
    }
}

/// The kinds of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A thread's first step.
    Begin,
    /// A thread's last step; others may wait for it.
    End,
    /// Waits for a thread's end.
    Join,
    /// Reads a variable: an attribute, a global, a cell, an element.
    Read,
    /// Writes a variable.
    Write,
    /// One step on a container that is atomic of itself (`list.append`, `deque.popleft`).
    Atomic,
    /// Takes a lock or a permit.
    Acquire,
    /// Gives a lock or a permit back.
    Release,
    /// Waits for an event to be set.
    Wait,
    /// Changes what others wait for.
    Signal,
    /// Looks at the state of a lock, an event or a thread.
    Look,
    /// Lets others go first, for a time (`time.sleep`).
    Sleep,
    /// Comes back from a call that blocked outside of what is followed.
    Return,
    /// Nothing shared: a step at which the thread can be put aside.
    Step,
}

impl Kind {
    /// Whether it orders threads, so that what came before it is seen after it.
    pub fn synchronises(self) -> bool {
        !matches!(self, Kind::Read | Kind::Write)
    }
}

/// What a thread does in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What kind of step.
    pub kind: Kind,
    /// What it touches.
    pub accesses: SmallVec<[Access; 2]>,
    /// Whether the thread can be kept waiting by the state of the first object it touches.
    pub blocking: bool,
}

impl Operation {
    /// One that touches nothing.
    pub fn alone(kind: Kind) -> Self {
        Self {
            kind,
            accesses: SmallVec::new(),
            blocking: false,
        }
    }

    /// One that touches one object.
    pub fn on(kind: Kind, access: Access) -> Self {
        Self {
            kind,
            accesses: SmallVec::from_slice(&[access]),
            blocking: false,
        }
    }

    /// The same one, which can be kept waiting.
    #[must_use]
    pub fn blocking(mut self) -> Self {
        self.blocking = true;
        self
    }

    /// Whether the order of the two can matter.
    pub fn conflicts(&self, other: &Self) -> bool {
        self.accesses
            .iter()
            .any(|mine| other.accesses.iter().any(|theirs| mine.conflicts(theirs)))
    }
}
