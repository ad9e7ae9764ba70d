//! The barrier: a fixed number of threads meet, one of them runs an action, all go on. A party that
//! dies while it waits breaks the barrier instead of hanging the others.
//!
//! Everything but `round` changes only under `lock`. Protocol: README.md, section "Barrier".

use crate::identity::Owner;
use crate::lock::RawLock;
use crate::wait::{Halt, Wait};
use crate::word::{Cell64, Ordering, Woke, Word};

/// How a wait at the barrier ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// All came; this thread was the `n`-th, from zero.
    Through(usize),
    /// All came and this thread was the last: it runs the action, then calls [`RawBarrier::open`].
    Last(usize),
}

/// Why a wait at the barrier failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody aborted, timed out, was interrupted or died, or the barrier was reset under the
    /// waiters.
    Broken,
    /// This thread's own wait ended; the barrier is broken for the others.
    Halted(Halt),
}

/// The shared part of a barrier; the seats of its parties lie beside it. All zero bytes: nobody
/// waits.
#[derive(Debug)]
#[repr(C)]
pub struct RawBarrier {
    lock: RawLock,
    /// What waiters sleep on: moves on when a round ends, well or badly.
    round: Word,
    /// How the last 64 rounds ended: a bit is 1 where the round was broken.
    outcomes: Cell64,
    /// Threads that have come in this round.
    come: Cell64,
    /// 1 while nobody may enter until a reset.
    broken: Cell64,
}

impl RawBarrier {
    /// With nobody waiting.
    #[must_use]
    pub fn new() -> Self {
        Self {
            lock: RawLock::new(),
            round: Word::new(0),
            outcomes: Cell64::new(0),
            come: Cell64::new(0),
            broken: Cell64::new(0),
        }
    }

    /// Comes to the barrier and waits for the others; `seats` has one place per party.
    pub fn wait(
        &self,
        seats: &[Cell64],
        me: Owner,
        brief: &mut impl Wait,
        wait: &mut impl Wait,
    ) -> Result<Passage, Refusal> {
        let (round, place) = loop {
            self.enter(me, brief)?;
            if self.broken.load(Ordering::Relaxed) != 0 {
                self.exit(me);
                return Err(Refusal::Broken);
            }
            let round = self.round.load(Ordering::Relaxed);
            let place = self.come.load(Ordering::Relaxed) as usize;
            if place < seats.len() {
                seats[place].store(me.bits(), Ordering::Relaxed);
                self.come.store(place as u64 + 1, Ordering::Relaxed);
                self.exit(me);
                break (round, place);
            }
            // Everybody is here and the last one runs the action: this thread belongs to the next
            // round.
            self.exit(me);
            self.sleep(round, seats, me, brief, wait)?;
        };
        if place + 1 == seats.len() {
            return Ok(Passage::Last(place));
        }
        while self.round.load(Ordering::Acquire) == round {
            self.sleep(round, seats, me, brief, wait)?;
        }
        self.enter(me, brief)?;
        let broken = self.outcomes.load(Ordering::Relaxed) >> (round % 64) & 1 == 1;
        self.exit(me);
        if broken {
            Err(Refusal::Broken)
        } else {
            Ok(Passage::Through(place))
        }
    }

    /// Ends a round well. The last thread calls it after the action.
    pub fn open(&self, me: Owner, brief: &mut impl Wait) -> Result<(), Refusal> {
        self.enter(me, brief)?;
        let broken = self.broken.load(Ordering::Relaxed) != 0;
        if !broken {
            self.end_round(false);
        }
        self.exit(me);
        if broken { Err(Refusal::Broken) } else { Ok(()) }
    }

    /// Breaks the barrier: those who wait and those who come are refused until a reset.
    pub fn abort(&self, me: Owner, brief: &mut impl Wait) -> Result<(), Refusal> {
        self.enter(me, brief)?;
        self.break_now();
        self.exit(me);
        Ok(())
    }

    /// Empties the barrier: those who wait are refused, those who come later are not.
    pub fn reset(&self, me: Owner, brief: &mut impl Wait) -> Result<(), Refusal> {
        self.enter(me, brief)?;
        if self.come.load(Ordering::Relaxed) > 0 {
            self.end_round(true);
        }
        self.broken.store(0, Ordering::Relaxed);
        self.exit(me);
        Ok(())
    }

    /// Threads that wait at this moment.
    pub fn waiting(&self) -> usize {
        self.come.load(Ordering::Relaxed) as usize
    }

    /// Whether it refuses everybody until a reset.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed) != 0
    }

    /// One sleep. A halt of this thread, or a party found dead, breaks the barrier for all.
    fn sleep(
        &self,
        round: u64,
        seats: &[Cell64],
        me: Owner,
        brief: &mut impl Wait,
        wait: &mut impl Wait,
    ) -> Result<(), Refusal> {
        let halted = match wait.slice() {
            Err(halt) => Some(halt),
            Ok(slice) => match self.round.sleep(round, slice) {
                Woke::Slice => wait.tick().err(),
                Woke::Called | Woke::Changed => return Ok(()),
            },
        };
        self.enter(me, brief)?;
        let over = self.round.load(Ordering::Relaxed) != round;
        if !over && (halted.is_some() || self.is_broken() || self.somebody_died(seats, wait)) {
            self.break_now();
        }
        self.exit(me);
        match halted {
            // The round ended while this thread gave up: the end counts.
            Some(halt) if !over || halt == Halt::Interrupted => Err(Refusal::Halted(halt)),
            _ => Ok(()),
        }
    }

    fn somebody_died(&self, seats: &[Cell64], wait: &mut impl Wait) -> bool {
        let come = self.come.load(Ordering::Relaxed) as usize;
        seats[..come.min(seats.len())].iter().any(|seat| {
            Owner::from_bits(seat.load(Ordering::Relaxed)).is_some_and(|party| wait.is_dead(party))
        })
    }

    fn break_now(&self) {
        self.broken.store(1, Ordering::Relaxed);
        self.end_round(true);
    }

    /// The outcome is written before the round moves on, and the seats are emptied after it: who
    /// dies in between is still found in its seat.
    fn end_round(&self, broken: bool) {
        let round = self.round.load(Ordering::Relaxed);
        let bit = 1 << (round % 64);
        let outcomes = self.outcomes.load(Ordering::Relaxed) & !bit;
        self.outcomes
            .store(outcomes | if broken { bit } else { 0 }, Ordering::Relaxed);
        self.round.add(1, Ordering::Release);
        self.come.store(0, Ordering::Relaxed);
        self.round.wake(u32::MAX);
    }

    fn enter(&self, me: Owner, brief: &mut impl Wait) -> Result<(), Refusal> {
        self.lock
            .lock(me, brief)
            .map(|_| ())
            .map_err(Refusal::Halted)
    }

    fn exit(&self, me: Owner) {
        let released = self.lock.unlock(me);
        debug_assert!(released.is_ok(), "the barrier's own lock was lost");
    }
}

impl Default for RawBarrier {
    fn default() -> Self {
        Self::new()
    }
}
