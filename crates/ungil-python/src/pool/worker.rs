//! A worker process: set up, then claim, call, answer.

use std::collections::HashMap;
use std::os::fd::{IntoRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use ungil_pool::Message;
use ungil_pool::process::{Claimed, ReplyError, Worker, WorkerSeat};

use super::codec;
use super::outcome::answer;
use super::payload::{self, Payload};
use super::pickling;
use super::shared_buffer::SharedBuffer;
use super::task::{arguments, function};
use crate::once::name;
use crate::waiting::without_gil;

/// A worker remembers this many functions.
const KNOWN: usize = 256;
/// How often a worker looks whether shared memory that it has attached to was closed.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Runs a worker until its pool closes, then ends the process.
pub(super) fn run_and_exit(
    py: Python<'_>,
    seat: WorkerSeat,
    inherited: Option<&Bound<'_, PyAny>>,
    forked: bool,
) -> ! {
    let index = seat.index;
    let mut seat = seat;
    if !seat.follow_parent() {
        // SAFETY: ends the process; it has done nothing yet.
        unsafe { libc::_exit(0) }
    }
    let descriptors = std::mem::take(&mut seat.descriptors);
    ungil_pool::process::name_this_process(&format!("ungil-worker-{}", index + 1));
    let code = match Worker::join(seat) {
        Ok(worker) => {
            let mut servant = Servant {
                worker,
                functions: HashMap::new(),
                main_ready: forked,
                generation: ungil_pool::generation(),
                breaks: false,
                readonly: false,
                tasks_left: None,
                attached: None,
                swept: Instant::now(),
            };
            match servant.set_up(py, index, inherited, descriptors, forked) {
                Ok(()) => {
                    servant.worker.ready();
                    servant.serve(py);
                    0
                }
                Err(error) => {
                    let mut head = Vec::new();
                    put_error_text(py, &error, &mut head);
                    servant.worker.failed(&head);
                    1
                }
            }
        }
        Err(error) => {
            eprintln!("ungil: a worker process cannot join its pool: {error}");
            1
        }
    };
    // What multiprocessing does at the end of a child: threads, exit handlers, streams.
    end(py, "finish", code)
}

/// Ends a process that a task forked and that has come back from the task: there is one
/// worker, and it is the other one.
fn leave(py: Python<'_>) -> ! {
    end(py, "flush", 0)
}

/// Ends the process after a call of a function of `ungil._worker`.
fn end(py: Python<'_>, last: &str, code: i32) -> ! {
    let finished = py
        .import("ungil._worker")
        .and_then(|module| module.call_method0(last));
    if let Err(error) = finished {
        error.write_unraisable(py, None);
    }
    // SAFETY: ends the process without running the parent's exit handlers that a fork copied.
    unsafe { libc::_exit(code) }
}

struct Servant {
    worker: Worker,
    functions: HashMap<Box<[u8]>, Py<PyAny>>,
    /// Whether `__main__` is the user's main module.
    main_ready: bool,
    /// The process that is the worker; a task may fork others.
    generation: u64,
    /// Whether a task that cannot be read ends this worker.
    breaks: bool,
    /// Whether received buffers are read-only.
    readonly: bool,
    /// After so many tasks the worker ends.
    tasks_left: Option<u64>,
    /// The shared memory (`ungil.share`) that tasks have attached to.
    attached: Option<Py<PyDict>>,
    swept: Instant,
}

impl Servant {
    fn set_up(
        &mut self,
        py: Python<'_>,
        index: u32,
        inherited: Option<&Bound<'_, PyAny>>,
        descriptors: Vec<OwnedFd>,
        forked: bool,
    ) -> PyResult<()> {
        let descriptors: Vec<RawFd> = descriptors.into_iter().map(OwnedFd::into_raw_fd).collect();
        let setup = self.worker.setup();
        let bytes = PyBytes::new(py, setup.as_ref().map_or(&[][..], |setup| setup.head()));
        (self.tasks_left, self.breaks, self.readonly) = py
            .import("ungil._worker")?
            .call_method1("set_up", (bytes, index, inherited, descriptors, forked))?
            .extract()?;
        let attached = py.import("ungil._shared_memory")?.getattr("_kept")?;
        self.attached = Some(attached.cast_into()?.unbind());
        Ok(())
    }

    /// The loop.
    fn serve(&mut self, py: Python<'_>) {
        loop {
            self.sweep(py);
            if let Some(task) = self.worker.poll() {
                self.run(py, &task);
                if self.is_spent() {
                    return;
                }
                continue;
            }
            // A signal's Python handler runs here, between tasks; what it raises ends the worker.
            if let Err(error) = py.check_signals() {
                error.write_unraisable(py, None);
                return;
            }
            if self.worker.closing() {
                // Closing is said after the last task was published: look once more.
                match self.worker.poll() {
                    Some(task) => {
                        self.run(py, &task);
                        if self.is_spent() {
                            return;
                        }
                    }
                    None => return,
                }
            } else {
                let limit = self.has_attached(py).then_some(SWEEP_EVERY);
                without_gil(py, || self.worker.park(limit));
            }
        }
    }

    fn has_attached(&self, py: Python<'_>) -> bool {
        self.attached
            .as_ref()
            .is_some_and(|attached| !attached.bind(py).is_empty())
    }

    /// Lets go of shared memory that was closed, now and then.
    fn sweep(&mut self, py: Python<'_>) {
        if !self.has_attached(py) || self.swept.elapsed() < SWEEP_EVERY {
            return;
        }
        let swept = py
            .import("ungil._shared_memory")
            .and_then(|module| module.call_method0("sweep"));
        if let Err(error) = swept {
            error.write_unraisable(py, None);
        }
        self.swept = Instant::now();
    }

    /// Books a task as run; whether it was this worker's last one.
    fn is_spent(&mut self) -> bool {
        let Some(left) = &mut self.tasks_left else {
            return false;
        };
        *left = left.saturating_sub(1);
        let spent = *left == 0;
        if spent {
            self.worker.retire();
        }
        spent
    }

    fn run(&mut self, py: Python<'_>, task: &Claimed) {
        let mut head = Vec::new();
        let mut readable = true;
        let called = self.call(py, task);
        if ungil_pool::generation() != self.generation {
            leave(py);
        }
        let payload = match called {
            Ok(Ok(value)) => put_value(&value, &mut head),
            Ok(Err(error)) => {
                put_raised(py, error, &mut head);
                None
            }
            Err(error) => {
                readable = false;
                head.push(answer::UNREADABLE);
                put_error_text(py, &error, &mut head);
                None
            }
        };
        let sent = match &payload {
            Some(payload) => self
                .worker
                .reply(task, &payload.pieces(&head), &payload.buffers()),
            None => self.worker.reply(task, &[&head], &[]),
        };
        if let Err(error) = sent {
            self.apologise(task, &error);
        }
        if self.breaks && !readable {
            // The standard library's worker dies of that, and the pool with it.
            // SAFETY: ends the process; nothing of it is used afterwards.
            unsafe { libc::_exit(1) }
        }
    }

    /// Answers with the reason why the answer cannot be sent.
    fn apologise(&mut self, task: &Claimed, error: &ReplyError) {
        let mut head = vec![answer::RAISED];
        put_texts(["MemoryError", &error.to_string(), ""], &mut head);
        // It is short, so it travels in the slot and cannot fail for want of memory.
        let _ = self.worker.reply(task, &[&head], &[]);
    }

    /// Reads the task and calls it: the outer error is about reading, the inner one the task's own.
    fn call<'py>(
        &mut self,
        py: Python<'py>,
        task: &Claimed,
    ) -> PyResult<PyResult<Bound<'py, PyAny>>> {
        let garbled = || PyRuntimeError::new_err("the task's bytes are not readable");
        let message = Arc::new(self.worker.payload(task).ok_or_else(garbled)?);
        let mut input = message.head();
        let kind = codec::take(&mut input, 1).ok_or_else(garbled)?[0];
        let len = codec::take_u32(&mut input).ok_or_else(garbled)?;
        let pickle = codec::take(&mut input, len).ok_or_else(garbled)?;
        let named = if kind == function::NAMED {
            Some(self.function(py, pickle, &message)?)
        } else {
            None
        };
        let kind = codec::take(&mut input, 1).ok_or_else(garbled)?[0];
        if kind == arguments::PLAIN {
            let args = codec::decode(py, &mut input)?
                .ok_or_else(garbled)?
                .cast_into::<PyTuple>()?;
            drop(message);
            let func = named.ok_or_else(garbled)?;
            return Ok(func.bind(py).call1(args));
        }
        if kind == arguments::PICKLED_OF_MAIN {
            self.prepare_main(py)?;
        }
        let buffers = SharedBuffer::all(&message, &message, self.readonly);
        let all = pickling::load(py, input, &message, buffers)?;
        drop::<Arc<Message>>(message);
        let parts = all.cast_into::<PyTuple>()?;
        let func = match named {
            Some(func) => func.into_bound(py),
            None => parts.get_item(0)?,
        };
        let args = parts.get_item(1)?.cast_into::<PyTuple>()?;
        let kwargs: Option<Bound<'py, PyDict>> = parts.get_item(2)?.extract()?;
        drop(parts);
        Ok(func.call(args, kwargs.as_ref()))
    }

    fn function(
        &mut self,
        py: Python<'_>,
        pickle: &[u8],
        message: &Arc<Message>,
    ) -> PyResult<Py<PyAny>> {
        if let Some(func) = self.functions.get(pickle) {
            return Ok(func.clone_ref(py));
        }
        // What needs only library functions leaves the worker small, and starts it fast.
        if payload::mentions_main(pickle) {
            self.prepare_main(py)?;
        }
        let func = pickling::load(py, pickle, message, Vec::new())?.unbind();
        if self.functions.len() == KNOWN {
            self.functions.clear();
        }
        self.functions.insert(pickle.into(), func.clone_ref(py));
        Ok(func)
    }

    /// Imports the user's main module, when a pickle mentions it and not before.
    fn prepare_main(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.main_ready {
            return Ok(());
        }
        py.import("ungil._worker")?.call_method0("prepare_main")?;
        self.main_ready = true;
        Ok(())
    }
}

