//! Who goes on at a step.

use std::ffi::c_int;
use std::time::Duration;

use ungil_race::{Choice, Event, Kind, Operation, State, ThreadId, ThreadSet};

use super::carrier::Carriers;
use super::engine::{End, Engine};

/// The part of their patience that others wait for who is outside before time passes, or before they do something
/// else than in the run that is repeated.
const GRACE_PART: u32 = 10;

/// What is decided at a step.
pub(super) enum Decision {
    Run(ThreadId),
    /// Somebody outside is to come back first, within this time.
    Wait(Duration),
    End(End),
}

/// A run that shows nothing new from here on, and that goes on to its end nevertheless: what its threads have taken
/// outside of what is followed (a mutex in C) is given back so.
pub(super) struct Drained {
    /// What it is taken for, and what of it counts.
    pub(super) end: End,
    pub(super) steps: usize,
    pub(super) failures: usize,
}

impl Engine {
    fn enabled(&self) -> ThreadSet {
        let can_go_on = |thread: &ThreadId| {
            let Some(next) = &self.states[*thread].next else {
                return false;
            };
            let rested = &self.threads[*thread];
            match next.kind {
                // From the second time on others come first: loops that wait end.
                Kind::Sleep => rested.sleeps < 2 || self.trace.events.len() > rested.slept_at,
                _ if next.blocking => next
                    .accesses
                    .iter()
                    .all(|access| self.shared[access.object as usize].lets_go_on()),
                _ => true,
            }
        };
        (0..self.threads.len())
            .filter(|thread| !self.outside.contains(*thread))
            .filter(can_go_on)
            .collect()
    }

    /// Whether everything that it touches is to be had: only locks and the like ever are not.
    pub(super) fn is_open(&self, operation: &Operation) -> bool {
        let mut touched = operation.accesses.iter();
        touched.all(|access| self.shared[access.object as usize].available)
    }

    /// What threads wait for outside of the model: threads, and file descriptors that are to be readable.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = (ThreadId, c_int)> {
        let waits = self.states.iter().enumerate();
        waits.filter_map(|(thread, state)| {
            let awaited = state.next.as_ref().filter(|next| next.blocking)?;
            let object = awaited.accesses.first()?.object;
            Some((thread, self.shared[object as usize].descriptor?))
        })
    }

    /// Who makes the next step; notes the step as made.
    pub(super) fn decide(&mut self) -> Decision {
        match (self.next(), &self.drained) {
            (Decision::End(End::Completed | End::Stuck | End::TooLong), Some(drained)) => {
                Decision::End(drained.end)
            }
            (decision, _) => decision,
        }
    }

    /// Who of those that can go on does so.
    fn choose(&mut self, enabled: ThreadSet) -> Result<ThreadId, Decision> {
        if self.drained.is_none() {
            let state = State {
                trace: &self.trace,
                threads: &self.states,
                enabled,
                outside: if self.waited {
                    ThreadSet::EMPTY
                } else {
                    self.outside
                },
            };
            // SAFETY: the strategy outlives the run that it was given to.
            let end = match unsafe { (*self.strategy).choose(&state) } {
                Choice::Run(thread) => return Ok(thread),
                Choice::Await => return Err(Decision::Wait(self.patience / GRACE_PART)),
                Choice::Prune => {
                    self.trace.end(&self.states, enabled);
                    End::Pruned
                }
                Choice::Diverged => End::Diverged,
            };
            if self.carried_by == Carriers::Fibers {
                return Err(Decision::End(end));
            }
            self.drained = Some(Drained {
                end,
                steps: self.trace.events.len(),
                failures: self.failures.len(),
            });
        }
        let last = self.trace.events.last().map(|event| event.thread);
        last.filter(|thread| enabled.contains(*thread))
            .or_else(|| enabled.first())
            .ok_or(Decision::End(End::Diverged))
    }

    fn next(&mut self) -> Decision {
        let mut enabled = self.enabled();
        let all_done = self
            .threads
            .iter()
            .zip(&self.states)
            .all(|(thread, state)| thread.daemon || state.next.is_none());
        if all_done {
            return Decision::End(End::Completed);
        }
        if enabled.is_empty() {
            // Nobody can go on before time passes.
            let soonest = (0..self.threads.len())
                .filter(|thread| self.states[*thread].next.is_some())
                .filter_map(|thread| Some((self.threads[thread].deadline?, thread)))
                .min_by(|one, other| one.0.total_cmp(&other.0));
            let from_outside = !self.outside.is_empty() || self.descriptors().next().is_some();
            if from_outside && !self.waited {
                return Decision::Wait(match soonest {
                    Some(_) => self.patience / GRACE_PART,
                    None => self.patience,
                });
            }
            let Some((deadline, thread)) = soonest else {
                if from_outside {
                    return Decision::End(End::Blocked);
                }
                self.trace.end(&self.states, enabled);
                // Unwinding changes both: kept as they are now.
                let holders = self
                    .shared
                    .iter()
                    .map(|it| it.holder.map(|holder| holder.0));
                self.stuck_holders = holders.collect();
                let notes = self.threads.iter_mut().enumerate();
                self.left_notes = notes
                    .map(|(number, thread)| (number, thread.note.take()))
                    .collect();
                return Decision::End(End::Stuck);
            };
            self.now = self.now.max(deadline);
            let kind = self.states[thread].next.as_ref().map(|next| next.kind);
            self.threads[thread].timed_out = kind != Some(Kind::Sleep);
            enabled.insert(thread);
        }
        if self.trace.events.len() >= self.step_limit {
            return Decision::End(End::TooLong);
        }
        let thread = match self.choose(enabled) {
            Ok(thread) => thread,
            Err(decision) => return decision,
        };
        let Some(operation) = self.states[thread].next.clone() else {
            return Decision::End(End::Diverged);
        };
        if operation.kind == Kind::Sleep {
            self.now = self
                .now
                .max(self.threads[thread].deadline.unwrap_or(self.now));
        }
        self.threads[thread].deadline = None;
        self.waited = false;
        let closed = !self.is_open(&operation);
        self.trace.events.push(Event {
            thread,
            operation,
            closed,
        });
        Decision::Run(thread)
    }
}
