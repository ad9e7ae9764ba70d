//! The extension module `ungil._ungil`: the only crate that knows `PyO3`.
//!
//! One folder per Python submodule, plus the command line (`cli/`).

mod pool;
mod sync;

use pyo3::prelude::*;

/// The native half of the package `ungil`.
#[pymodule]
mod _ungil {
    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_export]
    use crate::pool::{
        FutureBase, ProcessPool, SharedBuffer, ThreadPool, ThreadPoolCore, after_fork_in_child,
        interrupt_thread, run_server, run_worker,
    };
    #[pymodule_export]
    use crate::sync::sync;

    #[pymodule_init]
    fn init(m: &Bound<'_, PyModule>) -> PyResult<()> {
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
