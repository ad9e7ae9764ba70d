//! What a build without GIL does in several steps, done so on a build with one (`mode="free-threaded"`).
//!
//! After `CPython`'s page "Thread Safety Guarantees" and the sources of 3.13 to 3.15: most operations on a container
//! hold its lock, some hold those of two; those that only read take none, and see what lies between.
//!
//! ```text
//!  held       the locks of containers            traversal  what is read item by item
//!  halfway    an operation that looks half done  lists      what a list looks like then    merges  and dicts and sets
//! ```

mod halfway;
mod held;
mod lists;
mod merges;
mod traversal;

use std::cell::Cell;

use pyo3::ffi;
use pyo3::prelude::*;

use super::by_turns::ByTurns;
use super::called::{Called, called};
use super::code::{Does, NO_VALUE};
use super::containers::{container_of, is_deque};
use super::frame::Frame;
use super::touch::Object;
use halfway::halfway;
pub(super) use held::locks_of;
use traversal::{By, iterates, traverse};

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
    /// Nothing, or what comes before its last step.
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
                traverse(frame, container, By::Index, None)
            }
            Does::Contains { container } if traversal::is_values(frame.place(container)) => {
                traverse(frame, container, By::Iterator, None)
            }
            Does::Unpack { source, into }
                if !traversal::is_locked_for(frame.place(source), into) =>
            {
                traverse(frame, source, By::Iterator, None)
            }
            Does::LoadItem { container, key } if is_list(frame.place(container)) => {
                traversal::from_the_end(frame, container, key)
            }
            Does::StoreItem {
                container,
                key,
                value,
            } if is_list(frame.place(container)) => store(frame, container, key, value),
            Does::WriteWhole { container } if is_list(frame.place(container)) => {
                let (start, stop) = (frame.place(container + 1), frame.place(container + 2));
                let slice = ffi::PySlice_New(start, stop, std::ptr::null_mut());
                let py = Python::assume_attached();
                match Bound::from_owned_ptr_or_opt(py, slice) {
                    Some(slice) => assign(frame, container, slice.as_ptr(), container - 1),
                    None => Before::Raised,
                }
            }
            Does::InPlace { left, operator } => in_place(frame, left, operator),
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

unsafe fn is_dict(object: Object) -> bool {
    // SAFETY: as above.
    unsafe { !object.is_null() && ffi::PyDict_CheckExact(object) != 0 }
}

unsafe fn is_set(object: Object) -> bool {
    // SAFETY: as above.
    unsafe { !object.is_null() && ffi::PyAnySet_CheckExact(object) != 0 }
}

/// `list[key] = value`, or `del list[key]`.
unsafe fn store(frame: &Frame, container: usize, key: usize, value: usize) -> Before {
    // SAFETY: `before`.
    unsafe {
        let list = frame.place(container);
        if ffi::PySlice_Check(frame.place(key)) == 0 {
            let counted = traversal::from_the_end(frame, container, key);
            if value != NO_VALUE || matches!(counted, Before::Raised) {
                return counted;
            }
        } else if value != NO_VALUE {
            return assign(frame, container, frame.place(key), value);
        }
        let key = frame.place(key);
        halfway(list, None, || lists::without(list, key))
    }
}

/// `list[slice] = value`: only another list is locked meanwhile.
unsafe fn assign(frame: &Frame, container: usize, slice: Object, value: usize) -> Before {
    // SAFETY: `before`; the caller holds the slice.
    unsafe {
        let list = frame.place(container);
        let given = frame.place(value);
        if container_of(given).is_some() && !is_list(given) {
            return traverse(frame, value, By::Iterator, Some(list));
        }
        let other = (is_list(given) && given != list).then_some(given);
        halfway(list, other, || lists::assigned(list, slice, given))
    }
}

/// `left += right` and the like. What is added to a list is not seen before it is there: reading it waits for the lock.
unsafe fn in_place(frame: &Frame, left: usize, operator: usize) -> Before {
    // SAFETY: `before`.
    unsafe {
        let (owner, right) = (frame.place(left), frame.place(left + 1));
        let is_other = container_of(right).is_some() && right != owner;
        if is_list(owner) || is_deque(owner) {
            let locked = is_list(owner) && traversal::has_its_lock_taken(right);
            if is_other && !locked {
                return traverse(frame, left + 1, By::Iterator, Some(owner));
            }
        } else if is_dict(owner) && is_other && !is_dict(right) {
            return traverse(frame, left + 1, By::Iterator, Some(owner));
        } else if let Some(adds) = merges::adds(operator) {
            return merge(owner, right, adds);
        }
        Before::Nothing
    }
}

unsafe fn merge(owner: Object, right: Object, adds: bool) -> Before {
    // SAFETY: `before`.
    unsafe {
        if !merges::may_be_seen(owner, right, adds) {
            return Before::Nothing;
        }
        halfway(owner, Some(right), || merges::first(owner, right, adds))
    }
}

unsafe fn call(frame: &Frame, at: usize, found: &Called) -> Before {
    // SAFETY: `before`.
    unsafe {
        let list = found.owner;
        let of_builtins = !list.is_null() && ffi::PyModule_Check(list) != 0;
        match (found.method, found.arguments.as_slice()) {
            (Some(b"index" | b"count"), _) if is_list(list) && found.owner_is_placed => {
                traverse(frame, at + 1, By::Index, None)
            }
            (Some(b"sort"), _) if is_list(list) => halfway(list, None, || lists::sorting(list)),
            (Some(b"reverse"), _) if is_list(list) => {
                halfway(list, None, || lists::reversing(list))
            }
            (Some(b"pop"), [index]) if is_list(list) => {
                let index = *index;
                halfway(list, None, || lists::without(list, index))
            }
            (Some(b"remove"), [value]) if is_list(list) => {
                let value = *value;
                halfway(list, None, || lists::removed(list, value))
            }
            (Some(b"insert"), [index, item]) if is_list(list) => {
                let (index, item) = (*index, *item);
                halfway(list, None, || lists::inserted(list, index, item))
            }
            (Some(b"update"), [source]) if merges::may_be_seen(list, *source, true) => {
                merge(list, *source, true)
            }
            (Some(b"difference_update"), [source]) if merges::may_be_seen(list, *source, false) => {
                merge(list, *source, false)
            }
            (_, [source, ..]) if iterates(found, *source) => {
                let owner = (!list.is_null() && !of_builtins).then_some(list);
                traverse(frame, at + 2, By::Iterator, owner)
            }
            _ => Before::Nothing,
        }
    }
}
