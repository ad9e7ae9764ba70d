//! Runs of a model.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use ungil_race::strategy::{Bounded, Cut, Dpor, Lockstep, Pct, Pos, RandomWalk, Script};
use ungil_race::{Attempt, Strategy, minimise};

use super::carrier::Carriers;
use super::engine::{End, Engine, is_exploring};
use super::followers::{self, Followers};
use super::outside::Blocked;
use super::run::{Run, plain, same, tell};
use super::{
    arenas, attributes, code, evaluation, free_threaded, gilstate, hub, locks, main_thread,
    numbers, patches, protection, time, tracing,
};

/// Whether what is replaced has been found.
static PLANNED: PyOnceLock<()> = PyOnceLock::new();

/// Replaces the built-in functions and begins to follow instructions. `analyse` tells of the code under test,
/// as long as `scope` is the same; `watch` is called with what runs in the place of each code object of it that is
/// met, `followers` where a model needs them.
/// `watch` and `disable`, which is `sys.monitoring.DISABLE`, are `None` on 3.11.
#[pyfunction]
pub(super) fn begin(
    py: Python<'_>,
    analyse: Py<PyAny>,
    watch: Option<Py<PyAny>>,
    followers: Followers,
    scope: Bound<'_, PyAny>,
    without_gil: bool,
    disable: Option<Bound<'_, PyAny>>,
) -> PyResult<()> {
    PLANNED.get_or_try_init(py, || {
        gilstate::prepare();
        main_thread::prepare();
        protection::prepare()?;
        locks::plans(py)?;
        time::plans(py)?;
        followers::plans(py)
    })?;
    attributes::prepare(py)?;
    code::begin(analyse, watch, scope)?;
    match disable {
        Some(disable) => {
            evaluation::prepare(py)?;
            tracing::use_monitoring(&disable);
            evaluation::begin();
        }
        None => tracing::use_trace_function(),
    }
    free_threaded::set(without_gil);
    followers::begin(followers);
    arenas::begin();
    patches::apply();
    Ok(())
}

/// Puts everything back.
#[pyfunction]
pub(super) fn end() {
    patches::undo();
    numbers::end();
    evaluation::end();
    arenas::end();
    followers::end();
    code::end();
}

/// How far to go.
struct Budget {
    schedules: usize,
    until: Option<Instant>,
}

const DATA_RACE: &str = "data race";

/// A model and how far to go.
#[pyclass(unsendable, frozen)]
pub(super) struct Session {
    body: Py<PyAny>,
    prepare: Py<PyAny>,
    abandoned: Py<PyAny>,
    step_limit: usize,
    races: bool,
    carried_by: Carriers,
    patience: Duration,
    /// The first thread that has blocked outside of what is followed.
    blocked: RefCell<Option<Blocked>>,
}

#[pymethods]
impl Session {
    /// `body` calls the model, `prepare` is called before each run; threads that are to unwind get `abandoned`.
    /// `os_threads`: threads of the model are such, and others wait `patience` seconds for one that blocks outside.
    #[new]
    fn new(
        body: Py<PyAny>,
        prepare: Py<PyAny>,
        abandoned: Py<PyAny>,
        step_limit: usize,
        races: bool,
        os_threads: bool,
        patience: f64,
    ) -> Self {
        Self {
            body,
            prepare,
            abandoned,
            step_limit,
            races,
            carried_by: if os_threads {
                Carriers::OsThreads
            } else {
                Carriers::Fibers
            },
            patience: Duration::try_from_secs_f64(patience).unwrap_or(Duration::MAX),
            blocked: RefCell::new(None),
        }
    }

    /// Name, file and line of the first thread that was seen to block outside of what is followed.
    #[getter]
    fn blocked(&self) -> Option<(String, String, i32)> {
        let blocked = self.blocked.borrow();
        let (name, place) = blocked.as_ref()?;
        let (file, line, _) = place.clone().unwrap_or_default();
        Some((name.clone(), file, line))
    }

