//! `ungil.sync.Value` and `ungil.sync.Array`.
#![allow(unsafe_code)]

use super::address::{self, Flat};
use super::errors;
use super::format::Format;
use super::lock::Lock;
use super::rlock::RLock;
use pyo3::exceptions::{PyBufferError, PyIndexError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PySlice, PyTuple};
use std::ffi::c_int;
use ungil_sync::cells::RawCells;
use ungil_sync::handle::Handle;

/// Elements in shared memory, and the lock that goes with them.
struct Cells {
    handle: Handle<RawCells>,
    format: Format,
    lock: Option<Py<PyAny>>,
    /// For the buffer protocol, which wants their addresses.
    shape: [ffi::Py_ssize_t; 1],
    strides: [ffi::Py_ssize_t; 1],
}

impl Cells {
    fn create(format: Format, count: usize, lock: &Bound<'_, PyAny>) -> PyResult<Self> {
        let bytes = count.checked_mul(format.size());
        let bytes = bytes.ok_or_else(|| PyValueError::new_err("the array is too large"))?;
        // At least one element's room, so that an empty array has an address.
        let handle = Handle::create(RawCells::new(format.byte()), bytes).map_err(errors::memory)?;
        Self::over(handle, lock_of(lock)?)
    }

    fn over(handle: Handle<RawCells>, lock: Option<Py<PyAny>>) -> PyResult<Self> {
        let format = Format::from_byte(handle.format());
        let format =
            format.ok_or_else(|| PyRuntimeError::new_err("the element type is unknown"))?;
        let size = format.size();
        Ok(Self {
            shape: [(handle.extra() / size).cast_signed()],
            strides: [size.cast_signed()],
            handle,
            format,
            lock,
        })
    }

    fn len(&self) -> usize {
        self.shape[0].cast_unsigned()
    }

    fn get<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        self.format
            .read(py, self.handle.get(index, self.format.size()))
    }

    fn set(&self, index: usize, object: &Bound<'_, PyAny>) -> PyResult<()> {
        self.handle
            .set(index, self.format.size(), self.format.write(object)?);
        Ok(())
    }

    /// Adds in one step; the new value.
    fn add<'py>(&self, index: usize, delta: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let size = self.format.size();
        loop {
            let old = self.handle.get(index, size);
            let new = self.format.sum(old, delta)?;
            if self.handle.swap_if(index, size, old, new) {
                return self.format.read(delta.py(), new);
            }
        }
    }

    fn get_lock(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let lock = self.lock.as_ref().map(|lock| lock.clone_ref(py));
        lock.ok_or_else(|| PyTypeError::new_err("it was made with lock=False and has no lock"))
    }

    /// Fills a request of the buffer protocol: writable memory, in one piece.
    ///
    /// # Safety
    /// `view` is null or valid for writing, and `owner` is the Python object that this lies in.
    unsafe fn fill(
        &self,
        owner: Bound<'_, PyAny>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view to fill"));
        }
        let has = |flag: c_int| flags & flag == flag;
        // SAFETY: the caller's; shape and strides lie in the owner, which the view keeps alive.
        unsafe {
            (*view).buf = self.handle.elements().as_ptr().cast();
            (*view).len = self.shape[0] * self.strides[0];
            (*view).itemsize = self.strides[0];
            (*view).readonly = 0;
            (*view).ndim = 1;
            (*view).format = if has(ffi::PyBUF_FORMAT) {
                self.format.c_str().as_ptr().cast_mut()
            } else {
                std::ptr::null_mut()
            };
            (*view).shape = if has(ffi::PyBUF_ND) {
                self.shape.as_ptr().cast_mut()
            } else {
                std::ptr::null_mut()
            };
            (*view).strides = if has(ffi::PyBUF_STRIDES) {
                self.strides.as_ptr().cast_mut()
            } else {
                std::ptr::null_mut()
            };
            (*view).suboffsets = std::ptr::null_mut();
            (*view).internal = std::ptr::null_mut();
            (*view).obj = owner.into_ptr();
        }
        Ok(())
    }

    fn parts<'py>(&self, py: Python<'py>) -> PyResult<[Bound<'py, PyAny>; 2]> {
        let address = address::flat(&self.handle).into_pyobject(py)?.into_any();
        Ok([address, self.lock.as_ref().into_pyobject(py)?.into_any()])
    }
}

