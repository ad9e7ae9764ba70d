//! What is read item by item, without the lock of what is read.
//!
//! A traversal is made here, and the instruction is then given a copy of what was seen.

use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::smallvec;
use ungil_race::{Kind, Part};

use super::super::called::Called;
use super::super::containers::{container_of, is_deque, underlying};
use super::super::engine::{CONTAINER, inside};
use super::super::frame::Frame;
use super::super::record::Record;
use super::super::step::{Went, access, operation, step};
use super::super::touch::Object;
use super::held::{Held, name_of};
use super::{Before, is_dict, is_list, is_set};

unsafe extern "C" {
    static mut PyDictValues_Type: ffi::PyTypeObject;
}

/// How items are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Each by its place.
    Index,
    /// An iterator, which notices that a dict or a deque has changed.
    Iterator,
}

/// What `in` goes through one by one, unlike a dict's keys and items.
pub(super) unsafe fn is_values(object: Object) -> bool {
    // SAFETY: `before`: an object, or null.
    unsafe { !object.is_null() && ffi::Py_TYPE(object) == &raw mut PyDictValues_Type }
}

/// Whether `list.extend` and the like lock this while they read it.
pub(super) unsafe fn has_its_lock_taken(source: Object) -> bool {
    // SAFETY: `before`.
    unsafe {
        let view = container_of(source).is_some_and(|it| it != source);
        is_list(source) || is_dict(source) || is_set(source) || view
    }
}

/// Whether unpacking it (`Does::Unpack`) holds its lock.
pub(super) unsafe fn is_locked_for(source: Object, into: usize) -> bool {
    // SAFETY: `before`.
    unsafe {
        match into {
            0 => false,
            1 => is_dict(source) || is_set(source),
            _ => has_its_lock_taken(source),
        }
    }
}

/// Whether this call goes through what it is given with an iterator, and not under its lock.
pub(super) unsafe fn iterates(found: &Called, source: Object) -> bool {
    // SAFETY: `before`.
    unsafe {
        let lazy = !underlying(source).is_empty();
        if container_of(source).is_none() && !lazy {
            return false;
        }
        let (dict, set) = (is_dict(source), is_set(source));
        let locked = has_its_lock_taken(source);
        let owner = found.owner;
        let of_builtins = !owner.is_null() && ffi::PyModule_Check(owner) != 0;
        match found.name() {
            b"sum" | b"min" | b"max" => of_builtins,
            // They may end before all is read: what an iterator calls may be told of.
            b"any" | b"all" => of_builtins && !lazy,
            b"sorted" => of_builtins && !locked,
            b"extend" if is_list(owner) => !locked,
            b"extend" | b"extendleft" => is_deque(owner),
            b"update" if owner.is_null() => false,
            b"update" if ffi::PyAnySet_Check(owner) != 0 => !(dict || set),
            b"update" => ffi::PyDict_Check(owner) != 0 && !dict,
            // Classes.
            _ if !owner.is_null() => false,
            b"collections.deque" => true,
            b"list" => !locked,
            b"tuple" => !is_list(source),
            b"set" | b"frozenset" => !(dict || set),
            b"dict" => !dict,
            _ => false,
        }
    }
}

/// Reads a container, or what lies below an iterator, item by item, and puts a list of what was seen in its place on the
/// value stack. `held` has its lock taken meanwhile.
pub(super) unsafe fn traverse(frame: &Frame, at: usize, by: By, held: Option<Object>) -> Before {
    // SAFETY: `before`: the value stack keeps the object alive, in this place, until it is replaced.
    unsafe {
        let py = Python::assume_attached();
        let source = Bound::from_borrowed_ptr(py, frame.place(at));
        let mut shared = underlying(source.as_ptr());
        if let Some(container) = container_of(source.as_ptr()) {
            shared = smallvec![container];
        }
        if shared.is_empty() {
            return Before::Nothing;
        }
        let iterator = ffi::PyObject_GetIter(source.as_ptr());
        if iterator.is_null() {
            return Before::Raised;
        }
        let iterator = Bound::from_owned_ptr(py, iterator);
        let mut lock = None;
        if let Some(owner) = held {
            lock = Held::take(&[owner], "begins to change");
            if lock.is_none() {
                return Before::Raised;
            }
        }
        let seen = Bound::from_owned_ptr(py, ffi::PyList_New(0));
        for index in 0.. {
            let Some(engine) = inside() else {
                return Before::Nothing;
            };
            let part = match by {
                By::Index => Part::Element(index),
                By::Iterator => Part::Whole,
            };
            let objects = shared.iter().map(|it| engine.object(*it, CONTAINER));
            let accesses = objects.map(|object| access(object, part, false)).collect();
            let wish = operation(Kind::Atomic, accesses);
            let shown = wish.accesses.first().map(|access| access.object);
            let name = || format!("{}[{index}]", name_of(source.as_ptr()));
            if let Went::Away = step(wish, None, || Record::here(shown, "looks at", name(), None)) {
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
        drop(lock);
        Before::All
    }
}

/// `list[-1]`: its length is read first, and then the item at the place that this gives.
pub(super) unsafe fn from_the_end(frame: &Frame, container: usize, key: usize) -> Before {
    // SAFETY: `before`.
    unsafe {
        let (list, index) = (frame.place(container), frame.place(key));
        if index.is_null() || ffi::PyLong_CheckExact(index) == 0 {
            return Before::Nothing;
        }
        let from_end = ffi::PyLong_AsSsize_t(index);
        if !ffi::PyErr_Occurred().is_null() {
            ffi::PyErr_Clear();
            return Before::Nothing;
        }
        if from_end >= 0 {
            return Before::Nothing;
        }
        let Some(engine) = inside() else {
            return Before::Nothing;
        };
        let object = engine.object(list, CONTAINER);
        let wish = operation(Kind::Atomic, smallvec![access(object, Part::Whole, false)]);
        let what = || Record::here(Some(object), "looks at", name_of(list), None);
        if let Went::Away = step(wish, None, what) {
            return Before::Raised;
        }
        let place = from_end + ffi::PyList_Size(list);
        if place >= 0 {
            let place = ffi::PyLong_FromSsize_t(place);
            if place.is_null() {
                return Before::Raised;
            }
            frame.replace(key, place);
        }
        Before::Nothing
    }
}
