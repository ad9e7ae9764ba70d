//! A comparison from the request to the result.

use std::time::Instant;

use pyo3::prelude::*;
use ungil_measure::comparison::{self, Gil, RawCell, RawComparison, RawWorkload, Settings};
use ungil_measure::os::linux::System;
use ungil_measure::{AnalysisOptions, analyse};
use ungil_report::LiveCell;

use super::calibrate;
use super::cell::Cell;
use super::growth::Growth;
use super::listener::Listener;
use super::loads;
use super::obstacle::Obstacle;
use super::plan::{self, Place};
use super::request::Request;
use super::scale::{self, Budget, Load, Size};
use super::transport::Transport;
use super::visit::{Findings, Visit};
use crate::error::{Error, Result};
use crate::kinds::{Home, PoolOptions};
use crate::waiting::without_gil;

/// A budget may be exceeded by this factor before the remaining repeats are dropped.
const PATIENCE: f64 = 1.1;

/// Measures and analyses.
pub(crate) fn execute(
    py: Python<'_>,
    request: Request,
    listener: &dyn Listener,
) -> Result<comparison::Comparison> {
    let mut session = Session::prepare(py, request, listener)?;
    let outcome = session.measure(py);
    listener.finished();
    match outcome {
        Ok(()) => session.result(py),
        Err(Error::Interrupted(_)) => Err(Error::Interrupted(session.progress())),
        Err(error) => Err(error),
    }
}

struct Session<'a> {
    request: Request,
    listener: &'a dyn Listener,
    created: String,
    begun: Instant,
    /// The way of each workload's tasks to other processes and interpreters.
    transports: Vec<Transport>,
    /// Why some of the cells cannot be measured.
    obstacles: Vec<Obstacle>,
    /// Sizes of each workload.
    sizes: Vec<Size>,
    /// Rounds to go through.
    repeat: usize,
    cells: Vec<Cell>,
}

impl<'a> Session<'a> {
    fn prepare(py: Python<'_>, mut request: Request, listener: &'a dyn Listener) -> Result<Self> {
        let begun = Instant::now();
        let created = now(py)?;
        for remark in &request.remarks {
            listener.remark(remark);
        }
        let settings = calibrate::Settings::of(&request);
        let mut known = Vec::new();
        let mut obstacles = Vec::new();
        for (index, subject) in request.workloads.iter_mut().enumerate() {
            let (found, obstacle) = calibrate::workload(py, subject, &settings)?;
            known.push(found);
            obstacles.extend(obstacle.map(|error| Obstacle::of_all(index, error)));
        }
        let loads = loads::of(py, &request, &known, &mut obstacles)?;
        let budget = request.budget.map(|whole_s| {
            let left_s = (whole_s - begun.elapsed().as_secs_f64()).max(whole_s / 4.0);
            Budget { whole_s, left_s }
        });
        let (mut sizes, repeat) = scale::fit(&loads, request.repeat, budget);
        for (subject, size) in request.workloads.iter_mut().zip(&mut sizes) {
            if subject.kept.is_some() {
                size.scaling.clone_from(&subject.kept);
            }
            if let Some(iterations) = size.iterations {
                subject.workload.set_iterations(iterations);
            }
        }
        let mut session = Self {
            request,
            listener,
            created,
            begun,
            transports: known.into_iter().map(|known| known.transport).collect(),
            obstacles,
            sizes,
            repeat,
            cells: Vec::new(),
        };
        session.lay_out(&loads)?;
        session.announce();
        Ok(session)
    }

    /// The cells, with those that cannot be measured marked.
    fn lay_out(&mut self, loads: &[Load]) -> Result<()> {
        for (subject, (load, size)) in loads.iter().zip(&self.sizes).enumerate() {
            let visit_s = load.total_s(size.task_s, size.tasks, 1) / load.workers.len() as f64;
            let places = plan::cells(&self.request, subject);
            self.cells
                .extend(places.into_iter().map(|place| Cell::new(place, visit_s)));
        }
        for obstacle in &self.obstacles {
            skip(&mut self.cells, obstacle);
        }
        self.check_that_something_is_left()
    }

