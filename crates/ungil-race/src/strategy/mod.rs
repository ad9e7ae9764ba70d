//! Who runs next: strategies behind one trait.

mod bounded;
mod dpor;
mod lockstep;
mod pct;
mod pos;
mod random;
mod script;

pub use bounded::Bounded;
pub use dpor::Dpor;
pub use lockstep::Lockstep;
pub use pct::Pct;
pub use pos::Pos;
pub use random::RandomWalk;
pub use script::{Cut, Script};

use crate::{Kind, Operation, ThreadId, ThreadSet, Trace};

/// A thread between two of its steps.
#[derive(Clone, Debug)]
pub struct ThreadState {
    /// What it is about to do; `None` when it has ended.
    pub next: Option<Operation>,
}

/// Where a run has come to.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// The steps made so far.
    pub trace: &'a Trace,
    /// All threads that were started.
    pub threads: &'a [ThreadState],
    /// Those that can make their next step; never empty.
    pub enabled: ThreadSet,
    /// Those in a call that blocks outside of what is followed, which may yet come back by themselves.
    pub outside: ThreadSet,
}

impl State<'_> {
    /// Who made the last step.
    pub fn current(&self) -> Option<ThreadId> {
        self.trace.events.last().map(|event| event.thread)
    }

    /// The one that goes on where nothing speaks against it: who ran last, or else the lowest number.
    fn steady(&self, among: ThreadSet) -> Option<ThreadId> {
        self.current()
            .filter(|thread| among.contains(*thread))
            .or_else(|| among.first())
    }

    /// Whether those can go on who could when an earlier run was here; what to do where not. It does not matter
    /// if somebody has come back from outside sooner than then.
    fn compare(&self, then: ThreadSet) -> Result<(), Choice> {
        let missing = then.without(self.enabled);
        let came_back = |thread| {
            self.next(thread)
                .is_some_and(|next| next.kind == Kind::Return)
        };
        if !missing.is_empty() && missing.without(self.outside).is_empty() {
            Err(Choice::Await)
        } else if missing.is_empty() && self.enabled.without(then).iter().all(came_back) {
            Ok(())
        } else {
            Err(Choice::Diverged)
        }
    }

    /// The next step of a thread that has not ended.
    fn next(&self, thread: ThreadId) -> Option<&Operation> {
        self.threads[thread].next.as_ref()
    }
}

/// What a strategy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This thread makes its next step.
    Run(ThreadId),
    /// Nothing new lies behind this state: end the run.
    Prune,
    /// Somebody outside had come back here in the run that is repeated: wait for that.
    Await,
    /// The run does not do what an earlier one did after the same steps.
    Diverged,
}

/// Chooses schedules, one run after another.
pub trait Strategy {
    /// A run begins.
    fn begin(&mut self) {}

    /// Who goes on. `state.enabled` is not empty.
    fn choose(&mut self, state: &State<'_>) -> Choice;

    /// A run has ended; whether there is another one to make.
    fn finish(&mut self, trace: &Trace) -> bool;

    /// Whether all behaviours have been seen, once `finish` has said that nothing is left.
    fn proves(&self) -> bool {
        false
    }
}
