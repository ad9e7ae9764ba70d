//! What a build without GIL does in several steps, done so on a build with one (`mode="free-threaded"`).
//!
//! After `CPython`'s page "Thread Safety Guarantees": operations on a list that only read traverse it without its lock,
//! by atomic reads of each item; so do functions that are given an iterator of a container. Operations
//! that move items hold the list's lock, and those that take none see what lies between.
//!
//! A traversal is made here, item by item, and the instruction is then given a copy of what was seen. An operation that
//! moves items is made to look half done, with the lock held, before the interpreter makes it.

use std::cell::Cell;

use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::{SmallVec, smallvec};
use ungil_race::{Access, Kind, ObjectId, Part};

use super::accesses::Object;
use super::by_turns::ByTurns;
use super::called::{Called, called};
use super::code::{Does, NO_VALUE};
use super::containers::{container_of, is_deque};
use super::engine::{CONTAINER, inside};
use super::frame::Frame;
use super::record::Record;
use super::step::{Went, access, operation, step};

/// The second half of the name of a list's own lock.
const LOCK: usize = 4;

static IS_ON: ByTurns<Cell<bool>> = ByTurns::new(Cell::new(false));

/// Whether the exploration that begins is of that kind.
pub(super) fn set(on: bool) {
    IS_ON.set(on);
}

pub(super) fn is_on() -> bool {
    IS_ON.get()
}

/// What has been done before an instruction.
pub(super) enum Before {
    /// Nothing: it is one step.
    Nothing,
    /// All of its steps.
    All,
    /// The thread has to unwind, or the instruction has failed: an exception is set.
    Raised,
}

/// Makes the steps of an instruction that is not one step.
pub(super) unsafe fn before(frame: &Frame, does: Does) -> Before {
    // SAFETY: the caller's: a frame that is about to run this.
    unsafe {
        match does {
            Does::Contains { container } if is_list(frame.place(container)) => {
                traverse(frame, container, false)
            }
            Does::StoreItem {
                container,
                key,
                value: NO_VALUE,
            } if is_list(frame.place(container)) => {
                let list = frame.place(container);
                without(list, frame.place(key)).map_or(Before::Nothing, |half| halfway(list, &half))
            }
            Does::Call {
                callable,
                arguments,
            } => match called(callable, arguments, frame) {
                Some(found) => call(frame, callable, &found),
                None => Before::Nothing,
            },
            _ => Before::Nothing,
        }
    }
}

unsafe fn is_list(object: Object) -> bool {
    // SAFETY: the caller's: an object, or null.
    unsafe { !object.is_null() && ffi::PyList_CheckExact(object) != 0 }
}

unsafe fn call(frame: &Frame, at: usize, found: &Called) -> Before {
    // SAFETY: `before`.
    unsafe {
        let list = found.owner;
        match (found.method, found.arguments.as_slice()) {
            (Some(b"index" | b"count"), _) if is_list(list) && found.owner_is_placed => {
                traverse(frame, at + 1, false)
            }
            (Some(b"sort"), _) if is_list(list) => {
                let empty = Bound::from_owned_ptr(Python::assume_attached(), ffi::PyList_New(0));
                halfway(list, &empty)
            }
            (Some(b"pop"), [index]) if is_list(list) => {
                without(list, *index).map_or(Before::Nothing, |half| halfway(list, &half))
            }
            (Some(b"insert"), [index, _]) if is_list(list) => {
                twice(list, *index).map_or(Before::Nothing, |half| halfway(list, &half))
            }
            (_, [source, ..]) if iterates(found, *source) => traverse(frame, at + 2, true),
            _ => Before::Nothing,
        }
    }
}