    /// Runs until something fails, the strategy is done, or `schedules` or `seconds` are used up. It is first seen to
    /// that the model does the same twice, unless that is known: `checked`.
    #[pyo3(signature = (strategy, *, seed, number, schedules, seconds, checked))]
    #[allow(clippy::too_many_arguments)] // Python's, by name
    fn explore<'py>(
        &self,
        py: Python<'py>,
        strategy: &str,
        seed: u64,
        number: usize,
        schedules: usize,
        seconds: Option<f64>,
        checked: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let mut dpor = Dpor::new();
        let mut bounded = Bounded::new(number);
        let mut walk = RandomWalk::new(seed);
        let mut pct = Pct::new(number, seed);
        let mut pos = Pos::new(seed);
        let chosen: &mut dyn Strategy = match strategy {
            "dpor" => &mut dpor,
            "bounded" => &mut bounded,
            "random" => &mut walk,
            "pct" => &mut pct,
            "pos" => &mut pos,
            other => {
                return Err(PyValueError::new_err(format!(
                    "no strategy is called {other:?}"
                )));
            }
        };
        let begins_plainly = matches!(strategy, "dpor" | "bounded");
        let budget = Budget {
            schedules,
            until: seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds)),
        };
        let found = self.search(py, chosen, begins_plainly, &budget, checked)?;
        found.set_item("proved", dpor.proves())?;
        found.set_item("bound_reached", bounded.is_exhausted())?;
        Ok(found)
    }

    /// The turns of a run that fails in the same way with the fewest context switches.
    fn minimise(
        &self,
        py: Python<'_>,
        key: &str,
        turns: Vec<(usize, usize)>,
        budget: usize,
    ) -> PyResult<Vec<(usize, usize)>> {
        let failing = self.run(py, &mut script(turns), false)?.trace;
        let mut trouble = None;
        let small = minimise(&failing, budget, |strategy| {
            match self.run(py, strategy, false) {
                Ok(run) => {
                    let fails = match key {
                        DATA_RACE => run.race().is_some(),
                        key => run.key() == Some(key),
                    };
                    Some(Attempt {
                        fails,
                        trace: run.trace,
                    })
                }
                Err(error) => {
                    trouble = Some(error);
                    None
                }
            }
        });
        match trouble {
            Some(error) => Err(error),
            None => Ok(plain(&small.turns)),
        }
    }

    /// Runs these turns and tells every step. `stop` is called by the thread that has come to the step of this
    /// number, before it makes it.
    #[pyo3(signature = (turns, stop = None))]
    fn tell<'py>(
        &self,
        py: Python<'py>,
        turns: Vec<(usize, usize)>,
        stop: Option<(usize, Py<PyAny>)>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let run = self.run_with(py, &mut script(turns), true, stop)?;
        tell(py, &run)
    }
}

fn script(turns: Vec<(usize, usize)>) -> Script {
    let turns = turns
        .into_iter()
        .map(|(thread, steps)| Cut { thread, steps });
    Script::new(turns.collect())
}

