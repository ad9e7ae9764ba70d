//! Pickling: an object in shared memory travels as its address.

use super::errors;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::os::fd::BorrowedFd;
use ungil_sync::Origin;
use ungil_sync::handle::{Address, Handle, Shared};

/// An [`Address`] as Python carries it.
pub(crate) type Flat = (u32, i32, u32, i32, u64, u64, u64);

pub(crate) fn flat<T: Shared>(handle: &Handle<T>) -> Flat {
    let Address {
        origins: [here, origin],
        cookie,
        offset,
        stamp,
    } = handle.address();
    (
        here.pid, here.fd, origin.pid, origin.fd, cookie, offset, stamp,
    )
}

pub(crate) fn attach<T: Shared>(address: Flat) -> PyResult<Handle<T>> {
    let (pid, fd, origin_pid, origin_fd, cookie, offset, stamp) = address;
    let origins = [
        Origin { pid, fd },
        Origin {
            pid: origin_pid,
            fd: origin_fd,
        },
    ];
    Handle::attach(&Address {
        origins,
        cookie,
        offset,
        stamp,
    })
    .map_err(errors::memory)
}

/// What `__reduce__` returns: `ungil.sync._rebuild(class_name, *parts)`.
pub(crate) fn reduce<'py>(
    py: Python<'py>,
    class: &str,
    parts: impl IntoIterator<Item = Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let rebuild = py.import("ungil.sync")?.getattr("_rebuild")?;
    let mut arguments = vec![class.into_pyobject(py)?.into_any()];
    arguments.extend(parts);
    (rebuild, PyTuple::new(py, arguments)?).into_pyobject(py)
}

/// The descriptor of the shared memory in which this process makes its locks, semaphores,
/// conditions, events, barriers and small values. A parent passes it to its children, which give it
/// to `attach_arena_fd`.
#[pyfunction]
pub(crate) fn arena_fd() -> PyResult<i32> {
    ungil_sync::arena_descriptor().map_err(errors::memory)
}

/// Maps the shared memory behind a descriptor that this process was given, so that objects in it
/// unpickle even where the sender's `/proc` entry cannot be opened. The descriptor can be closed
/// afterwards.
#[pyfunction]
pub(crate) fn attach_arena_fd(fd: i32) -> PyResult<()> {
    if fd < 0 {
        return Err(pyo3::exceptions::PyValueError::new_err(
            "a descriptor is not negative",
        ));
    }
    // SAFETY: only borrowed for this call, and duplicated before anything else; an invalid number
    // is refused by the kernel.
    #[allow(unsafe_code)]
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    ungil_sync::attach_descriptor(fd).map_err(errors::memory)
}
