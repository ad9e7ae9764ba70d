//! Instances of ordinary classes, dataclasses above all: the class's name and the attributes.
//!
//! ```text
//! instance = shape, then the attributes' values        shape = module, qualified name, attributes' names
//! ```
//! A class is ordinary when pickle would do just that: it says nothing about how it is pickled, made
//! or laid out. The answer holds as long as the class's version tag, which the interpreter changes with
//! every change of the class or of one of its bases.
#![allow(unsafe_code)]

use super::memory::Memory;
use super::plain::{self, Encoder};
use crate::once::{Once, name};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyString, PyTuple, PyType};
use std::sync::Arc;

/// What instances of one class with the same attributes have in common.
struct Shape {
    bytes: Vec<u8>,
    module: Py<PyString>,
    class: Py<PyString>,
    attributes: Vec<Py<PyString>>,
}

/// A class in one of its versions; tags are never used twice.
#[derive(Clone)]
struct Known {
    version: u32,
    ordinary: bool,
    /// The shape of the instance that was put last.
    shape: Option<Arc<Shape>>,
}

static CLASSES: Memory<Known> = Memory::new();
static SHAPES: Memory<Arc<Shape>> = Memory::new();

/// A dict's items; safe if the dict is changed meanwhile, although then some may be missed.
pub(super) fn items<'py>(
    dict: &Bound<'py, PyDict>,
) -> impl Iterator<Item = (Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let (py, mut position) = (dict.py(), 0);
    let dict = dict.clone();
    std::iter::from_fn(move || {
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: a dict, attached; both references are made our own before anything else runs.
        unsafe {
            (ffi::PyDict_Next(
                dict.as_ptr(),
                &raw mut position,
                &raw mut key,
                &raw mut value,
            ) != 0)
                .then(|| {
                    (
                        Bound::from_borrowed_ptr(py, key),
                        Bound::from_borrowed_ptr(py, value),
                    )
                })
        }
    })
}

/// Writes an instance, if its class is an ordinary one that the other side will find.
pub(super) fn encode(object: &Bound<'_, PyAny>, encoder: &mut Encoder<'_>, depth: u32) -> bool {
    let py = object.py();
    let class = object.get_type();
    let Some(known) = known(&class).filter(|known| known.ordinary) else {
        return false;
    };
    let Some(dict) = attributes(object) else {
        return false;
    };
    let shape = match known.shape {
        Some(shape) if shape.fits(&dict) => shape,
        _ => {
            let Some(shape) = Shape::of(&class, &dict) else {
                return false;
            };
            let shape = Arc::new(shape);
            let version = known.version;
            let renewed = Known {
                shape: Some(Arc::clone(&shape)),
                ..known
            };
            CLASSES.keep(py, renewed, |known| known.version == version);
            shape
        }
    };
    if is_registered(&class) || !shape.found(py).is_some_and(|found| found.is(&class)) {
        return false;
    }
    plain::write_length(shape.bytes.len(), encoder.out);
    encoder.out.extend_from_slice(&shape.bytes);
    let mut count = 0;
    let written = items(&dict).all(|(_, value)| {
        count += 1;
        encoder.value(&value, depth)
    });
    written && count == shape.attributes.len()
}

/// The instance whose shape and values these are.
pub(super) fn decode<'py>(
    py: Python<'py>,
    shape: &[u8],
    rest: &mut &[u8],
    depth: u32,
) -> PyResult<Bound<'py, PyAny>> {
    let seen = SHAPES.find(py, |seen| seen.bytes == shape);
    let shape = if let Some(seen) = seen {
        seen
    } else {
        let new = Arc::new(Shape::parse(py, shape)?);
        SHAPES.keep(py, Arc::clone(&new), |seen| seen.bytes == new.bytes);
        new
    };
    let class = match shape.found(py) {
        Some(class) => class,
        None => shape.import(py)?,
    };
    if !known(&class).is_some_and(|known| known.ordinary) {
        return shape.build(&class, rest, depth);
    }
    // SAFETY: the class of an ordinary instance is made by object.__new__, which takes no
    // arguments; null is an exception.
    let object = unsafe {
        let new = (*class.as_type_ptr()).tp_new.ok_or_else(plain::damaged)?;
        let empty = PyTuple::empty(py);
        let made = new(class.as_type_ptr(), empty.as_ptr(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, made)?
    };
    let dict = attributes(&object).ok_or_else(plain::damaged)?;
    for attribute in &shape.attributes {
        dict.set_item(attribute.bind(py), plain::read(py, rest, depth)?)?;
    }
    Ok(object)
}

