//! From the instruction about to run to the shared things that it touches.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ungil_race::{Access, Kind, ObjectId, Part};

use super::called::{Called, called};
use super::code::{Does, NO_VALUE};
use super::containers::{container_of, element, is_container, iterated};
use super::engine::{CELL, CONTAINER, Went, access, inside, operation, step};
use super::followers;
use super::frame::Frame;
use super::free_threaded::{self, Before};
use super::record::{Record, show};

pub(super) type Object = *mut ffi::PyObject;

unsafe extern "C" {
    fn _PyType_Lookup(class: *mut ffi::PyTypeObject, name: Object) -> Object;
    static mut PyMethod_Type: ffi::PyTypeObject;
    static mut PyGetSetDescr_Type: ffi::PyTypeObject;
    static mut PyMemberDescr_Type: ffi::PyTypeObject;
}

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

/// What an instruction comes to.
struct Touch {
    kind: Kind,
    accesses: SmallVec<[(Object, usize, Part, bool); 2]>,
    label: Label,
    value: Option<Object>,
}

/// How what is touched is called, made only where the run is told.
enum Label {
    Attribute(Object, Object),
    Name(Object),
    Item(Object, Object),
    Container(Object, Option<&'static [u8]>),
}

/// Makes the running thread stop before this instruction; whether it may go on.
///
/// A `benign` access is meant to be one atomic step that orders threads.
///
/// # Safety
/// A thread of the model runs `frame`, with the GIL, and is about to run an instruction that does this.
pub(super) unsafe fn before(
    frame: *mut ffi::PyFrameObject,
    does: Does,
    name: Object,
    benign: bool,
) -> bool {
    // SAFETY: the frame's layout is that of the Python that this is built for (the session refuses unknown
    // ones); places come from the code object's own analysis.
    unsafe {
        let frame = Frame::new(frame);
        if let Does::LoadAttribute { owner: object } | Does::Enter { object } = does
            && !followers::meets(frame.place(object))
        {
            return false;
        }
        if free_threaded::is_on() {
            match free_threaded::before(&frame, does) {
                Before::Nothing => {}
                Before::All => return true,
                Before::Raised => return false,
            }
        }
        let Some(touch) = decode(&frame, does, name) else {
            return true;
        };
        let Some(engine) = inside() else { return true };
        let mut accesses: SmallVec<[Access; 2]> = touch
            .accesses
            .iter()
            .map(|(object, part, of, write)| access(engine.object(*object, *part), *of, *write))
            .collect();
        let object = accesses.first().map(|access| access.object);
        let kind = if benign { Kind::Atomic } else { touch.kind };
        let mut containers = touch.accesses.iter().filter(|it| it.1 == CONTAINER);
        let lock = match free_threaded::is_on() {
            true => containers.find_map(|it| free_threaded::lock_of(&frame, does, it.0)),
            false => None,
        };
        if let Some(lock) = lock {
            accesses.insert(0, access(lock, Part::Whole, false));
        }
        let mut wish = operation(kind, accesses);
        wish.blocking = lock.is_some();
        let went = step(wish, None, || note(object, &touch));
        !matches!(went, Went::Away)
    }
}

fn note(object: Option<ObjectId>, touch: &Touch) -> Option<Record> {
    // SAFETY: called by `step` on the thread that is about to run the instruction; what was on its value
    // stack is still there.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: as above.
    let bound = |object: Object| unsafe { Bound::from_borrowed_ptr(py, object) };
    let class = |object: Object| {
        let object = bound(object);
        if let Ok(module) = object.cast::<pyo3::types::PyModule>() {
            return module
                .name()
                .map(|name| name.to_string())
                .unwrap_or_default();
        }
        if let Ok(class) = object.cast::<pyo3::types::PyType>() {
            return class
                .name()
                .map(|name| name.to_string())
                .unwrap_or_default();
        }
        let name = object.get_type().name();
        name.map(|name| name.to_string()).unwrap_or_default()
    };
    let writes = touch.accesses.iter().any(|(_, _, _, write)| *write);
    let what = match touch.label {
        Label::Attribute(owner, name) => format!("{}.{}", class(owner), bound(name)),
        Label::Name(name) => bound(name).to_string(),
        Label::Item(owner, key) => format!("{}[{}]", class(owner), show(&bound(key))),
        Label::Container(owner, Some(method)) => {
            format!("{}.{}", class(owner), String::from_utf8_lossy(method))
        }
        Label::Container(owner, None) => class(owner),
    };
    let verb = match (touch.kind, writes) {
        (Kind::Read, _) => "reads",
        (Kind::Write, _) if touch.value.is_none() => "deletes",
        (Kind::Write, _) => "writes",
        (_, true) => "changes",
        (_, false) => "looks at",
    };
    let value = touch.value.map(|value| show(&bound(value)));
    Record::here(object, verb, what, value)
}

#[allow(clippy::too_many_lines)] // one arm per kind of instruction
unsafe fn decode(frame: &Frame, does: Does, name: Object) -> Option<Touch> {
    // SAFETY: the caller's: places of this frame.
    let place = |at: usize| unsafe { frame.place(at) };
    let value_at = |at: usize| (at != NO_VALUE).then(|| place(at));
    let one = |kind, access, label, value| {
        Some(Touch {
            kind,
            accesses: SmallVec::from_slice(&[access]),
            label,
            value,
        })
    };
    let reads = |object, at, part, label| one(Kind::Read, (object, at, part, false), label, None);
    let writes =
        |object, at, part, label, value| one(Kind::Write, (object, at, part, true), label, value);
    // SAFETY: `before`.
    unsafe {
        match does {
            Does::Nothing | Does::Loop | Does::LoopIf { .. } | Does::Enter { .. } => None,
            Does::LoadAttribute { owner } => load_attribute(place(owner), name),
            Does::StoreAttribute { owner, value } => {
                store_attribute(place(owner), name, value_at(value))
            }
            Does::LoadGlobal => {
                let globals = frame.globals()?;
                let value = ffi::PyDict_GetItemWithError(globals, name);
                if value.is_null() || is_fixed(value) {
                    return None;
                }
                reads(globals, name as usize, Part::Whole, Label::Name(name))
            }
            Does::StoreGlobal { value } => {
                let globals = frame.globals()?;
                let value = value_at(value);
                writes(
                    globals,
                    name as usize,
                    Part::Whole,
                    Label::Name(name),
                    value,
                )
            }
            Does::LoadCell { cell } => {
                let cell = place(cell);
                let value = ffi::PyCell_Get(cell);
                let fixed = value.is_null() || is_fixed(value);
                ffi::Py_XDECREF(value);
                if fixed {
                    return None;
                }
                reads(cell, CELL, Part::Whole, Label::Name(name))
            }
            Does::StoreCell { cell, value } => {
                let value = value_at(value);
                writes(place(cell), CELL, Part::Whole, Label::Name(name), value)
            }
            Does::LoadItem { container, key } => {
                let (object, key) = (place(container), place(key));
                if !is_container(object) && ffi::PyTuple_Check(object) != 0
                    || ffi::PyUnicode_Check(object) != 0
                    || ffi::PyType_Check(object) != 0
                {
                    return None;
                }
                let part = element(object, key);
                reads(object, CONTAINER, part, Label::Item(object, key))
            }
            Does::StoreItem {
                container,
                key,
                value,
            } => {
                let (object, key, value) = (place(container), place(key), value_at(value));
                let mut part = element(object, key);
                let deletes = value.is_none();
                let is_new = ffi::PyDict_CheckExact(object) != 0
                    && part != Part::Whole
                    && ffi::PyDict_Contains(object, key) != 1;
                if deletes || is_new {
                    part = Part::Whole;
                }
                let kind = if is_new { Kind::Atomic } else { Kind::Write };
                one(
                    kind,
                    (object, CONTAINER, part, true),
                    Label::Item(object, key),
                    value,
                )
            }
            Does::Call {
                callable,
                arguments,
            } => call(&called(callable, arguments, frame)?),
            Does::Next { iterator } => {
                let iterator = place(iterator);
                let mut accesses: SmallVec<[(Object, usize, Part, bool); 2]> = SmallVec::new();
                // From 3.15 on a list is gone through without an iterator; one that only this frame has is no
                // concern of others.
                if is_container(iterator) {
                    accesses.push((iterator, CONTAINER, Part::Whole, false));
                } else if ffi::Py_REFCNT(iterator) > 1 {
                    accesses.push((iterator, CONTAINER, Part::Whole, true));
                }
                if let Some(container) = iterated(iterator) {
                    accesses.push((container, CONTAINER, Part::Whole, false));
                }
                let shown = accesses.last()?.0;
                let label = Label::Container(shown, None);
                Some(Touch {
                    kind: Kind::Atomic,
                    accesses,
                    label,
                    value: None,
                })
            }
            Does::ReadWhole { .. } | Does::Contains { .. } | Does::Truth { .. } => {
                let (first, count) = match does {
                    Does::Contains { container } => (container - 1, 2),
                    Does::Truth { value } => (value, 1),
                    Does::ReadWhole { first, count } => (first, count),
                    _ => return None,
                };
                let containers = (first..first + count).filter_map(|at| container_of(place(at)));
                let accesses: SmallVec<[(Object, usize, Part, bool); 2]> = containers
                    .map(|it| (it, CONTAINER, Part::Whole, false))
                    .collect();
                let label = Label::Container(accesses.first()?.0, None);
                Some(Touch {
                    kind: Kind::Atomic,
                    accesses,
                    label,
                    value: None,
                })
            }
            Does::WriteWhole { container } => {
                let object = place(container);
                let label = Label::Container(object, None);
                writes(object, CONTAINER, Part::Whole, label, None)
            }
            Does::InPlace { left } => {
                let (object, right) = (place(left), place(left + 1));
                let mut accesses: SmallVec<[(Object, usize, Part, bool); 2]> = SmallVec::new();
                if is_container(object) {
                    accesses.push((object, CONTAINER, Part::Whole, true));
                }
                if is_container(right) && right != object {
                    accesses.push((right, CONTAINER, Part::Whole, false));
                }
                let label = Label::Container(accesses.first()?.0, None);
                Some(Touch {
                    kind: Kind::Atomic,
                    accesses,
                    label,
                    value: None,
                })
            }
        }
    }
}

/// Functions, classes and modules: what is bound once and then only used.
unsafe fn is_fixed(value: Object) -> bool {
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

fn shared_class(object: Object) -> Option<&'static [u8]> {
    // SAFETY: `before`; the type's name lives as long as the class, which is the module's.
    let name = unsafe { std::ffi::CStr::from_ptr((*ffi::Py_TYPE(object)).tp_name) }.to_bytes();
    name.starts_with(b"ungil.sync.").then_some(name)
}

/// `_thread._local`'s way to look up attributes: those are each thread's own.
static LOCAL: AtomicUsize = AtomicUsize::new(0);

/// Learns what `threading.local` is.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let class = py.import("_thread")?.getattr("_local")?;
    // SAFETY: a type.
    let lookup = unsafe { (*class.as_ptr().cast::<ffi::PyTypeObject>()).tp_getattro };
    LOCAL.store(
        lookup.map_or(0, |lookup| lookup as usize),
        Ordering::Relaxed,
    );
    Ok(())
}