/// `lock=True`: an `RLock` of its own; `False`: none; else the lock given.
fn lock_of(given: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
    let py = given.py();
    if given.cast::<Lock>().is_ok() || given.cast::<RLock>().is_ok() {
        return Ok(Some(given.clone().unbind()));
    }
    match given.extract::<bool>() {
        Ok(true) => Ok(Some(py.get_type::<RLock>().call0()?.unbind())),
        Ok(false) => Ok(None),
        Err(_) => Err(PyTypeError::new_err(
            "lock must be True, False, or a Lock or RLock of ungil.sync",
        )),
    }
}

fn enter(cells: &Cells, py: Python<'_>) -> PyResult<Py<PyAny>> {
    cells.get_lock(py)?.call_method0(py, "__enter__")
}

fn exit(cells: &Cells, py: Python<'_>) -> PyResult<()> {
    cells.get_lock(py)?.call_method0(py, "release").map(|_| ())
}

/// A number in shared memory; as `multiprocessing.Value`, with `add` in one step and the buffer
/// protocol.
///
/// Reading or writing `value` is one step, `value += 1` is two: use `add`, or `with v.get_lock()`.
#[pyclass(module = "ungil.sync", frozen, weakref)]
pub(crate) struct Value {
    cells: Cells,
}

#[pymethods]
impl Value {
    #[new]
    #[pyo3(signature = (typecode_or_type, value = None, *, lock = None))]
    fn new(
        typecode_or_type: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
        lock: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = typecode_or_type.py();
        let lock = lock.map_or_else(
            || Ok(true.into_pyobject(py)?.to_owned().into_any()),
            Ok::<_, PyErr>,
        )?;
        let cells = Cells::create(Format::parse(typecode_or_type)?, 1, &lock)?;
        if let Some(value) = value {
            cells.set(0, value)?;
        }
        Ok(Self { cells })
    }

    #[getter]
    fn get_value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.cells.get(py, 0)
    }

    #[setter]
    fn set_value(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.cells.set(0, value)
    }

    /// Adds in one step and returns the new value; `OverflowError` leaves the value as it was.
    fn add<'py>(&self, delta: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.cells.add(0, delta)
    }

    /// The lock that goes with the value.
    fn get_lock(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.cells.get_lock(py)
    }

    /// The type's character.
    #[getter]
    fn typecode(&self) -> char {
        self.cells.format.character()
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        enter(&self.cells, py)
    }

    #[pyo3(signature = (_type, _value, _traceback, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _type: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        exit(&self.cells, py)
    }

    unsafe fn __getbuffer__(
        slf: &Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let owner = slf.clone().into_any();
        // SAFETY: the interpreter's promise about `view`; `owner` is `slf`.
        unsafe { slf.get().cells.fill(owner, view, flags) }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (code, value) = (self.typecode(), self.cells.get(py, 0)?.repr()?);
        Ok(format!(
            "<sync.Value {code} {value} at {:#x}>",
            self.cells.handle.identity()
        ))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        address::reduce(py, "Value", self.cells.parts(py)?)
    }

    #[staticmethod]
    fn _from_address(address: Flat, lock: Option<Py<PyAny>>) -> PyResult<Self> {
        Ok(Self {
            cells: Cells::over(address::attach(address)?, lock)?,
        })
    }
}

/// Numbers in shared memory; as `multiprocessing.Array`, with the buffer protocol:
/// `numpy.frombuffer(array, ...)` and `memoryview(array)` see and change the same memory.
#[pyclass(module = "ungil.sync", frozen, weakref, sequence)]
pub(crate) struct Array {
    cells: Cells,
}

impl Array {
    fn index(&self, index: isize) -> PyResult<usize> {
        let length = self.cells.len().cast_signed();
        let at = if index < 0 { index + length } else { index };
        if (0..length).contains(&at) {
            Ok(at.cast_unsigned())
        } else {
            Err(PyIndexError::new_err("array index out of range"))
        }
    }

