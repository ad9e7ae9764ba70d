//! Plain values, containers of them and instances of ordinary classes as bytes, several times faster
//! than pickle.
//!
//! Only what comes out exactly as from pickle: exact built-in types, classes for which pickle takes
//! its default way, and no container that is there twice, because two places that share one list
//! must share one list on the other side. Everything else is refused, and pickled.

use super::instance;
use super::memory;
use crate::once::Once;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple,
};

const NONE: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const STR: u8 = 5;
const BYTES: u8 = 6;
const TUPLE: u8 = 7;
const LIST: u8 = 8;
const DICT: u8 = 9;
const INSTANCE: u8 = 10;
const SET: u8 = 11;
const FROZENSET: u8 = 12;

/// In place of a length of one byte.
const LONG: u8 = u8::MAX;

/// Deeper objects are left to pickle, and to its recursion limit.
const DEPTH: u32 = 16;
/// Objects with more containers that somebody else refers to are left to pickle's hash table.
const MOST_SHARED: usize = 64;

/// Writes `object` and says whether it could.
pub(crate) fn encode(object: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> bool {
    let mut encoder = Encoder {
        out,
        shared: Vec::new(),
    };
    counts_are_exact(object.py()) && encoder.node(object, false, DEPTH)
}

/// Not on free-threaded builds: there another thread may make a second reference at any time.
fn counts_are_exact(py: Python<'_>) -> bool {
    static EXACT: Once<bool> = Once::new();
    *EXACT.get(py, || {
        let variable = py
            .import("sysconfig")
            .and_then(|m| m.call_method1("get_config_var", ("Py_GIL_DISABLED",)));
        variable.is_ok_and(|variable| !variable.is_truthy().unwrap_or(true))
    })
}

fn references(object: &Bound<'_, PyAny>) -> isize {
    // SAFETY: a valid object, and the thread is attached.
    #[allow(unsafe_code)]
    unsafe {
        pyo3::ffi::Py_REFCNT(object.as_ptr())
    }
}

pub(super) struct Encoder<'a> {
    pub(super) out: &'a mut Vec<u8>,
    /// Containers met so far that something else may refer to: perhaps this very message.
    shared: Vec<usize>,
}

impl Encoder<'_> {
    /// `alone`: its container, which is there once, has the only reference to `object`.
    pub(super) fn node(&mut self, object: &Bound<'_, PyAny>, alone: bool, depth: u32) -> bool {
        if object.is_none() {
            self.out.push(NONE);
        } else if object.is_exact_instance_of::<PyInt>() {
            let Ok(number) = object.extract::<i64>() else {
                return false;
            };
            self.out.push(INT);
            self.out.extend_from_slice(&number.to_ne_bytes());
        } else if let Ok(text) = object.cast_exact::<PyString>() {
            let Ok(text) = text.to_str() else {
                return false;
            };
            self.blob(STR, text.as_bytes());
        } else if let Ok(number) = object.cast_exact::<PyFloat>() {
            self.out.push(FLOAT);
            self.out.extend_from_slice(&number.value().to_ne_bytes());
        } else if let Ok(truth) = object.cast_exact::<PyBool>() {
            self.out.push(if truth.is_true() { TRUE } else { FALSE });
        } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            self.blob(BYTES, bytes.as_bytes());
        } else {
            return depth > 0
                && (alone || self.is_new(object))
                && self.container(object, depth - 1);
        }
        true
    }

    /// Whether this container was not met before.
    fn is_new(&mut self, object: &Bound<'_, PyAny>) -> bool {
        let address = object.as_ptr() as usize;
        let new = self.shared.len() < MOST_SHARED && !self.shared.contains(&address);
        self.shared.push(address);
        new
    }

    fn container(&mut self, object: &Bound<'_, PyAny>, depth: u32) -> bool {
        // An item's references: its container's, and while a list or dict is read also ours.
        if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            self.head(TUPLE, tuple.len());
            tuple
                .iter_borrowed()
                .all(|item| self.node(&item, references(&item) == 1, depth))
        } else if let Ok(list) = object.cast_exact::<PyList>() {
            self.head(LIST, list.len());
            list.iter().all(|item| self.value(&item, depth))
        } else if let Ok(dict) = object.cast_exact::<PyDict>() {
            self.head(DICT, dict.len());
            instance::items(dict)
                .all(|(key, value)| self.node(&key, false, depth) && self.value(&value, depth))
        } else if let Ok(set) = object.cast_exact::<PySet>() {
            self.head(SET, set.len());
            set.iter().all(|item| self.value(&item, depth))
        } else if let Ok(set) = object.cast_exact::<PyFrozenSet>() {
            self.head(FROZENSET, set.len());
            set.iter().all(|item| self.value(&item, depth))
        } else {
            self.out.push(INSTANCE);
            instance::encode(object, self, depth)
        }
    }

    /// An item to which its container and we refer, as [`instance::items`] gives it.
    pub(super) fn value(&mut self, value: &Bound<'_, PyAny>, depth: u32) -> bool {
        self.node(value, references(value) == 2, depth)
    }

    fn head(&mut self, tag: u8, length: usize) {
        self.out.push(tag);
        write_length(length, self.out);
    }

    fn blob(&mut self, tag: u8, bytes: &[u8]) {
        self.head(tag, bytes.len());
        self.out.extend_from_slice(bytes);
    }
}