unsafe fn is_thread_local(owner: Object) -> bool {
    // SAFETY: `before`.
    let lookup = unsafe { (*ffi::Py_TYPE(owner)).tp_getattro };
    lookup.is_some_and(|lookup| lookup as usize == LOCAL.load(Ordering::Relaxed))
}

unsafe fn load_attribute(owner: Object, name: Object) -> Option<Touch> {
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
        let mut accesses: SmallVec<_> =
            SmallVec::from_slice(&[(owner, name as usize, Part::Whole, false)]);
        if found.is_null() {
            return touch(accesses);
        }
        let kind = ffi::Py_TYPE(found);
        if kind == &raw mut PyMemberDescr_Type || is_shared_value(owner, kind) {
            return touch(accesses);
        }
        if (*kind).tp_descr_get.is_some() {
            return None; // a method or a property: what it does is seen when it does it
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

unsafe fn store_attribute(owner: Object, name: Object, value: Option<Object>) -> Option<Touch> {
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
                return None; // a property
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

/// Calls of what is written in C: methods of containers, and functions that are given containers.
unsafe fn call(found: &Called) -> Option<Touch> {
    // SAFETY: `before`.
    unsafe {
        let (owner, method, arguments) = (found.owner, found.method, &found.arguments);
        let mut accesses: SmallVec<[(Object, usize, Part, bool); 2]> = SmallVec::new();
        let of_builtins = !owner.is_null() && ffi::PyModule_Check(owner) != 0;
        if of_builtins && let Some(first) = arguments.first() {
            match (method, arguments.get(1)) {
                (Some(b"next"), _) => accesses.push((*first, CONTAINER, Part::Whole, true)),
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
        for argument in arguments.iter().filter_map(|it| container_of(*it)) {
            if argument != owner {
                accesses.push((argument, CONTAINER, Part::Whole, false));
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
