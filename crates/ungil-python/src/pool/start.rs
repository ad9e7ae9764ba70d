//! How a Python process becomes a worker: the command line, the fork, the entry points.

use std::ffi::OsString;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use ungil_pool::process::{Fork, Forker, Interpreter, Role, WorkerSeat, enter};

use super::worker;

/// The command of a fresh interpreter that calls `entry`. The same flags as this
/// interpreter's, so that `-X`, `-W` and friends hold in the workers too.
pub(super) fn interpreter(py: Python<'_>, entry: &str) -> PyResult<Interpreter> {
    let (program, args): (OsString, Vec<OsString>) = py
        .import("ungil._set_up")?
        .call_method1("child_command", (entry,))?
        .extract()?;
    Ok(Interpreter { program, args })
}

/// Forks this interpreter for the fork start method.
pub(super) struct PythonForker {
    initializer: Option<Py<PyAny>>,
}

impl PythonForker {
    pub(super) fn new(initializer: Option<Py<PyAny>>) -> Self {
        Self { initializer }
    }
}

impl Drop for PythonForker {
    /// The pool's last user may be a thread without the GIL, and the object must not wait for
    /// somebody to come by with it.
    fn drop(&mut self) {
        let initializer = self.initializer.take();
        if initializer.is_some() {
            Python::try_attach(|_| drop(initializer));
        }
    }
}

impl Forker for PythonForker {
    fn fork(&self, seat: WorkerSeat) -> io::Result<u32> {
        Python::try_attach(|py| match fork(py)? {
            Fork::Parent(pid) => Ok(pid),
            Fork::Child => {
                let initializer = self
                    .initializer
                    .as_ref()
                    .map(|initializer| initializer.clone_ref(py));
                let error = run_in_frame(py, seat, initializer).err();
                // Only an error brings us back: nothing has been set up, nobody can be told.
                if let Some(error) = error {
                    error.print(py);
                }
                // SAFETY: ends the process without running the exit handlers that the fork copied.
                unsafe { libc::_exit(1) }
            }
        })
        .unwrap_or_else(|| Err(io::Error::other("the interpreter is shutting down")))
    }
}

/// Becomes a worker below a frame of Python code; this thread has none.
fn run_in_frame(py: Python<'_>, seat: WorkerSeat, initializer: Option<Py<PyAny>>) -> PyResult<()> {
    let seat = Mutex::new(Some(seat));
    let run = PyCFunction::new_closure(py, None, None, move |args, _| {
        let taken = seat.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(seat) = taken {
            let py = args.py();
            let initializer = initializer.as_ref().map(|initializer| initializer.bind(py));
            worker::run_and_exit(py, seat, initializer, true)
        }
    })?;
    py.import("ungil._worker")?
        .call_method1("in_frame", (run,))?;
    Ok(())
}

/// A duplicate of a descriptor that Python has; closed on exec.
pub(super) fn duplicate(descriptor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: borrowed for this call only; a number that is no descriptor is an error.
    unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned()
}

/// `os.fork()` without its warning about threads: the child only runs the worker's loop, which
/// touches nothing that another thread of the parent may have locked.
fn fork(py: Python<'_>) -> io::Result<Fork> {
    let intent = fork_intent(py);
    // SAFETY: the GIL is held, and the hooks are called as `os.fork` calls them.
    let forked = unsafe {
        ffi::PyOS_BeforeFork();
        let pid = libc::fork();
        if pid == 0 {
            ffi::PyOS_AfterFork_Child();
            Ok(Fork::Child)
        } else {
            let error = io::Error::last_os_error();
            ffi::PyOS_AfterFork_Parent();
            if pid < 0 {
                Err(error)
            } else {
                Ok(Fork::Parent(pid.cast_unsigned()))
            }
        }
    };
    if let Some(intent) = intent {
        declare(&intent, false);
    }
    forked
}

/// What tells multiprocessing's resource tracker, where it knows such a thing (late 3.14s and on),
/// that the child is to go on with the parent's. A tracker of a worker's own would unlink
/// at that worker's end what others use.
fn fork_intent(py: Python<'_>) -> Option<Bound<'_, PyAny>> {
    let modules = PyModule::import(py, "sys").ok()?.getattr("modules").ok()?;
    let tracker = modules.get_item("multiprocessing.resource_tracker").ok()?;
    let intent = tracker.getattr("_fork_intent").ok()?;
    declare(&intent, true).then_some(intent)
}

fn declare(intent: &Bound<'_, PyAny>, kept: bool) -> bool {
    intent.setattr("preserve_fd", kept).is_ok()
}

/// What a spawned worker of the process `owner` runs.
#[pyfunction]
#[pyo3(name = "_run_worker")]
pub(crate) fn run_worker(py: Python<'_>, owner: u32) -> PyResult<()> {
    run_child(py, owner)
}

/// What the fork server of the process `owner` runs. It imports what every worker needs, so
/// that they share it.
#[pyfunction]
#[pyo3(name = "_run_server")]
pub(crate) fn run_server(py: Python<'_>, owner: u32) -> PyResult<()> {
    ungil_pool::process::name_this_process("ungil-server");
    py.import("ungil._worker")?.call_method0("preload")?;
    run_child(py, owner)
}

fn run_child(py: Python<'_>, owner: u32) -> PyResult<()> {
    match enter(owner, &mut || fork(py))? {
        Role::Worker(seat) => worker::run_and_exit(py, seat, None, false),
        Role::Finished => Ok(()),
    }
}

/// Registered with `os.register_at_fork`: pools of the parent are not the child's.
#[pyfunction]
#[pyo3(name = "_after_fork_in_child")]
pub(crate) fn after_fork_in_child() {
    ungil_pool::process::after_fork_in_child();
}