/// Whether this call goes through what it is given with an iterator, and not under its lock.
unsafe fn iterates(found: &Called, source: Object) -> bool {
    // SAFETY: `before`.
    unsafe {
        if container_of(source).is_none() {
            return false;
        }
        let list = is_list(source);
        let dict = ffi::PyDict_CheckExact(source) != 0;
        let set = ffi::PyAnySet_CheckExact(source) != 0;
        let view = container_of(source) != Some(source);
        let deque = !(list || dict || set || view);
        let owner = found.owner;
        let of_builtins = !owner.is_null() && ffi::PyModule_Check(owner) != 0;
        match found.name() {
            b"sum" | b"min" | b"max" | b"any" | b"all" => of_builtins,
            b"sorted" => of_builtins && deque,
            b"extend" if is_list(owner) => deque,
            b"extend" | b"extendleft" => is_deque(owner),
            b"update" if owner.is_null() => false,
            b"update" if ffi::PyAnySet_Check(owner) != 0 => !(dict || set),
            b"update" => ffi::PyDict_Check(owner) != 0 && !dict,
            // Classes.
            _ if !owner.is_null() => false,
            b"collections.deque" => true,
            b"list" => deque,
            b"tuple" => !list,
            b"set" | b"frozenset" => !(dict || set),
            b"dict" => !dict,
            _ => false,
        }
    }
}

/// Reads a container item by item, and puts a list of what was seen in its place on the value stack. With an
/// iterator what is changed meanwhile may raise.
unsafe fn traverse(frame: &Frame, at: usize, by_iterator: bool) -> Before {
    // SAFETY: `before`: the value stack keeps the object alive, in this place, until it is replaced.
    unsafe {
        let py = Python::assume_attached();
        let source = Bound::from_borrowed_ptr(py, frame.place(at));
        let Some(shared) = container_of(source.as_ptr()) else {
            return Before::Nothing;
        };
        let seen = Bound::from_owned_ptr(py, ffi::PyList_New(0));
        let iterator = ffi::PyObject_GetIter(source.as_ptr());
        if iterator.is_null() {
            return Before::Raised;
        }
        let iterator = Bound::from_owned_ptr(py, iterator);
        for index in 0.. {
            let Some(engine) = inside() else {
                return Before::Nothing;
            };
            let object = engine.object(shared, CONTAINER);
            let part = if by_iterator {
                Part::Whole
            } else {
                Part::Element(index)
            };
            let wish = operation(Kind::Atomic, smallvec![access(object, part, false)]);
            let what = || Record::here(Some(object), "looks at", shown(&source, index), None);
            if let Went::Away = step(wish, None, what) {
                return Before::Raised;
            }
            let item = ffi::PyIter_Next(iterator.as_ptr());
            if item.is_null() {
                break;
            }
            let item = Bound::from_owned_ptr(py, item);
            if ffi::PyList_Append(seen.as_ptr(), item.as_ptr()) < 0 {
                return Before::Raised;
            }
        }
        if !ffi::PyErr_Occurred().is_null() {
            return Before::Raised;
        }
        frame.replace(at, seen.into_ptr());
        Before::All
    }
}

fn shown(source: &Bound<'_, PyAny>, index: u64) -> String {
    let class = source.get_type().name();
    let class = class.map(|name| name.to_string()).unwrap_or_default();
    format!("{class}[{index}]")
}

/// A list's lock and its items.
fn both(lock: ObjectId, items: ObjectId) -> SmallVec<[Access; 2]> {
    smallvec![
        access(lock, Part::Whole, true),
        access(items, Part::Whole, true)
    ]
}