/// Writes a value; gives what has to be sent besides the head.
fn put_value<'py>(value: &Bound<'py, PyAny>, head: &mut Vec<u8>) -> Option<Payload<'py>> {
    let py = value.py();
    head.push(answer::PLAIN);
    if let Some(large) = codec::encode(value, head) {
        return (!large.is_empty()).then(|| Payload::of_pieces(large));
    }
    head.clear();
    let pickle = pickling::dump(value).or_else(|error| {
        if !pickling::is_unpicklable(py, &error) {
            return Err(error);
        }
        pickling::forking_dump(value).or_else(|_| match pickling::cloud_dump(value) {
            Some(Ok(pickle)) => Ok(pickle),
            _ => Err(error),
        })
    });
    head.push(answer::PICKLED);
    let pickle = pickle.and_then(|mut pickle| pickle.put(head).map(|()| pickle));
    if pickle.is_err() {
        head.clear();
    }
    match pickle {
        Ok(pickle) => Some(pickle),
        Err(error) if !pickling::is_unpicklable(py, &error) => {
            // Its own code failed: that is as if the task had.
            put_raised(py, error, head);
            None
        }
        Err(error) => {
            head.push(answer::UNPICKLABLE);
            let why = format!("{}: {}", type_name(py, &error), text(error.value(py)));
            put_texts([&pickling::type_name(value), &why, ""], head);
            None
        }
    }
}

