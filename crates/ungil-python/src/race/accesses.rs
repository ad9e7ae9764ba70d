//! From the instruction about to run to the shared things that it touches.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ungil_race::{Access, Kind, ObjectId, Part};

use super::called::{called, resolve};
use super::calls;
use super::code::{Does, NO_VALUE};
use super::containers::{container_of, element, is_container, iterated};
use super::engine::{CELL, CONTAINER, RESOURCE, inside};
use super::followers;
use super::frame::Frame;
use super::free_threaded::{self, Before};
use super::record::{Record, show};
use super::step::{Went, access, operation, step};

pub(super) type Object = *mut ffi::PyObject;

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

/// What an instruction comes to.
pub(super) struct Touch {
    pub(super) kind: Kind,
    pub(super) accesses: SmallVec<[(Object, usize, Part, bool); 2]>,
    pub(super) label: Label,
    pub(super) value: Option<Object>,
}

/// How what is touched is called, made only where the run is told.
pub(super) enum Label {
    Attribute(Object, Object),
    Name(Object),
    Item(Object, Object),
    Container(Object, Option<&'static [u8]>),
    /// What it is called on, and which method.
    Call(Object, &'static [u8]),
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
        let mut lock = None;
        if free_threaded::is_on() {
            let mut containers = touch.accesses.iter().filter(|it| it.1 == CONTAINER);
            lock = containers.find_map(|it| free_threaded::lock_of(&frame, does, it.0));
        }
        make(&touch, benign, lock)
    }
}

/// Makes the running thread stop before it touches this, which is alive; whether it may go on.
///
/// `lock` is waited for first.
pub(super) fn make(touch: &Touch, benign: bool, lock: Option<ObjectId>) -> bool {
    let Some(engine) = inside() else { return true };
    let mut accesses: SmallVec<[Access; 2]> = touch
        .accesses
        .iter()
        .map(|(object, part, of, write)| access(engine.object(*object, *part), *of, *write))
        .collect();
    let object = accesses.first().map(|access| access.object);
    let kind = if benign { Kind::Atomic } else { touch.kind };
    if let Some(lock) = lock {
        accesses.insert(0, access(lock, Part::Whole, false));
    }
    let mut wish = operation(kind, accesses);
    wish.blocking = lock.is_some();
    let went = step(wish, None, || note(object, touch));
    !matches!(went, Went::Away)
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
        Label::Container(owner, None) => class(owner),
        Label::Container(owner, Some(method)) | Label::Call(owner, method) => {
            format!("{}.{}", class(owner), String::from_utf8_lossy(method))
        }
    };
    let verb = match (touch.kind, writes) {
        _ if matches!(touch.label, Label::Call(..)) => "calls",
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
            } => calls::touched(&called(callable, arguments, frame)?),
            Does::CallUnpacked {
                callable,
                arguments,
            } => {
                let given = calls::unpacked(place(arguments));
                calls::touched(&resolve(place(callable), place(callable + 1), given)?)
            }
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
    let class = py.import("_thread")?.getattr("_local")?;
    // SAFETY: a type.
    let lookup = unsafe { (*class.as_ptr().cast::<ffi::PyTypeObject>()).tp_getattro };
    LOCAL.store(
        lookup.map_or(0, |lookup| lookup as usize),
        Ordering::Relaxed,
    );
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