    fn announce(&self) {
        for (subject, size) in self.request.workloads.iter().zip(&self.sizes) {
            if let Some(scaling) = &size.scaling {
                let name = &subject.workload.name;
                self.listener
                    .remark(&format!("{name}: {}", scale::told(scaling)));
            }
        }
        if self.repeat < self.request.repeat.number {
            self.listener.remark(&format!(
                "Measured {} instead of {} times, to stay within the budget (--repeat insists).",
                self.repeat, self.request.repeat.number
            ));
        }
        let cells = self.cells.iter().filter(|cell| !cell.is_skipped()).count();
        self.listener.laid_out(
            self.cells
                .iter()
                .map(|cell| self.live(cell.place))
                .collect(),
            self.repeat,
        );
        self.listener
            .planned(cells * self.repeat, self.left_s(0, &[]));
    }

    fn measure(&mut self, py: Python<'_>) -> Result<()> {
        let mut growth = Growth::default();
        for round in 0..self.repeat {
            if self.is_out_of_time(round) {
                self.listener.remark(&format!(
                    "The budget is used up: {round} instead of {} runs of each cell were measured.",
                    self.repeat
                ));
                self.repeat = round;
                break;
            }
            let order = plan::order(self.cells.len(), round);
            for (position, &index) in order.iter().enumerate() {
                if self.cells[index].is_skipped() {
                    continue;
                }
                let left_s = self.left_s(round, &order[position..]);
                let begun = Instant::now();
                self.listener.running(index);
                match self.visit(py, index, round, left_s) {
                    Ok(findings) => {
                        self.listener.ran(index, findings.run.wall_s);
                        self.cells[index].add(findings, &mut growth);
                    }
                    Err(error @ (Error::Unpicklable { .. } | Error::Undelivered { .. })) => {
                        let obstacle = Obstacle::of_kind(self.cells[index].place, error);
                        skip(&mut self.cells, &obstacle);
                        self.obstacles.push(obstacle);
                        self.check_that_something_is_left()?;
                    }
                    Err(error) => return Err(error),
                }
                self.cells[index].visit_s = begun.elapsed().as_secs_f64();
                self.listener.ends();
            }
        }
        if self.request.traces_gil {
            self.trace(py)?;
        }
        Ok(())
    }

    /// One more run of each cell whose workers share this interpreter's GIL.
    fn trace(&mut self, py: Python<'_>) -> Result<()> {
        for index in 0..self.cells.len() {
            let cell = &self.cells[index];
            if cell.is_skipped() || cell.place.kind.home() != Home::Interpreter {
                continue;
            }
            self.listener.running(index);
            let timeline = self.visit_of(cell.place).trace(py)?;
            self.cells[index].set_timeline(timeline);
        }
        Ok(())
    }

    fn visit(&self, py: Python<'_>, index: usize, round: usize, left_s: f64) -> Result<Findings> {
        let place = self.cells[index].place;
        let tasks = self.sizes[place.subject].tasks;
        self.listener
            .begins(&self.name(place), round + 1, self.repeat, tasks, left_s);
        self.visit_of(place).make(py)
    }