fn put_raised(py: Python<'_>, error: PyErr, head: &mut Vec<u8>) {
    head.push(answer::RAISED);
    put_error_text(py, &error, head);
    put_exception(&error.into_value(py).into_bound(py), head);
}

fn put_exception(error: &Bound<'_, PyAny>, head: &mut Vec<u8>) {
    // Without a pickle the parent tells of it by name.
    if let Ok(pickle) = pickling::dump(error)
        && let Some(whole) = pickle.whole()
    {
        head.extend_from_slice(&whole);
    }
}

/// Writes the type, the message and the traceback of an exception.
fn put_error_text(py: Python<'_>, error: &PyErr, head: &mut Vec<u8>) {
    let traceback = py
        .import("traceback")
        // All three: before 3.12 the value alone does not have its traceback yet.
        .and_then(|module| {
            let parts = (error.get_type(py), error.value(py), error.traceback(py));
            module.call_method1("format_exception", parts)
        })
        .and_then(|lines| PyResult::Ok(lines.extract::<Vec<String>>()?.concat()))
        .unwrap_or_default();
    put_texts(
        [&type_name(py, error), &text(error.value(py)), &traceback],
        head,
    );
}

fn put_texts(texts: [&str; 3], head: &mut Vec<u8>) {
    codec::encode_texts(texts, head);
}

fn type_name(py: Python<'_>, error: &PyErr) -> String {
    error
        .get_type(py)
        .getattr(name!(py, "__qualname__"))
        .map_or_else(|_| "?".into(), |name| name.to_string())
}

/// `str(value)`, whatever its `__str__` does.
fn text(value: &Bound<'_, PyAny>) -> String {
    value.str().map_or_else(
        |_| "<no message: its __str__ raises>".into(),
        |text| text.to_string_lossy().into_owned(),
    )
}