impl Shape {
    /// `None`: pickle has to look at this one.
    fn of(class: &Bound<'_, PyType>, dict: &Bound<'_, PyDict>) -> Option<Self> {
        let py = class.py();
        let module = class.getattr(name!(py, "__module__")).ok()?;
        let module = module.cast_exact::<PyString>().ok()?;
        let qualified = class.qualname().ok()?;
        // A class inside of something is found step by step: that is left to pickle.
        if qualified.to_str().ok()?.contains('.') {
            return None;
        }
        let mut attributes = Vec::with_capacity(dict.len());
        for (key, _) in items(dict) {
            let key = key.cast_exact::<PyString>().ok()?;
            // An instance may carry its own __reduce_ex__ or __getstate__.
            if key.to_str().ok()?.starts_with("__") {
                return None;
            }
            attributes.push(key.clone().unbind());
        }
        let mut bytes = Vec::with_capacity(128);
        let names = attributes.iter().map(|key| key.bind(py));
        for text in [module, &qualified].into_iter().chain(names) {
            let text = text.to_str().ok()?.as_bytes();
            plain::write_length(text.len(), &mut bytes);
            bytes.extend_from_slice(text);
        }
        Some(Self {
            bytes,
            module: module.clone().unbind(),
            class: qualified.unbind(),
            attributes,
        })
    }

    fn parse(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        let mut rest = bytes;
        let mut texts = Vec::new();
        while !rest.is_empty() {
            let length = plain::length(&mut rest)?;
            let text = plain::take(&mut rest, length)?;
            let text = str::from_utf8(text).map_err(|_| plain::damaged())?;
            texts.push(PyString::intern(py, text).unbind());
        }
        if texts.len() < 2 {
            return Err(plain::damaged());
        }
        let attributes = texts.split_off(2);
        let class = texts.pop().ok_or_else(plain::damaged)?;
        let module = texts.pop().ok_or_else(plain::damaged)?;
        Ok(Self {
            bytes: bytes.to_vec(),
            module,
            class,
            attributes,
        })
    }

    /// Whether these are its attributes, in its order: names of attributes are interned.
    fn fits(&self, dict: &Bound<'_, PyDict>) -> bool {
        dict.len() == self.attributes.len()
            && items(dict)
                .zip(&self.attributes)
                .all(|((key, _), attribute)| key.is(attribute))
    }

    /// The class of this name, if its module is imported and has it.
    fn found<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyType>> {
        // SAFETY: attached; the dicts are alive while they are looked at, and strings as keys run
        // no foreign code.
        let found = unsafe {
            let modules = ffi::PyImport_GetModuleDict();
            let module = ffi::PyDict_GetItemWithError(modules, self.module.as_ptr());
            if module.is_null() {
                ffi::PyErr_Clear();
                return None;
            }
            let module = Bound::from_borrowed_ptr(py, module);
            let names = module.cast::<PyModule>().ok()?.dict();
            let class = ffi::PyDict_GetItemWithError(names.as_ptr(), self.class.as_ptr());
            if class.is_null() {
                ffi::PyErr_Clear();
                return None;
            }
            Bound::from_borrowed_ptr(py, class)
        };
        found.cast_into::<PyType>().ok()
    }

    /// As pickle finds it, importing its module, or with pickle's error.
    fn import<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyType>> {
        static LOADS: Once<Py<PyAny>> = Once::new();
        let (module, class) = (
            self.module.bind(py).to_str()?,
            self.class.bind(py).to_str()?,
        );
        // Opcodes PROTO 3, GLOBAL with two lines, STOP.
        let global = [
            b"\x80\x03c",
            module.as_bytes(),
            b"\n",
            class.as_bytes(),
            b"\n.",
        ]
        .concat();
        let class = LOADS.import(py, "pickle", "loads")?.call1((global,))?;
        Ok(class.cast_into::<PyType>()?)
    }