/// A length: one byte, or nine where that is not enough.
pub(super) fn write_length(length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(short) if short < LONG => out.push(short),
        _ => {
            out.push(LONG);
            out.extend_from_slice(&(length as u64).to_ne_bytes());
        }
    }
}

/// The object that `encode` wrote.
pub(crate) fn decode<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let mut rest = bytes;
    let object = read(py, &mut rest, DEPTH + 1)?;
    if rest.is_empty() {
        Ok(object)
    } else {
        Err(damaged())
    }
}

pub(super) fn read<'py>(
    py: Python<'py>,
    rest: &mut &[u8],
    depth: u32,
) -> PyResult<Bound<'py, PyAny>> {
    let [tag] = take_array(rest)?;
    Ok(match tag {
        NONE => py.None().into_bound(py),
        FALSE | TRUE => PyBool::new(py, tag == TRUE).to_owned().into_any(),
        INT => i64::from_ne_bytes(take_array(rest)?)
            .into_pyobject(py)?
            .into_any(),
        FLOAT => PyFloat::new(py, f64::from_ne_bytes(take_array(rest)?)).into_any(),
        STR => {
            let length = length(rest)?;
            let text = str::from_utf8(take(rest, length)?).map_err(|_| damaged())?;
            PyString::new(py, text).into_any()
        }
        BYTES => {
            let length = length(rest)?;
            PyBytes::new(py, take(rest, length)?).into_any()
        }
        TUPLE | LIST | SET | FROZENSET if depth > 0 => {
            // Every item takes a byte or more: a length beyond that is damage, not a reason to
            // allocate.
            let length = length(rest)?;
            let items = (0..length)
                .map(|_| read(py, rest, depth - 1))
                .collect::<PyResult<Vec<_>>>()?;
            match tag {
                TUPLE => PyTuple::new(py, items)?.into_any(),
                LIST => PyList::new(py, items)?.into_any(),
                SET => PySet::new(py, items)?.into_any(),
                _ => PyFrozenSet::new(py, items)?.into_any(),
            }
        }
        DICT if depth > 0 => {
            let dict = PyDict::new(py);
            for _ in 0..length(rest)? {
                let key = read_key(py, rest, depth - 1)?;
                dict.set_item(key, read(py, rest, depth - 1)?)?;
            }
            dict.into_any()
        }
        INSTANCE if depth > 0 => {
            let length = length(rest)?;
            instance::decode(py, take(rest, length)?, rest, depth - 1)?
        }
        _ => return Err(damaged()),
    })
}

/// A dict's key: most often a short string that many messages have.
fn read_key<'py>(py: Python<'py>, rest: &mut &[u8], depth: u32) -> PyResult<Bound<'py, PyAny>> {
    if rest.first() != Some(&STR) {
        return read(py, rest, depth);
    }
    take(rest, 1)?;
    let length = length(rest)?;
    let text = str::from_utf8(take(rest, length)?).map_err(|_| damaged())?;
    Ok(memory::string(py, text).into_any())
}

pub(super) fn length(rest: &mut &[u8]) -> PyResult<usize> {
    let [short] = take_array(rest)?;
    let length = if short == LONG {
        u64::from_ne_bytes(take_array(rest)?)
    } else {
        u64::from(short)
    };
    usize::try_from(length)
        .ok()
        .filter(|length| *length <= rest.len())
        .ok_or_else(damaged)
}

pub(super) fn take<'a>(rest: &mut &'a [u8], length: usize) -> PyResult<&'a [u8]> {
    rest.split_off(..length).ok_or_else(damaged)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> PyResult<[u8; N]> {
    take(rest, N)?.try_into().map_err(|_| damaged())
}

/// Only a process that writes into the memory past this module can cause it.
pub(super) fn damaged() -> PyErr {
    PyRuntimeError::new_err("the queue's memory is damaged: a record is not what a put() writes")
}
