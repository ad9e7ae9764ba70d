//! The encoding of small, plain values: no pickle for what needs none.
//!
//! `None`, bools, ints of 64 bits, floats, short strings and bytes, and shallow tuples of
//! them, of exactly these types. Everything else is pickled. On such values it does in some
//! 20 ns what pickle does in half a microsecond.

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString, PyTuple};

/// Tuples nest this deep at most.
const DEPTH: u32 = 3;
/// Longer strings, bytes and tuples are pickled.
const LONGEST: usize = 1 << 12;

mod tag {
    pub(super) const NONE: u8 = b'N';
    pub(super) const TRUE: u8 = b'T';
    pub(super) const FALSE: u8 = b'F';
    pub(super) const INT: u8 = b'i';
    pub(super) const FLOAT: u8 = b'd';
    pub(super) const STR: u8 = b's';
    pub(super) const BYTES: u8 = b'b';
    pub(super) const TUPLE: u8 = b't';
}

/// Appends a value; `false`, with `out` as it was, when it is not of the plain kind.
pub(super) fn encode(value: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let plain = encode_at(value, out, DEPTH);
    if !plain {
        out.truncate(start);
    }
    plain
}

fn encode_at(value: &Bound<'_, PyAny>, out: &mut Vec<u8>, depth: u32) -> bool {
    if value.is_none() {
        out.push(tag::NONE);
    } else if value.is_exact_instance_of::<PyInt>() {
        let mut overflow = 0;
        // SAFETY: an int, with the GIL held.
        let int = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
        if overflow != 0 {
            return false;
        }
        out.push(tag::INT);
        out.extend_from_slice(&int.to_ne_bytes());
    } else if let Ok(float) = value.cast_exact::<PyFloat>() {
        out.push(tag::FLOAT);
        out.extend_from_slice(&float.value().to_ne_bytes());
    } else if let Ok(flag) = value.cast_exact::<PyBool>() {
        out.push(if flag.is_true() {
            tag::TRUE
        } else {
            tag::FALSE
        });
    } else if let Ok(text) = value.cast_exact::<PyString>() {
        // A string with lone surrogates is not UTF-8.
        let Ok(text) = text.to_str() else {
            return false;
        };
        return put_bytes(tag::STR, text.as_bytes(), out);
    } else if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        return put_bytes(tag::BYTES, bytes.as_bytes(), out);
    } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        if depth == 0 || tuple.len() > LONGEST {
            return false;
        }
        out.push(tag::TUPLE);
        out.extend_from_slice(&(tuple.len() as u32).to_ne_bytes());
        return tuple
            .iter_borrowed()
            .all(|item| encode_at(&item, out, depth - 1));
    } else {
        return false;
    }
    true
}

/// Appends a tuple of strings of any length.
pub(super) fn encode_texts(texts: [&str; 3], out: &mut Vec<u8>) {
    out.push(tag::TUPLE);
    out.extend_from_slice(&(texts.len() as u32).to_ne_bytes());
    for text in texts {
        out.push(tag::STR);
        out.extend_from_slice(&(text.len() as u32).to_ne_bytes());
        out.extend_from_slice(text.as_bytes());
    }
}

/// Appends bytes of any number; `MemoryError` where there is no room for them.
pub(super) fn append(out: &mut Vec<u8>, bytes: &[u8]) -> PyResult<()> {
    out.try_reserve(bytes.len()).map_err(|_| {
        PyMemoryError::new_err(format!("no memory to pickle {} bytes", bytes.len()))
    })?;
    out.extend_from_slice(bytes);
    Ok(())
}

fn put_bytes(tag: u8, bytes: &[u8], out: &mut Vec<u8>) -> bool {
    if bytes.len() > LONGEST {
        return false;
    }
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u32).to_ne_bytes());
    out.extend_from_slice(bytes);
    true
}

/// Takes a value off the front of `input`; `None` when the bytes are not an encoding.
pub(super) fn decode<'py>(py: Python<'py>, input: &mut &[u8]) -> Option<Bound<'py, PyAny>> {
    let tag = take(input, 1)?[0];
    Some(match tag {
        tag::NONE => py.None().into_bound(py),
        tag::TRUE => PyBool::new(py, true).to_owned().into_any(),
        tag::FALSE => PyBool::new(py, false).to_owned().into_any(),
        tag::INT => {
            let int = i64::from_ne_bytes(take(input, 8)?.try_into().ok()?);
            PyInt::new(py, int).into_any()
        }
        tag::FLOAT => {
            PyFloat::new(py, f64::from_ne_bytes(take(input, 8)?.try_into().ok()?)).into_any()
        }
        tag::STR => PyString::new(py, std::str::from_utf8(take_counted(input)?).ok()?).into_any(),
        tag::BYTES => PyBytes::new(py, take_counted(input)?).into_any(),
        tag::TUPLE => {
            let len = take_u32(input)?;
            if len > input.len() {
                return None;
            }
            let items: Option<Vec<_>> = (0..len).map(|_| decode(py, input)).collect();
            PyTuple::new(py, items?).ok()?.into_any()
        }
        _ => return None,
    })
}

/// Takes `len` bytes off the front.
pub(super) fn take<'a>(input: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, tail) = input.split_at_checked(len)?;
    *input = tail;
    Some(head)
}

pub(super) fn take_u32(input: &mut &[u8]) -> Option<usize> {
    Some(u32::from_ne_bytes(take(input, 4)?.try_into().ok()?) as usize)
}

fn take_counted<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = take_u32(input)?;
    take(input, len)
}
