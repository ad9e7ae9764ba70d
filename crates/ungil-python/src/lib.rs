//! The extension module `ungil._ungil`: the only crate that knows `PyO3`.
//!
//! One folder per Python submodule, plus the command line (`cli/`).

mod pool;

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The native half of the package `ungil`.
#[pymodule]
mod _ungil {
    use super::{Bound, PyAnyMethods, PyDict, PyDictMethods, PyModule, PyModuleMethods, PyResult};

    #[pymodule_export]
    use crate::pool::{
        FutureBase, ProcessPool, SharedBuffer, ThreadPool, ThreadPoolCore, after_fork_in_child,
        interrupt_thread, kill_orphans, run_server, run_worker, wait_for_orphans,
    };

    #[pymodule_init]
    fn init(m: &Bound<'_, PyModule>) -> PyResult<()> {
        let hooks = PyDict::new(m.py());
        hooks.set_item("after_in_child", m.getattr("_after_fork_in_child")?)?;
        m.py()
            .import("os")?
            .call_method("register_at_fork", (), Some(&hooks))?;
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