    fn visit_of(&self, place: Place) -> Visit<'_> {
        let subject = &self.request.workloads[place.subject];
        Visit {
            workload: &subject.workload,
            tasks: self.sizes[place.subject].tasks,
            kind: place.kind,
            options: self.options(place.workers),
            timeout: self.request.timeout,
            transport: self.transports[place.subject],
            listener: self.listener,
        }
    }

    fn options(&self, workers: usize) -> PoolOptions {
        PoolOptions {
            workers,
            start_method: self.request.start_method.clone(),
        }
    }

    fn name(&self, place: Place) -> String {
        let live = self.live(place);
        format!("{}, {}", live.workload, live.label)
    }

    /// A cell without runs, as a dashboard shows it.
    fn live(&self, place: Place) -> LiveCell {
        let is_baseline = place.kind.plural().is_none();
        let kind = place.kind.name();
        LiveCell {
            workload: self.request.workloads[place.subject].workload.name.clone(),
            label: if is_baseline {
                kind.to_owned()
            } else {
                format!("{kind} x{}", place.workers)
            },
            is_baseline,
            walls: Vec::new(),
        }
    }

    /// A comparison of nothing is a failure: then what does not pickle is the answer.
    fn check_that_something_is_left(&mut self) -> Result<()> {
        let has_workers = |cell: &&Cell| cell.place.kind.plural().is_some();
        let mut cells = self.cells.iter().filter(has_workers).peekable();
        if cells.peek().is_none() || cells.any(|cell| !cell.is_skipped()) {
            return Ok(());
        }
        Err(self.obstacles.remove(0).into_error())
    }

    fn is_out_of_time(&self, round: usize) -> bool {
        let Some(budget) = self.request.budget else {
            return false;
        };
        if round < 3 || self.request.repeat.given {
            return false;
        }
        let one_round: f64 = self.cells.iter().map(|cell| cell.visit_s).sum();
        self.begun.elapsed().as_secs_f64() + one_round > budget * PATIENCE
    }

    /// Seconds for the rest of a round and all rounds after it.
    fn left_s(&self, round: usize, rest: &[usize]) -> f64 {
        let measured = |cell: &&Cell| !cell.is_skipped();
        let whole: f64 = self
            .cells
            .iter()
            .filter(measured)
            .map(|cell| cell.visit_s)
            .sum();
        let rest_s: f64 = rest.iter().map(|&index| self.cells[index].visit_s).sum();
        let begun = usize::from(!rest.is_empty());
        rest_s + whole * (self.repeat - round - begun) as f64
    }

    fn progress(&self) -> String {
        let measured = self.cells.iter().filter(|cell| !cell.is_skipped());
        let complete = measured
            .clone()
            .filter(|cell| cell.runs() == self.repeat)
            .count();
        let runs: usize = measured.clone().map(Cell::runs).sum();
        let cells = measured.count();
        format!(
            "{complete} of {cells} cells were complete ({runs} of {} runs); incomplete figures are not shown",
            cells * self.repeat
        )
    }

    fn result(self, py: Python<'_>) -> Result<comparison::Comparison> {
        let mut machine = System::host().machine();
        machine.python = python(py)?;
        let settings = Settings {
            kinds: self
                .request
                .kinds
                .iter()
                .map(|kind| kind.name().to_owned())
                .collect(),
            workers: self.request.workers.clone(),
            repeat: self.repeat,
            warmup: 1,
            full: self.request.budget.is_none(),
            budget_s: self.request.budget,
            timeout_s: self.request.timeout,
            start_method: self.request.start_method.clone(),
            items: self.request.items.clone(),
        };
        let mut by_subject: Vec<Vec<RawCell>> =
            self.request.workloads.iter().map(|_| Vec::new()).collect();
        for cell in self.cells {
            by_subject[cell.place.subject].push(cell.into_raw());
        }
        let workloads = self
            .request
            .workloads
            .into_iter()
            .zip(self.sizes)
            .zip(by_subject);
        let raw = RawComparison {
            ungil_version: env!("CARGO_PKG_VERSION").to_owned(),
            created: self.created,
            machine,
            settings,
            workloads: workloads
                .map(|((subject, size), mut cells)| RawWorkload {
                    name: subject.workload.name,
                    tasks: size.tasks,
                    scaling: size.scaling,
                    serial: cells.remove(0),
                    cells,
                })
                .collect(),
        };
        Ok(without_gil(py, || {
            analyse(raw, &AnalysisOptions::default())
        }))
    }
}

/// Gives up what has this obstacle.
fn skip(cells: &mut [Cell], obstacle: &Obstacle) {
    for cell in cells {
        if obstacle.is_in_the_way_of(cell.place) {
            cell.skip(obstacle.reason());
        }
    }
}

fn now(py: Python<'_>) -> PyResult<String> {
    let datetime = py.import("datetime")?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    let now = datetime.getattr("datetime")?.call_method1("now", (utc,))?;
    now.call_method1("isoformat", ("T", "seconds"))?.extract()
}

/// The interpreter that runs this.
pub(crate) fn python(py: Python<'_>) -> PyResult<comparison::Python> {
    let sys = py.import("sys")?;
    let platform = py.import("platform")?;
    let gil = match sys.getattr("_is_gil_enabled") {
        Ok(is_enabled) if !is_enabled.call0()?.is_truthy()? => Gil::Disabled,
        // Before 3.13 there was no choice.
        _ => Gil::Enabled,
    };
    Ok(comparison::Python {
        implementation: platform.call_method0("python_implementation")?.extract()?,
        version: platform.call_method0("python_version")?.extract()?,
        gil,
    })
}
