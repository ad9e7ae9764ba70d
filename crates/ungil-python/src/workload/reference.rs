//! A function named by its module or file, and how a worker finds it again.

use std::path::PathBuf;

use pyo3::prelude::*;

/// Where a function is: enough to import it in any process.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// Directory that has to be on `sys.path`.
    pub(super) search: PathBuf,
    /// Name under which the module is, or will be, in `sys.modules`.
    pub(super) module: String,
    /// Source file, where the module cannot be imported by its name.
    pub(super) file: Option<PathBuf>,
    /// Attribute, with dots.
    pub(super) attribute: String,
}

impl Reference {
    /// Imports the module.
    pub(super) fn import<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyModule>> {
        let file = self.file.as_ref().map(|file| file.as_os_str());
        let loaded = py
            .import("ungil._reference")?
            .call_method1("load_module", (self.search.as_os_str(), &self.module, file));
        match loaded {
            Ok(module) => Ok(module.cast_into()?),
            Err(error) => {
                // Without the frame of the function that we have called.
                let users = error
                    .traceback(py)
                    .and_then(|frame| frame.getattr("tb_next").ok())
                    .and_then(|frame| frame.cast_into().ok());
                error.set_traceback(py, users);
                Err(error)
            }
        }
    }

    /// The arguments with which `ungil._reference.load_function` finds the function again.
    pub(super) fn pickled<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let file = self.file.as_ref().map(|file| file.as_os_str());
        let arguments = (self.search.as_os_str(), &self.module, file, &self.attribute);
        Ok(arguments.into_pyobject(py)?.into_any())
    }
}
