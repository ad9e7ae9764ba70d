//! Python's objects as words of memory, and the result as a Python object.
#![allow(unsafe_code)]

use std::ffi::CStr;

use super::created;
use super::record::{self, Passed};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyComplex, PyComplexMethods, PyFloat, PyInt, PyList, PyString, PyTuple,
};
use ungil_native::{ArrayType, Element, Items, Text, Type};

/// The largest size of a dimension, in elements: checks of indices rely on it.
const LARGEST: isize = 1 << 48;

/// Why a list is no argument.
const LISTS_STAY: &str = "lists live in native code only: pass a NumPy array or an array.array, \
                          numpy.array(xs) for example";

/// What is passed to machine code: the words, and the buffers that they point into.
#[derive(Default)]
#[allow(clippy::struct_field_names)] // the words are what the struct is named for
pub(super) struct Words {
    pub(super) words: Vec<u64>,
    buffers: Vec<Buffer>,
    /// The codes of texts.
    texts: Vec<Vec<u32>>,
    pub(super) records: Vec<Passed>,
}

/// A buffer that is held: its owner can neither free nor resize it.
struct Buffer(Box<ffi::Py_buffer>);

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: got by `PyObject_GetBuffer`, released once, attached (words live on calls' stacks).
        unsafe { ffi::PyBuffer_Release(&raw mut *self.0) };
    }
}

/// Who is being called, for messages.
#[derive(Clone, Copy)]
pub(super) struct Parameter<'a> {
    pub(super) function: &'a str,
    pub(super) name: &'a str,
    pub(super) annotated: Option<Type>,
}

impl Parameter<'_> {
    fn wrong(&self, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
        let got = value
            .get_type()
            .fully_qualified_name()
            .map_or_else(|_| "something else".to_owned(), |name| name.to_string());
        self.refused_type(&format!("expected {expected}, got {got}"))
    }

    fn too_large(&self, value: &Bound<'_, PyAny>, what: &str) -> PyErr {
        let text = value.to_string();
        let text = if text.len() > 60 { "an int" } else { &text };
        PyOverflowError::new_err(format!(
            "{}() argument '{}': {text} {what}",
            self.function, self.name
        ))
    }

    fn refused_type(&self, what: &str) -> PyErr {
        PyTypeError::new_err(format!(
            "{}() argument '{}': {what}",
            self.function, self.name
        ))
    }

    fn refused(&self, what: &str) -> PyErr {
        PyValueError::new_err(format!(
            "{}() argument '{}': {what}",
            self.function, self.name
        ))
    }
}

impl Words {
    /// Adds an argument; gives its type.
    pub(super) fn push(
        &mut self,
        value: &Bound<'_, PyAny>,
        parameter: Parameter<'_>,
    ) -> PyResult<Type> {
        match parameter.annotated {
            Some(Type::Float) => {
                let float = as_float(value, parameter)?;
                self.words.push(float.to_bits());
                Ok(Type::Float)
            }
            Some(Type::Int) => {
                let Some(int) = as_int(value, parameter)? else {
                    return Err(parameter.wrong("int", value));
                };
                self.words.push(int.cast_unsigned());
                Ok(Type::Int)
            }
            Some(Type::Bool) => {
                let Some(truth) = as_bool(value)? else {
                    return Err(parameter.wrong("bool", value));
                };
                self.words.push(u64::from(truth));
                Ok(Type::Bool)
            }
            Some(Type::Complex) => {
                if let Ok(complex) = value.cast::<PyComplex>() {
                    self.push_complex(complex);
                } else {
                    let real = as_float(value, parameter).map_err(|error| {
                        if error.is_instance_of::<PyTypeError>(value.py()) {
                            parameter.wrong("complex", value)
                        } else {
                            error
                        }
                    })?;
                    self.words.extend([real.to_bits(), 0]);
                }
                Ok(Type::Complex)
            }
            Some(Type::Tuple(types)) => {
                let Ok(tuple) = value.cast_exact::<PyTuple>() else {
                    return Err(parameter.wrong(&types.to_string(), value));
                };
                if tuple.len() != types.len() {
                    return Err(parameter.refused_type(&format!(
                        "expected {types}, got a tuple of {} items",
                        tuple.len()
                    )));
                }
                self.push_tuple(tuple, Some(&types), parameter)
            }
            Some(Type::Text(Text::Str)) => match value.cast_exact::<PyString>() {
                Ok(text) => self.push_str(text),
                Err(_) => Err(parameter.wrong("str", value)),
            },
            Some(Type::Text(Text::Bytes)) => match value.cast_exact::<PyBytes>() {
                Ok(bytes) => Ok(self.push_bytes(bytes)),
                Err(_) => Err(parameter.wrong("bytes", value)),
            },
            Some(Type::Record(record)) => match record::known(&value.get_type())? {
                Some(known) if known.record == Ok(record) => {
                    self.push_record(value, known, record, parameter)
                }
                _ => Err(parameter.wrong(&format!("a {record} (not of a subclass)"), value)),
            },
            Some(Type::List(_)) => Err(parameter.refused_type(LISTS_STAY)),
            _ => self.push_any(value, parameter),
        }
    }

