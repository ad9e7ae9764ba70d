//! Attributes: what reading or writing one touches, where it is found.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ungil_race::{Kind, ObjectId, Part};

use super::calls;
use super::containers::element;
use super::engine::{CELL, CONTAINER, RESOURCE, inside};
use super::touch::{Accesses, Label, Object, Touch};

unsafe extern "C" {
    fn _PyType_Lookup(class: *mut ffi::PyTypeObject, name: Object) -> Object;
    static mut PyMethod_Type: ffi::PyTypeObject;
    static mut PyGetSetDescr_Type: ffi::PyTypeObject;
    static mut PyMethodDescr_Type: ffi::PyTypeObject;
    static mut PyWrapperDescr_Type: ffi::PyTypeObject;
    static mut PyClassMethod_Type: ffi::PyTypeObject;
    static mut PyStaticMethod_Type: ffi::PyTypeObject;
    static mut PyClassMethodDescr_Type: ffi::PyTypeObject;
    static mut PyMemberDescr_Type: ffi::PyTypeObject;
}

/// Functions, classes and modules: what is bound once and then only used.
pub(super) unsafe fn is_fixed(value: Object) -> bool {
    // SAFETY: `before`: a live object.
    unsafe {
        ffi::PyFunction_Check(value) != 0
            || ffi::PyType_Check(value) != 0
            || ffi::PyModule_Check(value) != 0
            || ffi::PyCFunction_Check(value) != 0
            || ffi::Py_TYPE(value) == &raw mut PyMethod_Type
    }
}

/// Whether this is a value of `ungil.sync`, and the descriptor's type that of its attributes.
unsafe fn is_shared_value(owner: Object, descriptor: *mut ffi::PyTypeObject) -> bool {
    descriptor == &raw mut PyGetSetDescr_Type && shared_class(owner) == Some(b"ungil.sync.Value")
}

pub(super) fn shared_class(object: Object) -> Option<&'static [u8]> {
    // SAFETY: `before`; the type's name lives as long as the class, which is the module's.
    let name = unsafe { std::ffi::CStr::from_ptr((*ffi::Py_TYPE(object)).tp_name) }.to_bytes();
    name.starts_with(b"ungil.sync.").then_some(name)
}

/// `_thread._local`'s way to look up attributes: those are each thread's own.
static LOCAL: AtomicUsize = AtomicUsize::new(0);

/// Learns what `threading.local` is, and forgets what an earlier exploration has found.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    CLASS_NAME.store(0, Ordering::Relaxed);
    if LOCAL.load(Ordering::Relaxed) == 0 {
        let class = py.import("_thread")?.getattr("_local")?;
        // SAFETY: a type.
        let lookup = unsafe { (*class.as_ptr().cast::<ffi::PyTypeObject>()).tp_getattro };
        LOCAL.store(
            lookup.map_or(0, |lookup| lookup as usize),
            Ordering::Relaxed,
        );
    }
    calls::prepare(py)
}

unsafe fn is_thread_local(owner: Object) -> bool {
    // SAFETY: `before`.
    let lookup = unsafe { (*ffi::Py_TYPE(owner)).tp_getattro };
    lookup.is_some_and(|lookup| lookup as usize == LOCAL.load(Ordering::Relaxed))
}

pub(super) unsafe fn load_attribute(owner: Object, name: Object) -> Option<Touch> {
    let touch = |accesses| {
        Some(Touch {
            kind: Kind::Read,
            accesses,
            label: Label::Attribute(owner, name),
            value: None,
        })
    };
    // SAFETY: `before`; `_PyType_Lookup` lends what it finds.
    unsafe {
        if is_thread_local(owner) {
            return None;
        }
        if ffi::PyModule_Check(owner) != 0 {
            let names = ffi::PyModule_GetDict(owner);
            let value = ffi::PyDict_GetItemWithError(names, name);
            if value.is_null() || is_fixed(value) {
                return None;
            }
            return touch(SmallVec::from_slice(&[(
                names,
                name as usize,
                Part::Whole,
                false,
            )]));
        }
        if ffi::PyType_Check(owner) != 0 {
            let value = _PyType_Lookup(owner.cast(), name);
            if value.is_null() || is_fixed(value) {
                return None;
            }
            // Whichever class of its line has it: all of them are read.
            let line = (*owner.cast::<ffi::PyTypeObject>()).tp_mro;
            let classes = (0..ffi::PyTuple_Size(line)).map(|at| ffi::PyTuple_GetItem(line, at));
            return touch(
                classes
                    .map(|class| (class, name as usize, Part::Whole, false))
                    .collect(),
            );
        }
        let class = ffi::Py_TYPE(owner);
        let found = _PyType_Lookup(class, name);
        let mut accesses: Accesses =
            SmallVec::from_slice(&[(owner, name as usize, Part::Whole, false)]);
        if found.is_null() {
            return touch(accesses);
        }
        let kind = ffi::Py_TYPE(found);
        if kind == &raw mut PyMemberDescr_Type || is_shared_value(owner, kind) {
            return touch(accesses);
        }
        if (*kind).tp_descr_get.is_some() {
            if (*kind).tp_descr_set.is_some() || is_method(found) {
                // A method or a property: what it does is seen when it does it.
                return has_changed_class(owner).then(|| class_of(owner));
            }
            // What keeps its value in the object, under its own name (`functools.cached_property`).
            let names = ffi::PyObject_GenericGetDict(owner, std::ptr::null_mut());
            if names.is_null() {
                ffi::PyErr_Clear();
            } else {
                ffi::Py_DECREF(names); // the object keeps it
                accesses.push((names, CONTAINER, element(names, name), false));
            }
            return touch(accesses);
        }
        let line = (*class).tp_mro;
        for at in 0..ffi::PyTuple_Size(line) {
            accesses.push((
                ffi::PyTuple_GetItem(line, at),
                name as usize,
                Part::Whole,
                false,
            ));
        }
        touch(accesses)
    }
}

