//! What an instruction touches, and how that is told.

use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ungil_race::{Kind, ObjectId, Part};

use super::record::{Record, show};

pub(super) type Object = *mut ffi::PyObject;

/// Objects, which part of each (`engine::CONTAINER`, an attribute's name), and whether it is changed.
pub(super) type Accesses = SmallVec<[(Object, usize, Part, bool); 2]>;

/// What an instruction comes to.
pub(super) struct Touch {
    pub(super) kind: Kind,
    pub(super) accesses: Accesses,
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

pub(super) fn note(object: Option<ObjectId>, touch: &Touch) -> Option<Record> {
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