impl Session {
    fn search<'py>(
        &self,
        py: Python<'py>,
        strategy: &mut dyn Strategy,
        begins_plainly: bool,
        budget: &Budget,
        checked: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let result = PyDict::new(py);
        let (mut schedules, mut pruned, mut steps) = (0usize, 0usize, 0usize);
        let mut race: Option<Vec<Cut>> = None;
        let mut first: Option<Run> = None;
        let mut tried_in_step = false;
        // Imports, caches: what happens only once has happened after this.
        let warmed = if checked {
            None
        } else {
            Some(self.run(py, &mut Script::new(Vec::new()), false)?)
        };
        loop {
            let run = self.run(py, strategy, false)?;
            steps = steps.max(run.trace.events.len());
            match run.end {
                End::Diverged if self.blocked.borrow().is_some() => {
                    // Who blocks outside comes back when it likes: this strategy cannot go on.
                    result.set_item("drifted", true)?;
                    break;
                }
                End::Diverged => {
                    result.set_item("diverged", schedules + 1)?;
                    break;
                }
                End::Pruned => pruned += 1,
                _ => schedules += 1,
            }
            // Some strategies begin with the schedule that warmed up: where it did the same, it is the second run.
            if let Some(warmed) = &warmed
                && (schedules == 1 && first.is_none())
                && !(begins_plainly && same(warmed, &run))
                && warmed.blocked.is_none()
                && run.blocked.is_none()
            {
                let again = self.run(py, &mut Script::new(Script::of(&run.trace)), false)?;
                let changed = begins_plainly && warmed.key() != run.key();
                if !same(&run, &again) || changed {
                    result.set_item("diverged", 1)?;
                    result.set_item(
                        "failure",
                        again
                            .failures
                            .first()
                            .map(|failure| failure.value.clone_ref(py)),
                    )?;
                    break;
                }
            }
            // Threads that wait in loops may do so for each other.
            let mut run = run;
            if run.spun && !tried_in_step && run.key().is_none() {
                tried_in_step = true;
                run = self.in_step(py)?.unwrap_or(run);
            }
            if let Some(key) = run.key() {
                result.set_item("key", key)?;
                result.set_item("turns", plain(&Script::of(&run.trace)))?;
                break;
            }
            if self.races && race.is_none() && run.race().is_some() {
                race = Some(Script::of(&run.trace));
            }
            let more = strategy.finish(&run.trace);
            first.get_or_insert(run);
            if !more
                || schedules + pruned >= budget.schedules
                || budget.until.is_some_and(|until| Instant::now() >= until)
            {
                break;
            }
        }
        if let Some(turns) = race {
            result.set_item("race", plain(&turns))?;
        }
        result.set_item("schedules", schedules)?;
        result.set_item("pruned", pruned)?;
        result.set_item("steps", steps)?;
        Ok(result)
    }

    /// A run that fails in which the threads go on in step, if there is one.
    fn in_step(&self, py: Python<'_>) -> PyResult<Option<Run>> {
        let mut lockstep = Lockstep::new();
        loop {
            let run = self.run(py, &mut lockstep, false)?;
            if run.key().is_some() {
                return Ok(Some(run));
            }
            if !lockstep.finish(&run.trace) {
                return Ok(None);
            }
        }
    }

    /// One run.
    fn run(&self, py: Python<'_>, strategy: &mut dyn Strategy, told: bool) -> PyResult<Run> {
        self.run_with(py, strategy, told, None)
    }

    fn run_with(
        &self,
        py: Python<'_>,
        strategy: &mut dyn Strategy,
        told: bool,
        stop: Option<(usize, Py<PyAny>)>,
    ) -> PyResult<Run> {
        if is_exploring() {
            return Err(PyRuntimeError::new_err("this process explores already"));
        }
        self.prepare.call0(py)?;
        numbers::begin();
        strategy.begin();
        // The engine does not outlive this call, and so neither does its pointer to the strategy.
        let strategy = forget_lifetime(strategy);
        let mut engine = Box::new(Engine::new(
            self.abandoned.clone_ref(py),
            strategy,
            self.step_limit,
            self.carried_by,
            self.patience,
        ));
        engine.records = told.then(Vec::new);
        engine.stop = stop;
        engine.add_thread(
            "MainThread".to_owned(),
            false,
            self.body.clone_ref(py),
            self.body.as_ptr(),
        );
        engine.enter();
        let outcome = hub::run(&raw mut *engine);
        Engine::leave();
        locks::restore(&engine);
        outcome.map_err(|error| {
            PyRuntimeError::new_err(format!("a thread of the model cannot be made: {error}"))
        })?;
        if let Some(blocked) = &engine.blocked {
            self.blocked
                .borrow_mut()
                .get_or_insert_with(|| blocked.clone());
        }
        if let Some(error) = engine.interrupt.take() {
            return Err(error);
        }
        Ok(Run::of(&mut engine))
    }
}

fn forget_lifetime(strategy: &mut dyn Strategy) -> *mut (dyn Strategy + 'static) {
    let strategy: *mut (dyn Strategy + '_) = strategy;
    // `as` cannot change it.
    #[allow(clippy::transmute_ptr_to_ptr)]
    // SAFETY: only the lifetime in the type changes; `run` sees to it that the pointer is not used later.
    unsafe {
        std::mem::transmute(strategy)
    }
}
