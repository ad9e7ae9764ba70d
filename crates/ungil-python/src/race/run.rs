//! What one run of a model came to.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use ungil_race::strategy::{Cut, Script};
use ungil_race::{DataRace, Kind, ThreadId, Trace, data_races};

use super::engine::{End, Engine, Failure};
use super::outside::Blocked;
use super::record::Record;

/// Who waits at the end of a run, and who has what it waits for, if one thread has it.
pub(super) struct Waiting {
    pub(super) thread: ThreadId,
    pub(super) holder: Option<ThreadId>,
}

/// What a run came to.
pub(super) struct Run {
    pub(super) end: End,
    pub(super) trace: Trace,
    pub(super) failures: Vec<Failure>,
    pub(super) records: Vec<Record>,
    pub(super) names: Vec<String>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) left: Vec<(usize, Option<Record>)>,
    /// Whether a thread waited in a loop.
    pub(super) spun: bool,
    /// Who blocked outside of what is followed: what it did then may depend on time.
    pub(super) blocked: Option<Blocked>,
}

impl Run {
    /// What the engine has of it, at its end.
    pub(super) fn of(engine: &mut Engine) -> Self {
        if let Some(drained) = &engine.drained {
            engine.trace.events.truncate(drained.steps);
            engine.failures.truncate(drained.failures);
        }
        let end = engine.ending.unwrap_or(End::Completed);
        let waiting = engine.trace.left.iter().filter_map(|(thread, operation)| {
            let object = operation.accesses.first()?.object;
            let ended_by = engine
                .threads
                .iter()
                .position(|thread| thread.end == object);
            let holder = engine
                .stuck_holders
                .get(object as usize)
                .copied()
                .flatten()
                .or(ended_by);
            Some(Waiting {
                thread: *thread,
                holder,
            })
        });
        let waiting = waiting.collect();
        let left = std::mem::take(&mut engine.left_notes);
        Self {
            end,
            waiting,
            left,
            spun: engine.spun,
            blocked: engine.blocked.take(),
            trace: std::mem::take(&mut engine.trace),
            failures: std::mem::take(&mut engine.failures),
            records: engine.records.take().unwrap_or_default(),
            names: engine
                .threads
                .iter()
                .map(|thread| thread.name.clone())
                .collect(),
        }
    }

    /// What went wrong, as a short text that is the same for the same mistake.
    pub(super) fn key(&self) -> Option<&str> {
        match self.end {
            End::Stuck => Some("deadlock"),
            End::TooLong => Some("endless"),
            _ => self.failures.first().map(|failure| failure.key.as_str()),
        }
    }

    pub(super) fn race(&self) -> Option<DataRace> {
        (self.end == End::Completed)
            .then(|| data_races(&self.trace).into_iter().next())
            .flatten()
    }
}

pub(super) fn plain(turns: &[Cut]) -> Vec<(usize, usize)> {
    turns.iter().map(|turn| (turn.thread, turn.steps)).collect()
}

/// Whether two runs of the same schedule did the same.
pub(super) fn same(one: &Run, other: &Run) -> bool {
    let kinds = |run: &Run| -> Vec<(usize, Kind)> {
        let events = run.trace.events.iter();
        events
            .map(|event| (event.thread, event.operation.kind))
            .collect()
    };
    one.end == other.end && one.key() == other.key() && kinds(one) == kinds(other)
}

pub(super) fn tell<'py>(py: Python<'py>, run: &Run) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    let row = |record: &Record| {
        (
            (record.step, record.thread, record.object),
            record.verb.clone(),
            record.what.clone(),
            record.value.clone(),
            record.file.clone(),
            record.line,
            record.function.clone(),
        )
    };
    told.set_item("steps", run.records.iter().map(row).collect::<Vec<_>>())?;
    told.set_item("threads", &run.names)?;
    told.set_item("key", run.key())?;
    told.set_item(
        "failures",
        run.failures
            .iter()
            .map(|failure| {
                (
                    failure.key.as_str(),
                    failure.thread,
                    failure.value.clone_ref(py),
                )
            })
            .collect::<Vec<_>>(),
    )?;
    let waits: Vec<_> = run
        .waiting
        .iter()
        .map(|one| {
            let note = run.left.iter().find(|(thread, _)| *thread == one.thread);
            (
                one.thread,
                one.holder,
                note.and_then(|(_, record)| record.as_ref().map(row)),
            )
        })
        .collect();
    told.set_item("waiting", waits)?;
    let races: Vec<_> = if run.end == End::Completed {
        data_races(&run.trace)
            .iter()
            .map(|race| (race.first, race.second))
            .collect()
    } else {
        Vec::new()
    };
    told.set_item("races", races)?;
    told.set_item("turns", plain(&Script::of(&run.trace)))?;
    Ok(told)
}
