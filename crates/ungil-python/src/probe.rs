//! The callable that runs in a worker in place of the user's function and takes the times of a task.
//!
//! It is native so that it costs well under a microsecond and leaves no frame of ours in the user's
//! traceback. A task that raises *returns* its failure: the pool then has nothing of its own to add.

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use crate::clock;
use crate::kinds::Home;
use crate::running;
use crate::traceback;

/// Calls a function and returns a [`Report`] as a tuple.
#[pyclass(module = "ungil._ungil", frozen)]
pub(crate) struct Probe {
    function: Py<PyAny>,
    /// What is pickled in the function's place; the function itself where that is `None`.
    stand_in: Option<Py<PyAny>>,
    /// Whether this probe has travelled to another process.
    remote: bool,
    /// Where it will travel to: an interpreter of its own cannot load this class.
    home: Home,
}

impl Probe {
    /// A probe of this process, for workers who live there.
    pub(crate) fn local(function: Py<PyAny>, stand_in: Option<Py<PyAny>>, home: Home) -> Self {
        Self {
            function,
            stand_in,
            remote: false,
            home,
        }
    }

    /// The class that stands for one of ours where a pickle is going: the class itself, or that of `ungil._kinds.timed`.
    pub(crate) fn travels_as<'py>(
        &self,
        native: Bound<'py, PyType>,
        pure: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.home {
            Home::OwnInterpreter => native.py().import("ungil._kinds.timed")?.getattr(pure),
            Home::Caller | Home::Interpreter | Home::OwnProcess => Ok(native.into_any()),
        }
    }
}

#[pymethods]
impl Probe {
    /// What unpickling in a worker process calls.
    #[new]
    fn unpickled(function: Py<PyAny>) -> Self {
        Self {
            function,
            stand_in: None,
            remote: true,
            home: Home::OwnProcess,
        }
    }

    #[pyo3(signature = (*arguments))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        arguments: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let _running = (!self.remote).then(running::enter);
        // CPU time within wall time: what a host takes between two readings counts in both.
        let started = clock::monotonic_ns();
        let cpu = clock::thread_cpu_ns();
        let outcome = self.function.bind(py).call1(arguments);
        let cpu = clock::thread_cpu_ns() - cpu;
        let ended = clock::monotonic_ns();
        match outcome {
            Ok(value) => (started, ended, cpu, value, py.None()).into_pyobject(py),
            Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => Err(error),
            Err(error) => {
                let failure = self.failure(py, &error)?;
                (started, ended, cpu, py.None(), failure).into_pyobject(py)
            }
        }
    }

    /// The user's function: the pool names tasks after it.
    #[getter]
    fn __wrapped__(&self, py: Python<'_>) -> Py<PyAny> {
        self.function.clone_ref(py)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Py<PyAny>,))> {
        let function = self.stand_in.as_ref().unwrap_or(&self.function);
        let class = self.travels_as(py.get_type::<Self>(), "Timed")?;
        Ok((class, (function.clone_ref(py),)))
    }
}

impl Probe {
    /// `(type name, traceback, exception or None)`.
    fn failure<'py>(&self, py: Python<'py>, error: &PyErr) -> PyResult<Bound<'py, PyTuple>> {
        let kind = error.get_type(py).name()?.to_string();
        let text = traceback::users_own(py, error);
        let exception = error.value(py).clone().into_any();
        let exception = if self.remote && !survives_pickling(&exception) {
            None
        } else {
            Some(exception)
        };
        (kind, text, exception).into_pyobject(py)
    }
}

/// Whether an exception can be sent: many classes with their own `__init__` pickle, but do not unpickle.
fn survives_pickling(exception: &Bound<'_, PyAny>) -> bool {
    let round_trip = || -> PyResult<()> {
        let pickle = exception.py().import("pickle")?;
        pickle.call_method1("loads", (pickle.call_method1("dumps", (exception,))?,))?;
        Ok(())
    };
    round_trip().is_ok()
}

/// What a probe brought back, read in the parent.
#[derive(Debug)]
pub(crate) struct Report {
    /// `CLOCK_MONOTONIC` at the task's begin, nanoseconds.
    pub(crate) started: i64,
    /// `CLOCK_MONOTONIC` at the task's end, nanoseconds.
    pub(crate) ended: i64,
    /// CPU time of the task's thread, nanoseconds.
    pub(crate) cpu: i64,
    /// What the function returned.
    pub(crate) value: Py<PyAny>,
    /// How it failed.
    pub(crate) failure: Option<Failure>,
}

/// A task's own exception.
#[derive(Debug, FromPyObject)]
pub(crate) struct Failure(
    /// The type's name.
    pub(crate) String,
    /// The traceback as text.
    pub(crate) String,
    /// The exception, where it could be brought back.
    pub(crate) Option<Py<PyAny>>,
);

impl Report {
    /// Reads the tuple that a probe returned.
    pub(crate) fn read(returned: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (started, ended, cpu, value, failure) = returned.extract()?;
        Ok(Self {
            started,
            ended,
            cpu,
            value,
            failure,
        })
    }
}