    fn places(&self, slice: &Bound<'_, PySlice>) -> PyResult<Vec<usize>> {
        let found = slice.indices(self.cells.len().cast_signed())?;
        let places = (0..found.slicelength.cast_signed())
            .map(|n| (found.start + n * found.step).cast_unsigned());
        Ok(places.collect())
    }
}

#[pymethods]
impl Array {
    #[new]
    #[pyo3(signature = (typecode_or_type, size_or_initializer, *, lock = None))]
    fn new(
        typecode_or_type: &Bound<'_, PyAny>,
        size_or_initializer: &Bound<'_, PyAny>,
        lock: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = typecode_or_type.py();
        let format = Format::parse(typecode_or_type)?;
        let lock = lock.map_or_else(
            || Ok(true.into_pyobject(py)?.to_owned().into_any()),
            Ok::<_, PyErr>,
        )?;
        if let Ok(size) = size_or_initializer.extract::<i64>() {
            let size = usize::try_from(size)
                .map_err(|_| PyValueError::new_err("the size must not be negative"))?;
            return Ok(Self {
                cells: Cells::create(format, size, &lock)?,
            });
        }
        let items: Vec<Bound<'_, PyAny>> =
            size_or_initializer.try_iter()?.collect::<PyResult<_>>()?;
        let cells = Cells::create(format, items.len(), &lock)?;
        for (index, item) in items.iter().enumerate() {
            // Iterating over bytes gives numbers.
            let bits = match item.extract::<u8>() {
                Ok(byte) if format.character() == 'c' => u64::from(byte),
                _ => format.write(item)?,
            };
            cells.handle.set(index, format.size(), bits);
        }
        Ok(Self { cells })
    }

    fn __len__(&self) -> usize {
        self.cells.len()
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        if let Ok(slice) = key.cast::<PySlice>() {
            let items = self
                .places(slice)?
                .into_iter()
                .map(|at| self.cells.get(py, at));
            return Ok(PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)?.into_any());
        }
        self.cells.get(py, self.index(key.extract()?)?)
    }

    /// Over the items as they are now.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let items = (0..self.cells.len()).map(|at| self.cells.get(py, at));
        PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)?.try_iter()
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let Ok(slice) = key.cast::<PySlice>() else {
            return self.cells.set(self.index(key.extract()?)?, value);
        };
        let places = self.places(slice)?;
        let items: Vec<Bound<'_, PyAny>> = value.try_iter()?.collect::<PyResult<_>>()?;
        if items.len() != places.len() {
            return Err(PyValueError::new_err(format!(
                "cannot put {} items into a slice of {}: an array has a fixed size",
                items.len(),
                places.len()
            )));
        }
        places
            .into_iter()
            .zip(&items)
            .try_for_each(|(at, item)| self.cells.set(at, item))
    }

    /// Adds to one element in one step and returns the new value.
    fn add<'py>(&self, index: isize, delta: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.cells.add(self.index(index)?, delta)
    }

    /// The lock that goes with the array.
    fn get_lock(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.cells.get_lock(py)
    }

    /// The type's character.
    #[getter]
    fn typecode(&self) -> char {
        self.cells.format.character()
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        enter(&self.cells, py)
    }

    #[pyo3(signature = (_type, _value, _traceback, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _type: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        exit(&self.cells, py)
    }

    unsafe fn __getbuffer__(
        slf: &Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let owner = slf.clone().into_any();
        // SAFETY: the interpreter's promise about `view`; `owner` is `slf`.
        unsafe { slf.get().cells.fill(owner, view, flags) }
    }

    fn __repr__(&self) -> String {
        let at = self.cells.handle.identity();
        format!(
            "<sync.Array {} of {} at {at:#x}>",
            self.typecode(),
            self.cells.len()
        )
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        address::reduce(py, "Array", self.cells.parts(py)?)
    }

    #[staticmethod]
    fn _from_address(address: Flat, lock: Option<Py<PyAny>>) -> PyResult<Self> {
        Ok(Self {
            cells: Cells::over(address::attach(address)?, lock)?,
        })
    }
}
