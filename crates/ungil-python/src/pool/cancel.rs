//! Cancelling: a task that waits is taken out of its pool's reach, one that runs in a process is
//! stopped.

use super::core::{Core, Inner, State};

/// What a cancel comes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancel {
    TooLate,
    Already,
    Now,
}

/// Cancels in the state, and, if it says `Now`, leaves it to the caller to tell the listeners.
/// `running`: also what a worker of a process pool is running.
pub(super) fn cancel(core: &Core, running: bool) -> Cancel {
    match cancel_waiting(core) {
        Cancel::TooLate if running => stop_running(core),
        cancelled => cancelled,
    }
}

/// Cancels in the state; for a task in a process pool also takes it out of the workers' reach.
fn cancel_waiting(core: &Core) -> Cancel {
    // Declared before the lock, so dropped after it: this may be the last reference, and the
    // pool's end takes other locks.
    let pool;
    let mut inner = core.lock();
    match core.state() {
        State::Running | State::Finished => return Cancel::TooLate,
        State::Cancelled | State::CancelledAndNotified => return Cancel::Already,
        State::Pending => {}
    }
    let Some(link) = &inner.link else {
        core.set_state(&mut inner, State::Cancelled);
        return Cancel::Now;
    };
    pool = link.home.pool.upgrade();
    let place = link.place;
    // A task that is not published is dropped by the pool when its turn comes.
    let published = place.zip(pool.as_ref());
    if published.is_some_and(|(place, pool)| !pool.take_back(place)) {
        return Cancel::TooLate;
    }
    let let_go = inner.let_go();
    core.set_state(&mut inner, State::CancelledAndNotified);
    drop(inner);
    drop(let_go);
    if let Some((place, pool)) = published {
        pool.taken_back(place);
    }
    Cancel::Now
}

/// Cancels a task that a worker of a process pool is running: stops the worker.
fn stop_running(core: &Core) -> Cancel {
    loop {
        let link = |inner: &Inner| {
            let link = inner.link.as_ref()?;
            Some((link.place?, link.home.pool.upgrade()?))
        };
        let Some((place, pool)) = link(&core.lock()) else {
            return too_late(core);
        };
        if core.state().is_done() {
            return too_late(core);
        }
        // Out of the lock: the pool's books come first.
        let mut let_go = None;
        let stopped = pool.stop(place, || {
            let mut inner = core.lock();
            let_go = Some(inner.let_go());
            if !core.state().is_done() {
                core.set_state(&mut inner, State::CancelledAndNotified);
            }
        });
        drop(let_go);
        if stopped {
            return if core.state().is_cancelled() {
                Cancel::Now
            } else {
                Cancel::TooLate
            };
        }
        // A task that was retried meanwhile is elsewhere now.
        let now = core.lock().link.as_ref().and_then(|link| link.place);
        if now.is_none_or(|now| now == place) {
            return too_late(core);
        }
    }
}

/// What a cancel comes to when there is nothing left to cancel.
fn too_late(core: &Core) -> Cancel {
    if core.state().is_cancelled() {
        Cancel::Already
    } else {
        Cancel::TooLate
    }
}
