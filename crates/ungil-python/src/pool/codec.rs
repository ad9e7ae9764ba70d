//! The encoding of small, plain values: no pickle for what needs none.
//!
//! `None`, bools, ints of 64 bits, floats, strings, bytes and bytearrays, and shallow tuples of
//! them, of exactly these types. Everything else is pickled. On such values it does in some
//! 20 ns what pickle does in half a microsecond. Long strings and bytes are not copied: they go
//! as pieces, which the caller lays where they belong.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyString, PyTuple};

use super::owned;
use super::payload::Piece;

/// Tuples nest this deep at most.
const DEPTH: u32 = 3;
/// Longer tuples are pickled; longer strings and bytes are pieces.
const LONGEST: usize = 1 << 12;
/// Values with more pieces are pickled.
const MOST_PIECES: usize = 64;

mod tag {
    pub(super) const NONE: u8 = b'N';
    pub(super) const TRUE: u8 = b'T';
    pub(super) const FALSE: u8 = b'F';
    pub(super) const INT: u8 = b'i';
    pub(super) const FLOAT: u8 = b'd';
    pub(super) const STR: u8 = b's';
    pub(super) const BYTES: u8 = b'b';
    pub(super) const TUPLE: u8 = b't';
    pub(super) const LONG_STR: u8 = b'S';
    pub(super) const LONG_BYTES: u8 = b'B';
    pub(super) const BYTEARRAY: u8 = b'A';
}

/// Large pieces, each with the number of bytes before it.
type Pieces<'py> = Vec<(usize, Piece<'py>)>;

/// Appends a value, but for the pieces that it gives; `None`, with `out` as it was, when it is
/// not of the plain kind.
pub(super) fn encode<'py>(value: &Bound<'py, PyAny>, out: &mut Vec<u8>) -> Option<Pieces<'py>> {
    let start = out.len();
    let mut pieces = Pieces::new();
    if encode_at(value, out, &mut pieces, DEPTH) {
        Some(pieces)
    } else {
        out.truncate(start);
        None
    }
}

fn encode_at<'py>(
    value: &Bound<'py, PyAny>,
    out: &mut Vec<u8>,
    pieces: &mut Pieces<'py>,
    depth: u32,
) -> bool {
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
        let Ok(utf8) = text.to_str() else {
            return false;
        };
        if utf8.len() <= LONGEST {
            put_bytes(tag::STR, utf8.as_bytes(), out);
        } else {
            let piece = Piece::Text(text.clone());
            return put_piece(tag::LONG_STR, utf8.len(), piece, out, pieces);
        }
    } else if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        let len = bytes.as_bytes().len();
        if len <= LONGEST {
            put_bytes(tag::BYTES, bytes.as_bytes(), out);
        } else {
            return put_buffer(tag::LONG_BYTES, value, out, pieces);
        }
    } else if value.is_exact_instance_of::<PyByteArray>() {
        return put_buffer(tag::BYTEARRAY, value, out, pieces);
    } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        if depth == 0 || tuple.len() > LONGEST {
            return false;
        }
        out.push(tag::TUPLE);
        out.extend_from_slice(&(tuple.len() as u32).to_ne_bytes());
        return tuple
            .iter_borrowed()
            .all(|item| encode_at(&item, out, pieces, depth - 1));
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

fn put_bytes(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u32).to_ne_bytes());
    out.extend_from_slice(bytes);
}

fn put_buffer<'py>(
    tag: u8,
    value: &Bound<'py, PyAny>,
    out: &mut Vec<u8>,
    pieces: &mut Pieces<'py>,
) -> bool {
    let Ok(buffer) = PyUntypedBuffer::get(value) else {
        return false;
    };
    put_piece(tag, buffer.len_bytes(), Piece::Buffer(buffer), out, pieces)
}

fn put_piece<'py>(
    tag: u8,
    len: usize,
    piece: Piece<'py>,
    out: &mut Vec<u8>,
    pieces: &mut Pieces<'py>,
) -> bool {
    // One object in two places goes once, and arrives as one: pickle knows how.
    let again = pieces
        .iter()
        .any(|(_, other)| other.start() == piece.start());
    if again || pieces.len() == MOST_PIECES {
        return false;
    }
    out.push(tag);
    out.extend_from_slice(&(len as u64).to_ne_bytes());
    pieces.push((out.len(), piece));
    true
}

/// Takes a value off the front of `input`; `None` when the bytes are not an encoding, and an error
/// when there is no memory for the value.
pub(super) fn decode<'py>(
    py: Python<'py>,
    input: &mut &[u8],
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(tag) = take(input, 1) else {
        return Ok(None);
    };
    Ok(match tag[0] {
        tag::LONG_STR => long(py, input, owned::string)?,
        tag::LONG_BYTES => long(py, input, owned::bytes)?,
        tag::BYTEARRAY => long(py, input, owned::bytearray)?,
        tag::TUPLE => {
            let Some(len) = take_u32(input).filter(|len| *len <= input.len()) else {
                return Ok(None);
            };
            let mut items = Vec::with_capacity(len);
            for _ in 0..len {
                match decode(py, input)? {
                    Some(item) => items.push(item),
                    None => return Ok(None),
                }
            }
            Some(PyTuple::new(py, items)?.into_any())
        }
        tag => decode_short(py, tag, input),
    })
}

fn decode_short<'py>(py: Python<'py>, tag: u8, input: &mut &[u8]) -> Option<Bound<'py, PyAny>> {
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
        _ => return None,
    })
}

fn long<'py, T>(
    py: Python<'py>,
    input: &mut &[u8],
    make: impl FnOnce(Python<'py>, &[u8]) -> PyResult<Bound<'py, T>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    take_long(input)
        .map(|source| make(py, source).map(Bound::into_any))
        .transpose()
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

fn take_long<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u64::from_ne_bytes(take(input, 8)?.try_into().ok()?);
    take(input, usize::try_from(len).ok()?)
}

fn take_counted<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = take_u32(input)?;
    take(input, len)
}