    fn push_any(&mut self, value: &Bound<'_, PyAny>, parameter: Parameter<'_>) -> PyResult<Type> {
        if let Ok(float) = value.cast::<PyFloat>() {
            self.words.push(float.value().to_bits());
            return Ok(Type::Float);
        }
        if let Some(truth) = as_bool(value)? {
            self.words.push(u64::from(truth));
            return Ok(Type::Bool);
        }
        if let Some(int) = as_int(value, parameter)? {
            self.words.push(int.cast_unsigned());
            return Ok(Type::Int);
        }
        if is_numpy_scalar(value) {
            let float = as_float(value, parameter)?;
            self.words.push(float.to_bits());
            return Ok(Type::Float);
        }
        if let Ok(complex) = value.cast::<PyComplex>() {
            self.push_complex(complex);
            return Ok(Type::Complex);
        }
        if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            return self.push_tuple(tuple, None, parameter);
        }
        if let Ok(text) = value.cast_exact::<PyString>() {
            return self.push_str(text);
        }
        if let Ok(bytes) = value.cast_exact::<PyBytes>() {
            return Ok(self.push_bytes(bytes));
        }
        // SAFETY: a valid object.
        if unsafe { ffi::PyObject_CheckBuffer(value.as_ptr()) } == 0 {
            if let Some(known) = record::known(&value.get_type())? {
                return match &known.record {
                    Ok(record) => self.push_record(value, known, *record, parameter),
                    Err(reason) => Err(parameter.refused_type(&format!(
                        "native code takes dataclasses of numbers; of `{}`, {reason}",
                        value.get_type().name()?
                    ))),
                };
            }
            if value.is_instance_of::<PyList>() {
                return Err(parameter.refused_type(LISTS_STAY));
            }
            return Err(parameter.wrong("a number, a text or an array", value));
        }
        self.push_array(value, parameter)
    }

    fn push_str(&mut self, text: &Bound<'_, PyString>) -> PyResult<Type> {
        let codes = super::text::codes(text)?;
        self.words
            .extend([codes.as_ptr() as u64, codes.len() as u64, 0]);
        self.texts.push(codes);
        Ok(Type::Text(Text::Str))
    }

    /// The caller holds them; they do not change.
    fn push_bytes(&mut self, bytes: &Bound<'_, PyBytes>) -> Type {
        let bytes = bytes.as_bytes();
        self.words
            .extend([bytes.as_ptr() as u64, bytes.len() as u64, 0]);
        Type::Text(Text::Bytes)
    }

    fn push_complex(&mut self, complex: &Bound<'_, PyComplex>) {
        let parts = [complex.real(), complex.imag()];
        self.words.extend(parts.map(f64::to_bits));
    }

    /// Adds the items of a tuple, of these types where an annotation tells.
    fn push_tuple(
        &mut self,
        tuple: &Bound<'_, PyTuple>,
        types: Option<&[Type]>,
        parameter: Parameter<'_>,
    ) -> PyResult<Type> {
        let mut found = Vec::with_capacity(tuple.len());
        for (at, item) in tuple.iter().enumerate() {
            let item_parameter = Parameter {
                name: &format!("{}[{at}]", parameter.name),
                annotated: types.map(|types| types[at]),
                ..parameter
            };
            let ty = self.push(&item, item_parameter)?;
            if !ty.is_small() {
                return Err(item_parameter.wrong("a number, a text or a tuple of these", &item));
            }
            found.push(ty);
        }
        Ok(Type::Tuple(Items::new(&found)))
    }

    fn push_array(&mut self, value: &Bound<'_, PyAny>, parameter: Parameter<'_>) -> PyResult<Type> {
        let mut view = Box::new(ffi::Py_buffer::new());
        let flags = ffi::PyBUF_RECORDS_RO;
        // SAFETY: an object with buffers and a structure to fill; released by `Buffer`.
        if unsafe { ffi::PyObject_GetBuffer(value.as_ptr(), &raw mut *view, flags) } != 0 {
            let cause = PyErr::fetch(value.py());
            let error = parameter.wrong("an array of numbers", value);
            error.set_cause(value.py(), Some(cause));
            return Err(error);
        }
        let buffer = Buffer(view);
        let view = &buffer.0;
        let dimensions = view.ndim as usize;
        if !(1..=4).contains(&dimensions) {
            return Err(parameter.refused(&format!(
                "arrays have 1 to 4 dimensions here, this one has {dimensions}"
            )));
        }
        // SAFETY: asked for with PyBUF_FORMAT: a C string that lives as long as the buffer, or null for bytes.
        let format = unsafe {
            if view.format.is_null() {
                "B".to_owned()
            } else {
                CStr::from_ptr(view.format).to_string_lossy().into_owned()
            }
        };
        let Some(element) = Element::of_format(&format, view.itemsize as usize) else {
            return Err(PyTypeError::new_err(format!(
                "{}() argument '{}': expected an array of numbers (bool, int8 to int64, uint8 to uint64, \
                 float32, float64, complex64 or complex128), got one whose elements are {}",
                parameter.function,
                parameter.name,
                described(&format),
            )));
        };
        // SAFETY: asked for with PyBUF_STRIDES: as many sizes and strides as dimensions.
        let (sizes, strides) = unsafe {
            (
                std::slice::from_raw_parts(view.shape, dimensions),
                std::slice::from_raw_parts(view.strides, dimensions),
            )
        };
        let count = sizes
            .iter()
            .try_fold(1_isize, |product, &size| product.checked_mul(size));
        if count.is_none() || sizes.iter().any(|&size| size > LARGEST) {
            return Err(parameter.refused("the array is too large"));
        }
        let contiguous = is_contiguous(sizes, strides, view.itemsize);
        self.words.push(view.buf as u64);
        self.words
            .extend(sizes.iter().map(|&size| size.cast_unsigned() as u64));
        if !contiguous {
            self.words
                .extend(strides.iter().map(|&stride| stride.cast_unsigned() as u64));
        }
        let writable = view.readonly == 0;
        self.buffers.push(buffer);
        Ok(Type::Array(ArrayType {
            element,
            dimensions: dimensions as u8,
            contiguous,
            writable,
        }))
    }
}

