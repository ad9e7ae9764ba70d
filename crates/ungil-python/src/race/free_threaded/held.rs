//! Each container's own lock: who waits for it, who has it.

use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ungil_race::{Access, Kind, ObjectId, Part};

use super::super::called::called;
use super::super::code::Does;
use super::super::containers::is_deque;
use super::super::engine::{CONTAINER, inside};
use super::super::frame::Frame;
use super::super::record::Record;
use super::super::step::{Went, access, operation, step};
use super::super::touch::{Accesses, Object};
use super::{is_dict, is_list, is_set};

/// The second half of the name of a container's own lock.
const LOCK: usize = 4;

/// Functions and methods that look at a container without its lock.
const LOOKS: [&[u8]; 13] = [
    b"len",
    b"bool",
    b"iter",
    b"reversed",
    b"enumerate",
    b"zip",
    b"map",
    b"filter",
    b"get",
    b"keys",
    b"values",
    b"items",
    b"__contains__",
];

/// The locks that an operation takes: to be waited for first.
pub(in super::super) unsafe fn locks_of(
    frame: &Frame,
    does: Does,
    accesses: &Accesses,
) -> SmallVec<[ObjectId; 2]> {
    let Some(engine) = inside() else {
        return SmallVec::new();
    };
    let containers = accesses.iter().filter(|it| it.1 == CONTAINER);
    containers
        // SAFETY: `before`.
        .filter(|it| unsafe { is_locked(frame, does, it.0) })
        .map(|it| engine.object(it.0, LOCK))
        .collect()
}

unsafe fn is_locked(frame: &Frame, does: Does, object: Object) -> bool {
    // SAFETY: `before`.
    unsafe {
        let deque = is_deque(object);
        if !(deque || is_list(object) || is_dict(object) || is_set(object)) {
            return false;
        }
        match does {
            Does::Truth { .. } | Does::Iterate { .. } => false,
            Does::Contains { .. } | Does::Next { .. } => deque,
            Does::LoadItem { key, .. } => deque || ffi::PySlice_Check(frame.place(key)) != 0,
            Does::Call {
                callable,
                arguments,
            } => !called(callable, arguments, frame).is_some_and(|it| LOOKS.contains(&it.name())),
            _ => true,
        }
    }
}

/// Locks that the running thread has; given back when it is dropped.
pub(super) struct Held {
    locks: SmallVec<[ObjectId; 2]>,
    items: SmallVec<[ObjectId; 2]>,
}

impl Held {
    /// Waits for the locks of these containers in one step, in which something happens to the first of them; `None`
    /// where the thread has to unwind.
    pub(super) unsafe fn take(objects: &[Object], verb: &str) -> Option<Self> {
        let engine = inside()?;
        let me = engine.current;
        let mut ids = |part| -> SmallVec<[ObjectId; 2]> {
            let ids = objects.iter().map(|object| engine.object(*object, part));
            ids.collect()
        };
        let (locks, items) = (ids(LOCK), ids(CONTAINER));
        let mut begin = operation(Kind::Atomic, accesses(&locks, &items));
        begin.blocking = true;
        // SAFETY: `before`.
        let name = unsafe { name_of(objects[0]) };
        let shown = items[0];
        if let Went::Away = step(begin, None, || Record::here(Some(shown), verb, name, None)) {
            return None;
        }
        let engine = inside()?;
        for lock in &locks {
            let shared = &mut engine.shared[*lock as usize];
            (shared.available, shared.holder) = (false, Some((me, 1)));
        }
        Some(Self { locks, items })
    }

    /// A step at the end of what is done with the locks; whether the thread may go on.
    pub(super) unsafe fn finish(&self, owner: Object) -> bool {
        // SAFETY: `before`.
        let name = unsafe { name_of(owner) };
        let shown = self.items[0];
        let what = || Record::here(Some(shown), "changes", name, None);
        let end = operation(Kind::Atomic, accesses(&self.locks, &self.items));
        !matches!(step(end, None, what), Went::Away)
    }
}

/// The locks, and what they guard: the first container is changed, the other one read.
fn accesses(locks: &[ObjectId], items: &[ObjectId]) -> SmallVec<[Access; 2]> {
    let locks = locks.iter().map(|lock| access(*lock, Part::Whole, true));
    let items = items.iter().enumerate();
    let items = items.map(|(at, items)| access(*items, Part::Whole, at == 0));
    locks.chain(items).collect()
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(engine) = inside() {
            for lock in &self.locks {
                let shared = &mut engine.shared[*lock as usize];
                (shared.available, shared.holder) = (true, None);
            }
        }
    }
}

/// The name of a container's class.
pub(super) unsafe fn name_of(object: Object) -> String {
    // SAFETY: `before`: a live object.
    let object = unsafe { Bound::from_borrowed_ptr(Python::assume_attached(), object) };
    let name = object.get_type().name();
    name.map(|name| name.to_string()).unwrap_or_default()
}
