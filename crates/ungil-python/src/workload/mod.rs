//! What is run: a Python function, the arguments of each task, and how both reach a worker.

mod builtin;
mod check;
mod file;
mod items;
mod reference;
mod resolve;
mod travel;

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::{Error, Result, message_of};
use crate::kinds::{Home, Kind};
use crate::probe::Probe;

pub(crate) use builtin::{LECTURE as LECTURE_ITERATIONS, NAMES as BUILTIN_NAMES};
pub(crate) use items::{Items, ItemsSource};
pub(crate) use resolve::{from_callable, from_text, object};
pub(crate) use travel::Travel;

/// A function to be measured.
pub(crate) struct Workload {
    /// What the user called it.
    pub(crate) name: String,
    /// What each task calls.
    pub(crate) function: Py<PyAny>,
    /// What each task is called with.
    pub(crate) calls: Calls,
    /// How the function gets to another process.
    pub(crate) travel: Travel,
    /// The names in which an `--items` expression is evaluated.
    pub(crate) module: Option<Py<PyAny>>,
}

/// The arguments of the tasks.
pub(crate) enum Calls {
    /// A workload of the lecture: each task is called with the number of iterations.
    Iterations(u64),
    /// No arguments.
    Plain,
    /// One argument, item by item, and from the first again where there are more tasks than items.
    Items(Items),
}

impl Workload {
    /// Whether the size of a task can be chosen.
    pub(crate) fn iterations(&self) -> Option<u64> {
        match self.calls {
            Calls::Iterations(iterations) => Some(iterations),
            Calls::Plain | Calls::Items(_) => None,
        }
    }

    /// Chooses the size of a task; without effect on functions of the user.
    pub(crate) fn set_iterations(&mut self, to: u64) {
        if let Calls::Iterations(iterations) = &mut self.calls {
            *iterations = to;
        }
    }

    /// Has the function fed from `items`, one for each task.
    pub(crate) fn feed(&mut self, py: Python<'_>, items: Items) -> Result<()> {
        check::takes_one(self.function.bind(py), &self.name, items.first(py))?;
        self.calls = Calls::Items(items);
        Ok(())
    }

    /// Refuses a function that cannot be called without an argument, where no items were given.
    pub(crate) fn check_unfed(&self, py: Python<'_>) -> Result<()> {
        match self.calls {
            Calls::Plain => check::takes_none(self.function.bind(py), &self.name),
            Calls::Iterations(_) | Calls::Items(_) => Ok(()),
        }
    }

    /// The arguments of a task.
    pub(crate) fn arguments<'py>(
        &self,
        py: Python<'py>,
        task: usize,
    ) -> PyResult<Bound<'py, PyTuple>> {
        match &self.calls {
            Calls::Iterations(iterations) => (*iterations,).into_pyobject(py),
            Calls::Plain => Ok(PyTuple::empty(py)),
            Calls::Items(items) => (items.get(py, task),).into_pyobject(py),
        }
    }

    /// The callable that a worker of this kind runs.
    pub(crate) fn probe_for<'py>(
        &self,
        py: Python<'py>,
        kind: &dyn Kind,
    ) -> Result<Bound<'py, Probe>> {
        let function = kind
            .function(self.function.bind(py), &self.arguments(py, 0)?)
            .map_err(|error| {
                if error.is_instance_of::<PyKeyboardInterrupt>(py) {
                    return error.into();
                }
                Error::Undelivered {
                    place: format!("{} as {} code", self.name, kind.name()),
                    message: message_of(&error),
                    source: error,
                }
            })?;
        Ok(self.probe_of(py, function.unbind(), kind.home())?)
    }

    /// The callable that a worker runs who lives there.
    pub(crate) fn probe<'py>(&self, py: Python<'py>, home: Home) -> PyResult<Bound<'py, Probe>> {
        self.probe_of(py, self.function.clone_ref(py), home)
    }

    fn probe_of<'py>(
        &self,
        py: Python<'py>,
        function: Py<PyAny>,
        home: Home,
    ) -> PyResult<Bound<'py, Probe>> {
        let stand_in = match &self.travel {
            Travel::StandIn(stand_in) => {
                Some(Bound::new(py, stand_in.clone_ref(py))?.into_any().unbind())
            }
            Travel::ByReference | Travel::Cannot(_) => None,
        };
        Bound::new(py, Probe::local(function, stand_in, home))
    }
}
