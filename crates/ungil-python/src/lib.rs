//! The extension module `ungil._ungil`: the only crate that knows `PyO3`.
//!
//! One file per Python submodule, plus the command line (`cli/`).

use pyo3::prelude::*;

/// The native half of the package `ungil`.
#[pymodule]
mod _ungil {
    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_init]
    fn init(m: &Bound<'_, PyModule>) -> PyResult<()> {
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
