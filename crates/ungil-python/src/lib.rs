//! The extension module `ungil._ungil`: the only crate that knows `PyO3`.
//!
//! ```text
//! pool/       the executors               sync/      locks, queues, shared values
//! cli/        the command line: arguments, pyproject.toml, output, exit codes
//! gil/        who holds the GIL: traces, counters
//! race/       models under all schedules          native/    functions compiled to machine code
//! explain     a function's byte code, laid out    doctor     what works here
//! run         the lecture's example           compare/   which kind of workers, and how many
//!    \                                       /
//!     batch   all tasks on one open pool, once: probe, completions, overdue, watchdog
//!     kinds/  serial, thread, process, ...: one file each, one table
//!     workload/  what is run: io, cpu, module:function, file.py:function, callables; items
//! ```

mod batch;
mod cli;
mod clock;
mod compare;
mod completions;
mod dashboard;
mod doctor;
mod error;
mod explain;
mod gil;
mod kinds;
mod native;
mod once;
mod options;
mod overdue;
mod parcel;
mod pool;
mod probe;
mod process_end;
mod progress;
mod race;
mod run;
mod running;
mod span;
mod suggest;
mod sync;
mod traceback;
mod visit;
mod waiting;
mod watchdog;
mod workload;

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The native half of the package `ungil`.
// Not yet shown to be sound without the GIL: a free-threaded build keeps it on for us.
#[pymodule(gil_used = true)]
mod _ungil {
    use super::{Bound, PyAnyMethods, PyDict, PyDictMethods, PyModule, PyModuleMethods, PyResult};

    #[pymodule_export]
    use crate::pool::{
        FutureBase, Gather, PoolFigures, ProcessPool, SharedBuffer, ThreadPool, ThreadPoolCore,
        WithBlock, after_fork_in_child, collect_held, hold, interrupt_interpreter,
        interrupt_thread, kill_orphans, reduce, run_server, run_worker, set_shared_class,
        wait_for_orphans,
    };
    #[pymodule_export]
    use crate::race::race;
    #[pymodule_export]
    use crate::sync::sync;

    #[pymodule_export]
    use crate::gil::{
        Attachment, GilStats, TraceReport, attach, gil_stats, name_thread, trace_forget,
        trace_pause, trace_resume_soon, trace_start, trace_stop,
    };

    #[pymodule_export]
    use crate::native::{NativeFunction, NativeMemory, new_frame};

    #[pymodule_export]
    use crate::cli::cli_main;
    #[pymodule_export]
    use crate::compare::{Comparison, compare};
    #[pymodule_export]
    use crate::doctor::doctor_json;
    #[pymodule_export]
    use crate::explain::{explanation_html, explanation_json, explanation_text};
    #[pymodule_export]
    use crate::probe::Probe;
    #[pymodule_export]
    use crate::progress::ProgressBar;
    #[pymodule_export]
    use crate::run::run_example;
    #[pymodule_export]
    use crate::visit::Visit;

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
