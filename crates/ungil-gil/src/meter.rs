//! Counters that are always on: no thread, no records.

use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::hook::{self, registry, switch};
use crate::model::Counts;
use crate::os;

/// What all threads have done with GILs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Since when, nanoseconds.
    pub elapsed_ns: u64,
    /// The sums.
    pub counts: Counts,
}

/// When the meter was turned on, and the sums at that time: of traces before it.
static START: Mutex<Option<(u64, Counts)>> = Mutex::new(None);

/// Turns the meter on, if it is not on yet. To be called with the GIL held.
pub fn start() -> Result<()> {
    if switch::is_on(hook::COUNT) {
        return Ok(());
    }
    let mut start = START.lock().unwrap_or_else(PoisonError::into_inner);
    let epoch = switch::on(hook::COUNT)?;
    *start = Some((epoch.start, registry::totals(epoch.start)));
    if let Some(gil) = hook::main_gil() {
        switch::starts_holding(gil, &epoch);
    }
    Ok(())
}

/// The sums since [`start`], or since the fork in a child; `None` where it has not been started.
/// To be called with the GIL held.
pub fn read() -> Option<Reading> {
    if !switch::is_on(hook::COUNT) {
        return None;
    }
    let now = os::monotonic_ns();
    let start = *START.lock().unwrap_or_else(PoisonError::into_inner);
    let (began, before) = start?;
    let forked = hook::forked_at();
    let (began, before) = if forked > began {
        (forked, Counts::ZERO)
    } else {
        (began, before)
    };
    Some(Reading {
        elapsed_ns: now.saturating_sub(began),
        counts: registry::totals(now).since(&before),
    })
}

/// The meter for a while: it is off again afterwards, unless it was on before.
pub struct Scope {
    was_on: bool,
}

impl Scope {
    /// Turns it on. To be called with the GIL held, as is the end.
    pub fn begin() -> Result<Self> {
        let was_on = switch::is_on(hook::COUNT);
        start()?;
        Ok(Self { was_on })
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if !self.was_on {
            // What cannot be taken back keeps passing calls on.
            let _ = switch::off(hook::COUNT);
        }
    }
}
