//! Objects as the bytes of a queue's records: plain values, containers of them and instances of
//! ordinary classes as they are, everything else pickled (protocol 5).

use super::plain::{self, damaged};
use crate::once::Once;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString};
use ungil_sync::ring::Record;

const PICKLE: u32 = 0;
const BYTES: u32 = 1;
const STR: u32 = 2;
const INT: u32 = 3;
const FLOAT: u32 = 4;
const NONE: u32 = 5;
const BOOL: u32 = 6;
const PLAIN: u32 = 7;

/// Protocol 5 is the newest that all supported Pythons read.
const PROTOCOL: u32 = 5;

/// The bytes of an encoded object.
pub(crate) enum Payload<'py> {
    Small([u8; 8], usize),
    Object(Bound<'py, PyBytes>),
    Plain(Vec<u8>),
    Text(Bound<'py, PyString>),
}

impl Payload<'_> {
    /// The record's bytes.
    pub(crate) fn bytes(&self) -> PyResult<&[u8]> {
        Ok(match self {
            Self::Small(bytes, length) => &bytes[..*length],
            Self::Object(object) => object.as_bytes(),
            Self::Plain(bytes) => bytes,
            Self::Text(text) => text.to_str()?.as_bytes(),
        })
    }
}

pub(crate) fn encode<'py>(object: &Bound<'py, PyAny>) -> PyResult<(u32, Payload<'py>)> {
    static DUMPS: Once<Py<PyAny>> = Once::new();
    if object.is_none() {
        return Ok((NONE, Payload::Small([0; 8], 0)));
    }
    if object.is_exact_instance_of::<PyInt>()
        && let Ok(number) = object.extract::<i64>()
    {
        return Ok((INT, Payload::Small(number.to_ne_bytes(), 8)));
    }
    if let Ok(object) = object.cast_exact::<PyBytes>() {
        return Ok((BYTES, Payload::Object(object.clone())));
    }
    if let Ok(text) = object.cast_exact::<PyString>()
        && text.to_str().is_ok()
    {
        return Ok((STR, Payload::Text(text.clone())));
    }
    if let Ok(number) = object.cast_exact::<PyFloat>() {
        return Ok((FLOAT, Payload::Small(number.value().to_ne_bytes(), 8)));
    }
    if let Ok(truth) = object.cast_exact::<PyBool>() {
        return Ok((BOOL, Payload::Small([u8::from(truth.is_true()); 8], 1)));
    }
    let mut plain = Vec::with_capacity(128);
    if plain::encode(object, &mut plain) {
        return Ok((PLAIN, Payload::Plain(plain)));
    }
    let pickled = DUMPS
        .import(object.py(), "pickle", "dumps")?
        .call1((object, PROTOCOL))?;
    Ok((PICKLE, Payload::Object(pickled.cast_into()?)))
}

pub(crate) fn decode<'py>(py: Python<'py>, record: &Record) -> PyResult<Bound<'py, PyAny>> {
    let bytes = record.bytes.as_slice();
    let eight = || <[u8; 8]>::try_from(bytes).map_err(|_| damaged());
    Ok(match record.tag {
        PICKLE => {
            static LOADS: Once<Py<PyAny>> = Once::new();
            LOADS
                .import(py, "pickle", "loads")?
                .call1((PyBytes::new(py, bytes),))?
        }
        PLAIN => plain::decode(py, bytes)?,
        BYTES => PyBytes::new(py, bytes).into_any(),
        STR => PyString::new(py, str::from_utf8(bytes).map_err(|_| damaged())?).into_any(),
        INT => i64::from_ne_bytes(eight()?).into_pyobject(py)?.into_any(),
        FLOAT => PyFloat::new(py, f64::from_ne_bytes(eight()?)).into_any(),
        NONE => py.None().into_bound(py),
        BOOL => PyBool::new(py, bytes == [1]).to_owned().into_any(),
        _ => return Err(damaged()),
    })
}
