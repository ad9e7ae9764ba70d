//! An object as the process pool would send it, to find out what that costs and whether it works.

use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyList};

/// A pickle with its out-of-band buffers.
pub(crate) struct Parcel<'py> {
    stream: Bound<'py, PyAny>,
    buffers: Bound<'py, PyList>,
}

impl<'py> Parcel<'py> {
    /// Pickles with the pool's pickler, with the reducers of `multiprocessing`, and with `cloudpickle` where it is installed: what the
    /// pool tries, in its order. The error is that of the first, which is `pickle`'s.
    pub(crate) fn pack(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        dumped(&py.import("ungil._pickling")?, object).or_else(|error| {
            let forking = || -> PyResult<Self> {
                let pickler = py
                    .import("multiprocessing.reduction")?
                    .getattr("ForkingPickler")?;
                let stream = pickler.call_method1("dumps", (object, PROTOCOL))?;
                Ok(Self {
                    stream,
                    buffers: PyList::empty(py),
                })
            };
            let cloud = |_| dumped(&py.import("cloudpickle")?, object);
            forking().or_else(cloud).map_err(|_| error)
        })
    }

    /// What the other side does with it.
    pub(crate) fn unpack(&self) -> PyResult<Bound<'py, PyAny>> {
        let py = self.stream.py();
        let options = [("buffers", &self.buffers)].into_py_dict(py)?;
        py.import("pickle")?
            .call_method("loads", (&self.stream,), Some(&options))
    }

    /// Bytes to be sent.
    pub(crate) fn bytes(&self) -> PyResult<usize> {
        let mut bytes = self.stream.len()?;
        for buffer in &self.buffers {
            bytes += buffer
                .call_method0("raw")?
                .getattr("nbytes")?
                .extract::<usize>()?;
        }
        Ok(bytes)
    }
}

const PROTOCOL: u8 = 5;

fn dumped<'py>(module: &Bound<'py, PyModule>, object: &Bound<'py, PyAny>) -> PyResult<Parcel<'py>> {
    let py = module.py();
    let buffers = PyList::empty(py);
    let options = [("buffer_callback", buffers.getattr("append")?)].into_py_dict(py)?;
    let stream = module.call_method("dumps", (object, PROTOCOL), Some(&options))?;
    Ok(Parcel { stream, buffers })
}
