//! Calls of what is written in C: methods of containers, functions that are given containers, and methods of
//! what is closed at some time: files, sockets.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use smallvec::SmallVec;
use ungil_race::{Kind, Part};

use super::accesses::make;
use super::attributes::{load_attribute, shared_class, store_attribute};
use super::called::{Called, resolve};
use super::containers::{container_of, element, is_container, underlying};
use super::engine::{CONTAINER, inside};
use super::touch::{Accesses, Label, Object, Touch};

/// Methods of containers that change nothing.
const READERS: [&[u8]; 24] = [
    b"index",
    b"count",
    b"copy",
    b"get",
    b"keys",
    b"values",
    b"items",
    b"union",
    b"intersection",
    b"difference",
    b"symmetric_difference",
    b"isdisjoint",
    b"issubset",
    b"issuperset",
    b"__len__",
    b"__contains__",
    b"__getitem__",
    b"__iter__",
    b"__reversed__",
    b"__eq__",
    b"__sizeof__",
    b"__reduce_ex__",
    b"__repr__",
    b"__str__",
];

/// `_socket.socket`, where the process has it: Python's own class of sockets is made of it.
static SOCKET: AtomicUsize = AtomicUsize::new(0);

/// Learns what a socket is.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    if SOCKET.load(Ordering::Relaxed) != 0 {
        return Ok(());
    }
    let name = pyo3::intern!(py, "_socket");
    // SAFETY: the GIL is held; a new reference, or null where nobody has loaded it.
    let module =
        unsafe { Bound::from_owned_ptr_or_opt(py, ffi::PyImport_GetModule(name.as_ptr())) };
    if let Some(module) = module {
        // Kept: its address is to name nothing else.
        let class = module.getattr("socket")?.into_ptr();
        SOCKET.store(class as usize, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether it is a file, or a socket: what its threads share is in C, and somebody closes it.
unsafe fn is_closable(object: Object) -> bool {
    // SAFETY: `touched`; types and their names live as long as the object.
    unsafe {
        if object.is_null() {
            return false;
        }
        let class = ffi::Py_TYPE(object);
        let name = CStr::from_ptr((*class).tp_name).to_bytes();
        name.starts_with(b"_io.") || is_socket(class)
    }
}

unsafe fn is_socket(class: *mut ffi::PyTypeObject) -> bool {
    let socket = SOCKET.load(Ordering::Relaxed) as *mut ffi::PyTypeObject;
    // SAFETY: `prepare`: `sys.modules` keeps it alive; the other one is a live object's.
    !socket.is_null() && unsafe { ffi::PyType_IsSubtype(class, socket) != 0 }
}

/// What `*arguments` is unpacked to.
pub(super) unsafe fn unpacked(arguments: Object) -> SmallVec<[Object; 4]> {
    // SAFETY: a live object, with the GIL; what it holds lives as long as it is not changed, which no step
    // is made for before these are used.
    let arguments = unsafe { Bound::from_borrowed_ptr(Python::assume_attached(), arguments) };
    if let Ok(tuple) = arguments.cast::<PyTuple>() {
        tuple.iter().map(|it| it.as_ptr()).collect()
    } else if let Ok(list) = arguments.cast::<PyList>() {
        let held = list.iter().map(|it| it.as_ptr());
        std::iter::once(list.as_ptr()).chain(held).collect()
    } else {
        SmallVec::new()
    }
}

/// Is about to call `callable(*arguments)` on behalf of code under test: a thread's target, say, which the
/// standard library calls.
#[pyfunction]
pub(super) fn calls(callable: &Bound<'_, PyAny>, arguments: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: both are alive, with the GIL, on a thread of the model or none.
    unsafe {
        let given = unpacked(arguments.as_ptr());
        let none = std::ptr::null_mut();
        if inside().is_some()
            && let Some(touch) =
                resolve(callable.as_ptr(), none, given).and_then(|found| touched(&found))
            && !make(&touch, false, &[])
        {
            return Err(PyErr::fetch(callable.py()));
        }
    }
    Ok(())
}

/// What a call touches.
///
/// # Safety
/// Live objects, with the GIL.
pub(super) unsafe fn touched(found: &Called) -> Option<Touch> {
    // SAFETY: the caller's.
    unsafe {
        let (owner, method, arguments) = (found.owner, found.method, &found.arguments);
        if !found.is_of_c {
            // Python's part of a socket: the only one whose methods are Python's and whose state is in C.
            let of_socket = !owner.is_null() && is_socket(ffi::Py_TYPE(owner));
            return of_socket.then(|| closable(owner, Label::Container(owner, None)));
        }
        let mut accesses: Accesses = SmallVec::new();
        let of_builtins = !owner.is_null() && ffi::PyModule_Check(owner) != 0;
        if of_builtins && let Some(first) = arguments.first() {
            match (method, arguments.get(1)) {
                (Some(b"next"), _) => {
                    accesses.push((*first, CONTAINER, Part::Whole, true));
                    accesses.extend(gone_through(*first));
                }
                (Some(b"getattr" | b"hasattr"), Some(name)) if ffi::PyUnicode_Check(*name) != 0 => {
                    return load_attribute(*first, interned(*name));
                }
                (Some(b"setattr" | b"delattr"), Some(name)) if ffi::PyUnicode_Check(*name) != 0 => {
                    return store_attribute(*first, interned(*name), arguments.get(2).copied());
                }
                _ => {}
            }
        }
        if !of_builtins && is_container(owner) {
            let reads = method.is_some_and(|method| READERS.contains(&method));
            let part = match (method, arguments.first()) {
                (Some(b"get" | b"__getitem__" | b"__contains__"), Some(key)) => {
                    element(owner, *key)
                }
                _ => Part::Whole,
            };
            accesses.push((owner, CONTAINER, part, !reads));
        }
        if !of_builtins && is_closable(owner) {
            let label = method.map_or(Label::Container(owner, None), |method| {
                Label::Call(owner, method)
            });
            return Some(closable(owner, label));
        }
        if method == Some(b"add") && !owner.is_null() {
            // One step of `ungil.sync`.
            match shared_class(owner) {
                Some(b"ungil.sync.Value") => {
                    let name = ffi::PyUnicode_InternFromString(c"value".as_ptr());
                    ffi::Py_DECREF(name);
                    accesses.push((owner, name as usize, Part::Whole, true));
                }
                Some(b"ungil.sync.Array") => accesses.push((owner, CONTAINER, Part::Whole, true)),
                _ => {}
            }
        }
        for argument in arguments.iter().copied() {
            let container = container_of(argument).filter(|it| *it != owner);
            if let Some(container) = container {
                accesses.push((container, CONTAINER, Part::Whole, false));
            } else if is_closable(argument) {
                accesses.push((argument, CONTAINER, Part::Whole, true));
            } else if accesses.first().is_none_or(|it| it.0 != argument) {
                accesses.extend(gone_through(argument));
            }
        }
        let shown = accesses.first()?.0;
        let label = Label::Container(shown, method.filter(|_| shown == owner));
        Some(Touch {
            kind: Kind::Atomic,
            accesses,
            label,
            value: None,
        })
    }
}

/// The containers that an iterator reads.
pub(super) unsafe fn gone_through(iterator: Object) -> Accesses {
    // SAFETY: `touched`.
    let containers = unsafe { underlying(iterator) };
    containers
        .iter()
        .map(|it| (*it, CONTAINER, Part::Whole, false))
        .collect()
}

/// A method of a file or socket is called: all of them change its state.
fn closable(owner: Object, label: Label) -> Touch {
    Touch {
        kind: Kind::Atomic,
        accesses: SmallVec::from_slice(&[(owner, CONTAINER, Part::Whole, true)]),
        label,
        value: None,
    }
}

/// The one text of these characters that names are compared by.
unsafe fn interned(name: Object) -> Object {
    // SAFETY: a text that the value stack holds; interning takes over one reference and gives one back,
    // and the interned text lives as long as the object that has an attribute of that name.
    unsafe {
        let mut name = ffi::Py_NewRef(name);
        ffi::PyUnicode_InternInPlace(&raw mut name);
        ffi::Py_DECREF(name);
        name
    }
}
