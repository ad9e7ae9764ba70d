//! A thread of the model, as the engine sees it.

use pyo3::prelude::*;
use ungil_race::ObjectId;

use super::record::{Place, Record};
use super::spin::Spin;

pub(super) struct Thread {
    pub(super) daemon: bool,
    pub(super) name: String,
    /// What it is to call, until it does.
    pub(super) body: Option<Py<PyAny>>,
    /// Until when it sleeps or waits at most, in virtual seconds.
    pub(super) deadline: Option<f64>,
    /// Whether its wait ended by the time that it was given.
    pub(super) timed_out: bool,
    /// Steps of the run when it last went to sleep, and how often it had slept.
    pub(super) slept_at: usize,
    pub(super) sleeps: usize,
    /// The object that stands for its end.
    pub(super) end: ObjectId,
    /// What is to be told of the step that it has announced.
    pub(super) note: Option<Record>,
    pub(super) spin: Spin,
    /// Where it was last seen to block outside of what is followed.
    pub(super) blocked_at: Option<Place>,
    /// Whether it has been told to unwind: what it does from then on is its own cleaning up.
    pub(super) unwinds: bool,
}

impl Thread {
    pub(super) fn new(name: String, daemon: bool, body: Py<PyAny>, end: ObjectId) -> Self {
        Self {
            daemon,
            name,
            body: Some(body),
            deadline: None,
            timed_out: false,
            slept_at: 0,
            sleeps: 0,
            end,
            note: None,
            spin: Spin::default(),
            blocked_at: None,
            unwinds: false,
        }
    }
}
