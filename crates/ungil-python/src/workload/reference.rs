//! A function named by its module or file, and how a worker finds it again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use pyo3::types::PyList;

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
        self.put_on_path(py)?;
        let modules = py.import("sys")?.getattr("modules")?;
        if let Ok(module) = modules.get_item(&self.module) {
            return Ok(module.cast_into()?);
        }
        let Some(file) = &self.file else {
            return py.import(self.module.as_str());
        };
        let util = py.import("importlib.util")?;
        let spec =
            util.call_method1("spec_from_file_location", (&self.module, file.as_os_str()))?;
        let module = util.call_method1("module_from_spec", (&spec,))?;
        modules.set_item(&self.module, &module)?;
        if let Err(error) = spec
            .getattr("loader")?
            .call_method1("exec_module", (&module,))
        {
            modules.del_item(&self.module)?;
            return Err(error);
        }
        Ok(module.cast_into()?)
    }

    /// Puts the directory on `sys.path`: behind the standard library, so that a neighbour of the workload called
    /// `random.py` breaks nobody else's imports, and before what is installed.
    fn put_on_path(&self, py: Python<'_>) -> PyResult<()> {
        let path = py.import("sys")?.getattr("path")?.cast_into::<PyList>()?;
        let search = self.search.as_os_str();
        if path.contains(search)? {
            return Ok(());
        }
        let os: PathBuf = py.import("os")?.getattr("__file__")?.extract()?;
        let library = os.parent().unwrap_or(Path::new("/"));
        let is_library = |entry: Bound<'_, PyAny>| {
            entry
                .extract::<PathBuf>()
                .is_ok_and(|entry| entry == library || entry == library.join("lib-dynload"))
        };
        let behind = path.iter().map(is_library).collect::<Vec<_>>();
        let position = behind.iter().rposition(|&is| is).map_or(0, |last| last + 1);
        path.insert(position, search)
    }

    /// The arguments with which [`load_function`] finds the function again.
    pub(super) fn pickled<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let file = self.file.as_ref().map(|file| file.as_os_str());
        let arguments = (self.search.as_os_str(), &self.module, file, &self.attribute);
        Ok(arguments.into_pyobject(py)?.into_any())
    }
}

/// What unpickling a workload calls in a worker: imports the module and returns the function.
#[pyfunction(name = "_load_function")]
pub(crate) fn load_function(
    py: Python<'_>,
    search: OsString,
    module: String,
    file: Option<OsString>,
    attribute: String,
) -> PyResult<Bound<'_, PyAny>> {
    let reference = Reference {
        search: search.into(),
        module,
        file: file.map(Into::into),
        attribute,
    };
    let mut object = reference.import(py)?.into_any();
    for name in reference.attribute.split('.') {
        object = object.getattr(name)?;
    }
    Ok(object)
}