fn is_contiguous(sizes: &[isize], strides: &[isize], item: isize) -> bool {
    if sizes.contains(&0) {
        return true;
    }
    let mut expected = item;
    sizes.iter().zip(strides).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == expected;
        expected *= size;
        fits
    })
}

fn described(format: &str) -> String {
    match format {
        "O" => "Python objects".to_owned(),
        "e" => "floats of 16 bits".to_owned(),
        _ if format.starts_with(['>', '!']) => {
            "stored with the most significant byte first".to_owned()
        }
        _ => format!("of the format '{format}'"),
    }
}

/// Whether it is one of `NumPy`'s numbers that are not Python's as well.
fn is_numpy_scalar(value: &Bound<'_, PyAny>) -> bool {
    let class = value.get_type();
    let from_numpy = class
        .module()
        .is_ok_and(|module| module.to_cow().is_ok_and(|module| module == "numpy"));
    from_numpy
        && class.name().is_ok_and(|name| name != "ndarray")
        && value.hasattr("__float__").unwrap_or(false)
        && value.hasattr("dtype").unwrap_or(false)
        && value
            .getattr("shape")
            .and_then(|shape| shape.len())
            .is_ok_and(|dimensions| dimensions == 0)
        && value
            .getattr("dtype")
            .and_then(|dtype| dtype.getattr("kind"))
            .and_then(|kind| kind.extract::<String>())
            .is_ok_and(|kind| matches!(kind.as_str(), "b" | "i" | "u" | "f"))
}