/// The name under which an object's class is kept that was changed, 0 where no class was.
static CLASS_NAME: AtomicUsize = AtomicUsize::new(0);

/// Whether an object's class was changed in this run: finding a method in it depends on that.
fn has_changed_class(owner: Object) -> bool {
    let name = CLASS_NAME.load(Ordering::Relaxed);
    name != 0 && inside().is_some_and(|engine| engine.names.contains_key(&(owner as usize, name)))
}

fn class_of(owner: Object) -> Touch {
    let name = CLASS_NAME.load(Ordering::Relaxed);
    Touch {
        kind: Kind::Read,
        accesses: SmallVec::from_slice(&[(owner, name, Part::Whole, false)]),
        label: Label::Attribute(owner, name as Object),
        value: None,
    }
}

/// A new `__dict__` or `__class__`: all attributes of the object that somebody has used are others from now on.
unsafe fn replaced(owner: Object, name: Object, value: Option<Object>) -> Option<Touch> {
    // SAFETY: `before`; a name is a text.
    let is = |text: &std::ffi::CStr| unsafe {
        ffi::PyUnicode_CompareWithASCIIString(name, text.as_ptr()) == 0
    };
    if !is(c"__dict__") && !is(c"__class__") {
        return None;
    }
    let mut known: Vec<(ObjectId, usize)> = inside()?
        .names
        .iter()
        .filter(|((of, part), _)| {
            *of == owner as usize && ![RESOURCE, CONTAINER, CELL].contains(part)
        })
        .map(|((_, part), object)| (*object, *part))
        .collect();
    known.sort_unstable(); // the same in each run
    let mut names: SmallVec<[usize; 2]> = known.iter().map(|(_, name)| *name).collect();
    if is(c"__class__") {
        CLASS_NAME.store(name as usize, Ordering::Relaxed);
        if !names.contains(&(name as usize)) {
            names.push(name as usize);
        }
    }
    (!names.is_empty()).then(|| Touch {
        kind: Kind::Write,
        accesses: names
            .iter()
            .map(|name| (owner, *name, Part::Whole, true))
            .collect(),
        label: Label::Attribute(owner, name),
        value,
    })
}

/// What a class has that is called, and changes nothing by being looked up.
unsafe fn is_method(found: Object) -> bool {
    // SAFETY: `before`: a live object.
    unsafe {
        let kind = ffi::Py_TYPE(found);
        is_fixed(found)
            || kind == &raw mut PyMethodDescr_Type
            || kind == &raw mut PyWrapperDescr_Type
            || kind == &raw mut PyClassMethod_Type
            || kind == &raw mut PyStaticMethod_Type
            || kind == &raw mut PyClassMethodDescr_Type
    }
}

pub(super) unsafe fn store_attribute(
    owner: Object,
    name: Object,
    value: Option<Object>,
) -> Option<Touch> {
    // SAFETY: `before`.
    unsafe {
        if is_thread_local(owner) {
            return None;
        }
        let mut target = owner;
        if ffi::PyModule_Check(owner) != 0 {
            target = ffi::PyModule_GetDict(owner);
        } else if ffi::PyType_Check(owner) == 0 {
            let found = _PyType_Lookup(ffi::Py_TYPE(owner), name);
            if !found.is_null()
                && !is_shared_value(owner, ffi::Py_TYPE(found))
                && ffi::Py_TYPE(found) != &raw mut PyMemberDescr_Type
                && (*ffi::Py_TYPE(found)).tp_descr_set.is_some()
            {
                return replaced(owner, name, value); // or a property
            }
        }
        Some(Touch {
            kind: Kind::Write,
            accesses: SmallVec::from_slice(&[(target, name as usize, Part::Whole, true)]),
            label: Label::Attribute(owner, name),
            value,
        })
    }
}
