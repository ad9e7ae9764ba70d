//! Tuples, lists and dicts of plain values as bytes, several times faster than pickle.
//!
//! Only what comes out exactly as from pickle: exact built-in types, and no list or dict that is
//! there twice, because two places that share one list must share one list on the other side. What
//! has a single reference is not there twice. Everything else is refused, and pickled.

use crate::once::Once;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

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

/// Deeper objects are left to pickle, and to its recursion limit.
const DEPTH: u32 = 16;

/// Writes `object` and says whether it could.
pub(crate) fn encode(object: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> bool {
    counts_are_exact(object.py()) && node(object, out, true, DEPTH)
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

/// `alone`: this is the only place where `object` is; lists and dicts must be alone.
fn node(object: &Bound<'_, PyAny>, out: &mut Vec<u8>, alone: bool, depth: u32) -> bool {
    if object.is_none() {
        out.push(NONE);
    } else if object.is_exact_instance_of::<PyInt>() {
        let Ok(number) = object.extract::<i64>() else {
            return false;
        };
        out.push(INT);
        out.extend_from_slice(&number.to_ne_bytes());
    } else if let Ok(text) = object.cast_exact::<PyString>() {
        let Ok(text) = text.to_str() else {
            return false;
        };
        blob(STR, text.as_bytes(), out);
    } else if let Ok(number) = object.cast_exact::<PyFloat>() {
        out.push(FLOAT);
        out.extend_from_slice(&number.value().to_ne_bytes());
    } else if let Ok(truth) = object.cast_exact::<PyBool>() {
        out.push(if truth.is_true() { TRUE } else { FALSE });
    } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        blob(BYTES, bytes.as_bytes(), out);
    } else {
        return depth > 0 && container(object, out, alone, depth - 1);
    }
    true
}

fn container(object: &Bound<'_, PyAny>, out: &mut Vec<u8>, alone: bool, depth: u32) -> bool {
    // An item's references: its container's, and while a list or dict is read also this function's.
    if let Ok(tuple) = object.cast_exact::<PyTuple>() {
        head(TUPLE, tuple.len(), out);
        return tuple
            .iter_borrowed()
            .all(|item| node(&item, out, alone && references(&item) == 1, depth));
    }
    if !alone {
        return false;
    }
    if let Ok(list) = object.cast_exact::<PyList>() {
        head(LIST, list.len(), out);
        return list
            .iter()
            .all(|item| node(&item, out, references(&item) == 2, depth));
    }
    if let Ok(dict) = object.cast_exact::<PyDict>() {
        head(DICT, dict.len(), out);
        return dict.iter().all(|(key, value)| {
            node(&key, out, false, depth) && node(&value, out, references(&value) == 2, depth)
        });
    }
    false
}

fn head(tag: u8, length: usize, out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&(length as u64).to_ne_bytes());
}

fn blob(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    head(tag, bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// The object that `encode` wrote; `None` where the bytes are not its.
pub(crate) fn decode<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut rest = bytes;
    match read(py, &mut rest, DEPTH + 1) {
        Ok(object) if rest.is_empty() => Ok(Some(object)),
        Ok(_) => Ok(None),
        Err(error) if error.is_instance_of::<PyRuntimeError>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read<'py>(py: Python<'py>, rest: &mut &[u8], depth: u32) -> PyResult<Bound<'py, PyAny>> {
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
        TUPLE | LIST if depth > 0 => {
            // Every item takes a byte or more: a length beyond that is damage, not a reason to
            // allocate.
            let length = length(rest)?;
            let items = (0..length)
                .map(|_| read(py, rest, depth - 1))
                .collect::<PyResult<Vec<_>>>()?;
            if tag == TUPLE {
                PyTuple::new(py, items)?.into_any()
            } else {
                PyList::new(py, items)?.into_any()
            }
        }
        DICT if depth > 0 => {
            let dict = PyDict::new(py);
            for _ in 0..length(rest)? {
                let key = read(py, rest, depth - 1)?;
                dict.set_item(key, read(py, rest, depth - 1)?)?;
            }
            dict.into_any()
        }
        _ => return Err(damaged()),
    })
}

fn length(rest: &mut &[u8]) -> PyResult<usize> {
    let length = u64::from_ne_bytes(take_array(rest)?);
    usize::try_from(length)
        .ok()
        .filter(|length| *length <= rest.len())
        .ok_or_else(damaged)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> PyResult<&'a [u8]> {
    rest.split_off(..length).ok_or_else(damaged)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> PyResult<[u8; N]> {
    take(rest, N)?.try_into().map_err(|_| damaged())
}

fn damaged() -> PyErr {
    PyRuntimeError::new_err("damaged")
}
