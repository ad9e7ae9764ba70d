//! The real surroundings of a blocked thread: a deadline, a check for signals, `/proc`.

use crate::detect::Registration;
use crate::identity::Owner;
use crate::thread;
use crate::wait::{Halt, Wait};
use std::time::{Duration, Instant};

/// The first look around: short, because an owner that died is most often one that died just now.
const FIRST_SLICE: Duration = Duration::from_millis(10);

/// Waits until a deadline, looking around in growing slices.
pub struct Patience<'a, F> {
    deadline: Option<Instant>,
    longest: Duration,
    next: Duration,
    interrupted: F,
    detector: Option<Registration<'a>>,
}

impl<'a, F: FnMut() -> bool> Patience<'a, F> {
    /// `timeout`: `None` for ever. `longest`: how long a signal or a death may go unnoticed.
    /// `interrupted`: asked after each slice whether to give up.
    pub fn new(timeout: Option<Duration>, longest: Duration, interrupted: F) -> Self {
        Self {
            // A deadline beyond the clock's range is no deadline.
            deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            longest,
            next: FIRST_SLICE.min(longest),
            interrupted,
            detector: None,
        }
    }

    /// Looks for a cycle of waiting threads before each sleep.
    #[must_use]
    pub fn detecting(mut self, registration: Registration<'a>) -> Self {
        self.detector = Some(registration);
        self
    }
}

impl<F: FnMut() -> bool> Wait for Patience<'_, F> {
    fn slice(&mut self) -> Result<Duration, Halt> {
        if let Some(detector) = &mut self.detector
            && let Some(cycle) = detector.cycle()
        {
            return Err(Halt::Deadlock(cycle));
        }
        let slice = self.next;
        self.next = (self.next * 2).min(self.longest);
        let Some(deadline) = self.deadline else {
            return Ok(slice);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Halt::TimedOut);
        }
        Ok(slice.min(left))
    }

    fn tick(&mut self) -> Result<(), Halt> {
        if (self.interrupted)() {
            return Err(Halt::Interrupted);
        }
        Ok(())
    }

    fn is_dead(&mut self, owner: Owner) -> bool {
        thread::is_dead(owner)
    }
}

/// For the short critical sections inside an object: no deadline, no interruption, only succession.
pub struct Brief;

impl Wait for Brief {
    fn slice(&mut self) -> Result<Duration, Halt> {
        Ok(FIRST_SLICE)
    }

    fn tick(&mut self) -> Result<(), Halt> {
        Ok(())
    }

    fn is_dead(&mut self, owner: Owner) -> bool {
        thread::is_dead(owner)
    }
}
