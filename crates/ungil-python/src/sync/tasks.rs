//! Waiting from asyncio: a helper thread waits, and the event loop gets a future.
//!
//! Only a wait that cannot end at once starts a thread. The helper is no Python thread: it takes
//! the GIL once, to hand the outcome to the loop. A task that is cancelled is heard within a slice,
//! and what was acquired for it is given back.

use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use ungil_pool::quiet;

/// How long a cancellation may go unnoticed by the helper thread; the task itself goes on at once.
pub(crate) const SLICE: Duration = Duration::from_millis(50);
/// A polling thread asks the kernel about the owner's life no more often than this.
const LOOK: Duration = Duration::from_millis(10);

thread_local! {
    static LOOKED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Whether this thread may ask again whether an owner lives: a failed `acquire(blocking=False)`
/// must stay cheap.
pub(crate) fn may_look() -> bool {
    let now = Instant::now();
    let may = LOOKED
        .get()
        .is_none_or(|last| now.duration_since(last) >= LOOK);
    if may {
        LOOKED.set(Some(now));
    }
    may
}

/// Set when the awaiting task was cancelled.
#[derive(Clone, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What to do with what the helper thread got.
pub(crate) enum Outcome<T> {
    /// The task waits for it.
    Deliver(T),
    /// Nobody does any more.
    Undo(T),
}

/// The running task, if an event loop runs in this thread.
pub(crate) fn current(py: Python<'_>) -> Option<Bound<'_, PyAny>> {
    let task = py
        .import("asyncio")
        .ok()?
        .call_method0("current_task")
        .ok()?;
    (!task.is_none()).then_some(task)
}

/// The running event loop; `RuntimeError` if there is none.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    py.import("asyncio")?.call_method0("get_running_loop")
}

/// A future that has this result already.
pub(crate) fn ready<'py>(py: Python<'py>, value: impl IntoPyObject<'py>) -> PyResult<Py<PyAny>> {
    let future = running_loop(py)?.call_method0("create_future")?;
    future.call_method1("set_result", (value,))?;
    Ok(future.unbind())
}

type Settle<T> = Box<dyn FnOnce(Python<'_>, Outcome<T>) -> PyResult<Py<PyAny>> + Send>;

/// Runs `wait` in a thread of its own and returns a future for what `settle` makes of its outcome.
pub(crate) fn spawn<T: Send + 'static>(
    py: Python<'_>,
    wait: impl FnOnce(&Cancel) -> T + Send + 'static,
    settle: impl FnOnce(Python<'_>, Outcome<T>) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<Py<PyAny>> {
    let event_loop = running_loop(py)?;
    let future = event_loop.call_method0("create_future")?;
    let cancel = Cancel::default();
    let heard = cancel.clone();
    let on_done = PyCFunction::new_closure(
        py,
        None,
        None,
        move |_: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
            heard.0.store(true, Ordering::Relaxed);
        },
    )?;
    future.call_method1("add_done_callback", (on_done,))?;
    let settle: Settle<T> = Box::new(settle);
    let (event_loop, awaited) = (event_loop.unbind(), future.clone().unbind());
    let helper = move || {
        let outcome = wait(&cancel);
        // Nothing to deliver to when the interpreter is ending.
        Python::try_attach(|py| deliver(py, event_loop.bind(py), awaited, outcome, settle));
    };
    let thread = std::thread::Builder::new().name("ungil-sync-wait".to_owned());
    quiet::spawn(thread, helper)?;
    Ok(future.unbind())
}

/// An outcome on its way to its loop. A loop that ends drops what it has not come to: then what
/// was waited for is given back.
struct Parcel<T>(Option<(T, Settle<T>)>);

impl<T> Drop for Parcel<T> {
    fn drop(&mut self) {
        if let Some((outcome, settle)) = self.0.take() {
            // An error has nobody left to hear of it.
            Python::try_attach(|py| drop(settle(py, Outcome::Undo(outcome))));
        }
    }
}

/// Calls `settle` in the loop's thread; if the loop has ended, or ends before, undoes.
fn deliver<T: Send + 'static>(
    py: Python<'_>,
    event_loop: &Bound<'_, PyAny>,
    future: Py<PyAny>,
    outcome: T,
    settle: Settle<T>,
) {
    let parcel = Mutex::new(Parcel(Some((outcome, settle))));
    let handed = PyCFunction::new_closure(
        py,
        None,
        None,
        move |args: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| -> PyResult<()> {
            let py = args.py();
            let Some((outcome, settle)) = parcel.lock().ok().and_then(|mut parcel| parcel.0.take())
            else {
                return Ok(());
            };
            let future = future.bind(py);
            if future.call_method0("done")?.is_truthy()? {
                return settle(py, Outcome::Undo(outcome)).map(|_| ());
            }
            match settle(py, Outcome::Deliver(outcome)) {
                Ok(value) => future.call_method1("set_result", (value,))?,
                Err(error) => future.call_method1("set_exception", (error,))?,
            };
            Ok(())
        },
    );
    // Refused by a loop that is closed: the call is dropped, and the parcel with it.
    let _ = handed.and_then(|call| event_loop.call_method1("call_soon_threadsafe", (call,)));
}
