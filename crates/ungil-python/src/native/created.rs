//! Arrays that native code has made, as `NumPy`'s; and lists.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use ungil_native::{ArrayMemory, ArrayType, Element, Scalar};

use super::arguments::{Words, returned};

/// The memory of an array that native code has made: freed when Python is done with it.
#[pyclass(module = "ungil._ungil", name = "_NativeMemory", frozen)]
pub(crate) struct NativeMemory(
    // Held, not read.
    #[allow(dead_code)] ArrayMemory,
);

/// The array whose words machine code has returned.
pub(super) fn array<'py>(
    py: Python<'py>,
    ty: ArrayType,
    words: &mut dyn Iterator<Item = u64>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut take = |count: u8| -> Vec<i64> {
        let some = (0..count).filter_map(|_| words.next());
        some.map(u64::cast_signed).collect()
    };
    let address = take(1)[0];
    let sizes = take(ty.dimensions);
    let strides = take(if ty.contiguous { 0 } else { ty.dimensions });
    let Some(memory) = ArrayMemory::of(take(1)[0].cast_unsigned()) else {
        return Err(PyTypeError::new_err(
            "a native function returns arrays that it has made, not those that were passed to it, nor \
             parts of them: take them where it is called, or return a copy",
        ));
    };
    let memory = Bound::new(py, NativeMemory(memory))?;
    let strides = if ty.contiguous {
        None
    } else {
        Some(PyTuple::new(py, strides)?)
    };
    py.import("ungil._native.arrays")?.call_method1(
        "array",
        (
            memory,
            address,
            format(ty.element),
            PyTuple::new(py, sizes)?,
            strides,
        ),
    )
}

/// The list that machine code has returned, as Python's.
pub(super) fn list<'py>(
    py: Python<'py>,
    item: Scalar,
    word: u64,
    given: &Words,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(memory) = ArrayMemory::of(word) else {
        return Ok(PyList::empty(py).into_any());
    };
    let mut words = memory.words(item);
    let items = (0..words.len() / item.words())
        .map(|_| returned(py, item.ty(), &mut words, given))
        .collect::<PyResult<Vec<_>>>()?;
    Ok(PyList::new(py, items)?.into_any())
}

/// An element's name in `NumPy`'s array interface.
fn format(element: Element) -> String {
    let kind = match element {
        Element::Bool => '|',
        _ => '<',
    };
    let letter = match element {
        Element::Bool => 'b',
        Element::Signed(_) => 'i',
        Element::Unsigned(_) => 'u',
        Element::Float32 | Element::Float64 => 'f',
        Element::Complex64 | Element::Complex128 => 'c',
    };
    format!("{kind}{letter}{}", element.size())
}