/// Lets others see `half` in place of the list's items, while this thread has its lock; the instruction itself comes next.
unsafe fn halfway(list: Object, half: &Bound<'_, PyAny>) -> Before {
    // SAFETY: `before`; a list's items may be replaced with the GIL held.
    unsafe {
        let py = half.py();
        let owner = Bound::from_borrowed_ptr(py, list);
        let Some(engine) = inside() else {
            return Before::Nothing;
        };
        let me = engine.current;
        let (lock, items) = (engine.object(list, LOCK), engine.object(list, CONTAINER));
        let what = || Record::here(Some(items), "begins to change", shown_list(&owner), None);
        let mut begin = operation(Kind::Atomic, both(lock, items));
        begin.blocking = true;
        if let Went::Away = step(begin, None, what) {
            return Before::Raised;
        }
        let set = |from: Object| ffi::PyList_SetSlice(list, 0, ffi::PyList_Size(list), from);
        let whole = ffi::PyList_GetSlice(list, 0, ffi::PyList_Size(list));
        let Some(whole) = Bound::from_owned_ptr_or_opt(py, whole) else {
            return Before::Raised;
        };
        if let Some(engine) = inside() {
            let shared = &mut engine.shared[lock as usize];
            (shared.available, shared.holder) = (false, Some((me, 1)));
        }
        let mut went = set(half.as_ptr()) == 0;
        if went {
            let end = operation(Kind::Atomic, both(lock, items));
            let what = || Record::here(Some(items), "changes", shown_list(&owner), None);
            went = !matches!(step(end, None, what), Went::Away);
        }
        // What unwinds keeps its exception.
        let raised = PyErr::take(py);
        set(whole.as_ptr());
        if let Some(error) = raised {
            error.restore(py);
        }
        if let Some(engine) = inside() {
            let shared = &mut engine.shared[lock as usize];
            (shared.available, shared.holder) = (true, None);
        }
        if went { Before::All } else { Before::Raised }
    }
}

fn shown_list(list: &Bound<'_, PyAny>) -> String {
    let class = list.get_type().name();
    class.map(|name| name.to_string()).unwrap_or_default()
}

/// An index of a list as it is counted from its start, if it is within it.
unsafe fn index_in(list: Object, index: Object) -> Option<(isize, isize)> {
    // SAFETY: `before`.
    unsafe {
        if ffi::PyLong_CheckExact(index) == 0 {
            return None;
        }
        let (length, mut at) = (ffi::PyList_Size(list), ffi::PyLong_AsSsize_t(index));
        if !ffi::PyErr_Occurred().is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        if at < 0 {
            at += length;
        }
        (0..length).contains(&at).then_some((at, length))
    }
}

/// A list whose later items have moved over one that is to go: the last one is there twice. `None` for the last
/// one itself, which nothing has to move for.
unsafe fn without<'py>(list: Object, index: Object) -> Option<Bound<'py, PyAny>> {
    // SAFETY: `before`.
    unsafe {
        let (at, length) = index_in(list, index)?;
        if at + 1 == length {
            return None;
        }
        let half = ffi::PyList_GetSlice(list, 0, length);
        let half = Bound::from_owned_ptr_or_opt(Python::assume_attached(), half)?;
        let rest = ffi::PyList_GetSlice(list, at + 1, length);
        let rest = Bound::from_owned_ptr_or_opt(Python::assume_attached(), rest)?;
        ffi::PyList_SetSlice(half.as_ptr(), at, length - 1, rest.as_ptr());
        Some(half)
    }
}

/// A list whose items have moved away for one that is to come: the first of them is there twice.
unsafe fn twice<'py>(list: Object, index: Object) -> Option<Bound<'py, PyAny>> {
    // SAFETY: `before`.
    unsafe {
        let (at, length) = index_in(list, index)?;
        let half = ffi::PyList_GetSlice(list, 0, length);
        let half = Bound::from_owned_ptr_or_opt(Python::assume_attached(), half)?;
        ffi::PyList_Insert(half.as_ptr(), at, ffi::PyList_GetItem(list, at));
        Some(half)
    }
}

/// The lock that an operation on this list takes, if it takes one: to be waited for first.
pub(super) unsafe fn lock_of(frame: &Frame, does: Does, list: Object) -> Option<ObjectId> {
    // SAFETY: `before`.
    unsafe {
        if !is_list(list) {
            return None;
        }
        let free = match does {
            Does::LoadItem { .. }
            | Does::Contains { .. }
            | Does::Next { .. }
            | Does::Truth { .. } => true,
            Does::Call {
                callable,
                arguments,
            } => called(callable, arguments, frame)
                .is_some_and(|found| matches!(found.name(), b"len" | b"bool")),
            _ => false,
        };
        if free {
            return None;
        }
    }
    inside().map(|engine| engine.object(list, LOCK))
}