    /// What pickle's BUILD does for a class that here, unlike where the object was put, has a say.
    fn build<'py>(
        &self,
        class: &Bound<'py, PyType>,
        rest: &mut &[u8],
        depth: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = class.py();
        let object = class.call_method1("__new__", (class,))?;
        let state = PyDict::new(py);
        for attribute in &self.attributes {
            state.set_item(attribute.bind(py), plain::read(py, rest, depth)?)?;
        }
        match object.getattr_opt("__setstate__")? {
            Some(setstate) => setstate.call1((state,))?,
            None => object
                .getattr("__dict__")?
                .call_method1("update", (state,))?,
        };
        Ok(object)
    }
}

/// Pickle asks this table first; a class may be entered at any time.
fn is_registered(class: &Bound<'_, PyType>) -> bool {
    static TABLE: Once<Py<PyDict>> = Once::new();
    let table = TABLE.import(class.py(), "copyreg", "dispatch_table");
    !table.is_ok_and(|table| matches!(table.contains(class), Ok(false)))
}

/// An instance's own dict.
fn attributes<'py>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyDict>> {
    // SAFETY: attached, and the instance of a class with a dict; null is an exception.
    let dict = unsafe {
        let dict = ffi::PyObject_GenericGetDict(object.as_ptr(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(object.py(), dict)
    };
    dict.ok()?.cast_into_exact().ok()
}

/// What is remembered of a class; `None` while it has no version tag.
fn known(class: &Bound<'_, PyType>) -> Option<Known> {
    let py = class.py();
    let version = version(class);
    if version != 0
        && let Some(known) = CLASSES.find(py, |known| known.version == version)
    {
        return Some(known);
    }
    let ordinary = is_ordinary(class).unwrap_or(false);
    // Looking attributes up has given it a tag.
    let version = self::version(class);
    if version == 0 {
        return None;
    }
    let known = Known {
        version,
        ordinary,
        shape: None,
    };
    CLASSES.keep(py, known.clone(), |known| known.version == version);
    Some(known)
}

fn version(class: &Bound<'_, PyType>) -> u32 {
    // SAFETY: a type, attached.
    unsafe { (*class.as_type_ptr()).tp_version_tag }
}

/// Whether pickle would write an instance as the class and the instance's dict, and nothing else
/// that the class defines is called.
fn is_ordinary(class: &Bound<'_, PyType>) -> PyResult<bool> {
    let py = class.py();
    let base = py.get_type::<PyAny>();
    if !class.get_type().is(py.get_type::<PyType>()) || !is_laid_out_plainly(class, &base) {
        return Ok(false);
    }
    for inherited in ["__reduce_ex__", "__reduce__", "__getstate__"] {
        if !class.getattr(inherited)?.is(&base.getattr(inherited)?) {
            return Ok(false);
        }
    }
    for absent in ["__getnewargs_ex__", "__getnewargs__", "__setstate__"] {
        if class.hasattr(absent)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Nothing but a dict, and perhaps weak references, beyond `object`: no slots, no built-in base.
fn is_laid_out_plainly(class: &Bound<'_, PyType>, base: &Bound<'_, PyType>) -> bool {
    // SAFETY: types, attached; only read.
    let (class, base, flags) = unsafe {
        let class = class.as_type_ptr();
        (&*class, &*base.as_type_ptr(), ffi::PyType_GetFlags(class))
    };
    let is_heap_type = flags & ffi::Py_TPFLAGS_HEAPTYPE != 0;
    let pointer = size_of::<*mut ffi::PyObject>().cast_signed();
    let own = pointer
        * (ffi::Py_ssize_t::from(class.tp_dictoffset > 0)
            + ffi::Py_ssize_t::from(class.tp_weaklistoffset > 0));
    is_heap_type
        && class.tp_dictoffset != 0
        && class.tp_itemsize == 0
        && class.tp_basicsize == base.tp_basicsize + own
        && class.tp_new.map(|new| new as usize) == base.tp_new.map(|new| new as usize)
        && class.tp_getattro.map(|get| get as usize) == base.tp_getattro.map(|get| get as usize)
}