fn as_bool(value: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(Some(truth.is_true()));
    }
    if is_numpy_scalar(value) {
        let kind: String = value.getattr("dtype")?.getattr("kind")?.extract()?;
        if kind == "b" {
            return value.is_truthy().map(Some);
        }
    }
    Ok(None)
}

/// An int or what stands for one; `None` if it is something else.
fn as_int(value: &Bound<'_, PyAny>, parameter: Parameter<'_>) -> PyResult<Option<i64>> {
    let mut int = value.clone();
    if !value.is_instance_of::<PyInt>() {
        if !is_numpy_scalar(value) || value.is_instance_of::<PyFloat>() {
            return Ok(None);
        }
        if let Some(truth) = as_bool(value)? {
            return Ok(Some(i64::from(truth)));
        }
        // SAFETY: a valid object.
        if unsafe { ffi::PyIndex_Check(value.as_ptr()) } == 0 {
            return Ok(None);
        }
        int = value.call_method0("__index__")?;
    }
    let mut overflow = 0;
    // SAFETY: an int, attached.
    let result = unsafe { ffi::PyLong_AsLongLongAndOverflow(int.as_ptr(), &raw mut overflow) };
    if overflow != 0 {
        return Err(parameter.too_large(value, "does not fit into an int of 64 bits"));
    }
    Ok(Some(result))
}

/// A float, or an int that has a float of the same value.
fn as_float(value: &Bound<'_, PyAny>, parameter: Parameter<'_>) -> PyResult<f64> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(float.value());
    }
    if let Some(int) = as_int(value, parameter)? {
        let float = int as f64;
        if float as i128 != i128::from(int) {
            return Err(parameter.too_large(value, "has no float of the same value"));
        }
        return Ok(float);
    }
    if is_numpy_scalar(value) {
        return value.call_method0("__float__")?.extract();
    }
    Err(parameter.wrong("float", value))
}

/// What a call returned, as Python has it; takes the words that it consists of. `given`: what was passed.
pub(super) fn returned(
    py: Python<'_>,
    ty: Type,
    words: &mut dyn Iterator<Item = u64>,
    given: &Words,
) -> PyResult<Py<PyAny>> {
    if let Type::Tuple(types) = ty {
        let items = types
            .iter()
            .map(|&item| returned(py, item, words, given))
            .collect::<PyResult<Vec<_>>>()?;
        return Ok(PyTuple::new(py, items)?.into_any().unbind());
    }
    if let Type::Text(kind) = ty {
        // SAFETY: a part of what was passed, which `given` and the caller hold, or a constant of the machine code.
        return unsafe { super::text::returned(py, kind, words) };
    }
    if let Type::Array(array) = ty {
        return created::array(py, array, words).map(Bound::unbind);
    }
    if let Type::List(item) = ty {
        return created::list(py, item, words.next().unwrap_or(0)).map(Bound::unbind);
    }
    let mut word = || words.next().unwrap_or(0);
    if let Type::Record(record) = ty {
        return given.returned_record(py, record, word());
    }
    if ty == Type::Complex {
        let (real, imag) = (f64::from_bits(word()), f64::from_bits(word()));
        return Ok(PyComplex::from_doubles(py, real, imag).into_any().unbind());
    }
    // SAFETY: attached; the functions give new references (or null, without memory, which panics here).
    let object = unsafe {
        let object = match ty {
            Type::Float => ffi::PyFloat_FromDouble(f64::from_bits(word())),
            Type::Int => ffi::PyLong_FromLongLong(word().cast_signed()),
            Type::Bool => ffi::PyBool_FromLong(i64::from(word() != 0)),
            _ => return Ok(py.None()),
        };
        Bound::from_owned_ptr(py, object)
    };
    Ok(object.unbind())
}
