//! Small programs of threads with variables, locks, events and permits: run by a strategy, or in all ways.

use std::collections::BTreeSet;

use ungil_race::{
    Access, Choice, Event, Kind, ObjectId, Operation, Part, State, Strategy, ThreadId, ThreadSet,
    ThreadState, Trace,
};

/// A step of a toy thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Do {
    /// Notes the variable's value.
    Load(ObjectId),
    /// Writes a number that no other step writes.
    Store(ObjectId),
    /// Writes one more than what was noted last.
    StoreNext(ObjectId),
    /// Skips the next step if what was noted last is not 0.
    SkipUnlessZero,
    Lock(ObjectId),
    Unlock(ObjectId),
    /// Notes whether the lock could be taken.
    TryLock(ObjectId),
    Set(ObjectId),
    Clear(ObjectId),
    Await(ObjectId),
    /// Takes a permit.
    Take(ObjectId),
    /// Gives one.
    Give(ObjectId),
}

pub(crate) const VARIABLE: ObjectId = 0;
pub(crate) const LOCK: ObjectId = 10;
pub(crate) const EVENT: ObjectId = 20;
pub(crate) const PERMITS: ObjectId = 30;

/// What a run came to: final values, notes of each thread, who never ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Outcome {
    values: Vec<i64>,
    notes: Vec<Vec<i64>>,
    stuck: Vec<ThreadId>,
}

#[derive(Clone)]
struct Machine<'a> {
    program: &'a [Vec<Do>],
    at: Vec<usize>,
    values: Vec<i64>,
    notes: Vec<Vec<i64>>,
}

impl<'a> Machine<'a> {
    fn new(program: &'a [Vec<Do>]) -> Self {
        let mut machine = Self {
            program,
            at: vec![0; program.len()],
            values: vec![0; 40],
            notes: vec![Vec::new(); program.len()],
        };
        machine.values[PERMITS as usize] = 1;
        (0..program.len()).for_each(|thread| machine.skip(thread));
        machine
    }

    fn step(&self, thread: ThreadId) -> Option<Do> {
        self.program[thread].get(self.at[thread]).copied()
    }

    /// What follows from a thread's own notes is part of the step before it.
    fn skip(&mut self, thread: ThreadId) {
        while self.step(thread) == Some(Do::SkipUnlessZero) {
            let zero = self.notes[thread].last().copied().unwrap_or(0) == 0;
            self.at[thread] += if zero { 1 } else { 2 };
        }
    }

    fn possible(&self, thread: ThreadId) -> bool {
        match self.step(thread) {
            None => false,
            Some(Do::Lock(lock)) => self.values[lock as usize] == 0,
            Some(Do::Await(event)) => self.values[event as usize] != 0,
            Some(Do::Take(permits)) => self.values[permits as usize] > 0,
            Some(_) => true,
        }
    }

    fn enabled(&self) -> ThreadSet {
        (0..self.program.len())
            .filter(|thread| self.possible(*thread))
            .collect()
    }

    /// Makes the step; whether those who wait for its object were kept waiting before it.
    fn make(&mut self, thread: ThreadId) -> bool {
        let step = self.step(thread).expect("a step");
        let unique = i64::try_from(thread * 100 + self.at[thread] + 1).expect("small");
        let notes = &mut self.notes[thread];
        let closed = match step {
            Do::Lock(object) | Do::Unlock(object) | Do::TryLock(object) => {
                self.values[object as usize] != 0
            }
            Do::Set(object) | Do::Clear(object) | Do::Await(object) => {
                self.values[object as usize] == 0
            }
            Do::Take(object) | Do::Give(object) => self.values[object as usize] == 0,
            _ => false,
        };
        match step {
            Do::Load(variable) => notes.push(self.values[variable as usize]),
            Do::Store(variable) => self.values[variable as usize] = unique,
            Do::StoreNext(variable) => {
                self.values[variable as usize] = notes.last().copied().unwrap_or(0) + 1;
            }
            Do::SkipUnlessZero => unreachable!("part of the step before it"),
            Do::Lock(lock) => self.values[lock as usize] = 1,
            Do::Unlock(lock) => self.values[lock as usize] = 0,
            Do::TryLock(lock) => {
                notes.push(self.values[lock as usize]);
                self.values[lock as usize] = 1;
            }
            Do::Set(event) => self.values[event as usize] = 1,
            Do::Clear(event) => self.values[event as usize] = 0,
            Do::Await(_) => {}
            Do::Take(permits) => self.values[permits as usize] -= 1,
            Do::Give(permits) => self.values[permits as usize] += 1,
        }
        self.at[thread] += 1;
        self.skip(thread);
        closed
    }

    fn outcome(self) -> Outcome {
        let stuck = (0..self.program.len())
            .filter(|thread| self.step(*thread).is_some())
            .collect();
        Outcome {
            values: self.values,
            notes: self.notes,
            stuck,
        }
    }
}

fn operation(step: Do) -> Operation {
    let (kind, object, write, blocking) = match step {
        Do::Load(object) => (Kind::Read, object, false, false),
        Do::Store(object) | Do::StoreNext(object) => (Kind::Write, object, true, false),
        Do::Lock(object) | Do::Take(object) => (Kind::Acquire, object, true, true),
        Do::TryLock(object) => (Kind::Acquire, object, true, false),
        Do::Unlock(object) | Do::Give(object) => (Kind::Release, object, true, false),
        Do::Set(object) | Do::Clear(object) => (Kind::Signal, object, true, false),
        Do::Await(object) => (Kind::Wait, object, false, true),
        Do::SkipUnlessZero => return Operation::alone(Kind::Step),
    };
    let part = Part::Whole;
    let operation = Operation::on(
        kind,
        Access {
            object,
            part,
            write,
        },
    );
    if blocking {
        operation.blocking()
    } else {
        operation
    }
}

/// One run.
pub(crate) fn run(program: &[Vec<Do>], strategy: &mut dyn Strategy) -> (Trace, Option<Outcome>) {
    let mut machine = Machine::new(program);
    let mut trace = Trace {
        started_in: vec![None; program.len()],
        ..Trace::default()
    };
    strategy.begin();
    loop {
        let next = |thread| machine.step(thread).map(operation);
        let threads: Vec<ThreadState> = (0..program.len())
            .map(|thread| ThreadState { next: next(thread) })
            .collect();
        let enabled = machine.enabled();
        if enabled.is_empty() {
            trace.end(&threads, enabled);
            return (trace, Some(machine.outcome()));
        }
        let state = State {
            trace: &trace,
            threads: &threads,
            enabled,
            outside: ThreadSet::EMPTY,
        };
        match strategy.choose(&state) {
            Choice::Run(thread) => {
                let operation = next(thread).expect("a step");
                let closed = machine.make(thread);
                trace.events.push(Event {
                    thread,
                    operation,
                    closed,
                });
            }
            Choice::Prune => {
                trace.end(&threads, enabled);
                return (trace, None);
            }
            Choice::Await | Choice::Diverged => panic!("the toy is deterministic"),
        }
    }
}

/// Runs until the strategy is done or the budget is: the outcomes, complete runs, all runs.
pub(crate) fn explore(
    program: &[Vec<Do>],
    strategy: &mut dyn Strategy,
    budget: usize,
) -> (BTreeSet<Outcome>, usize, usize) {
    let (mut outcomes, mut complete) = (BTreeSet::new(), 0);
    for runs in 1..=budget {
        let (trace, outcome) = run(program, strategy);
        if let Some(outcome) = outcome {
            complete += 1;
            outcomes.insert(outcome);
        }
        if !strategy.finish(&trace) {
            return (outcomes, complete, runs);
        }
    }
    (outcomes, complete, budget)
}

/// The outcomes of all interleavings.
pub(crate) fn all_outcomes(program: &[Vec<Do>]) -> BTreeSet<Outcome> {
    let mut outcomes = BTreeSet::new();
    let mut open = vec![Machine::new(program)];
    while let Some(machine) = open.pop() {
        let enabled = machine.enabled();
        if enabled.is_empty() {
            outcomes.insert(machine.outcome());
            continue;
        }
        for thread in enabled.iter() {
            let mut next = machine.clone();
            next.make(thread);
            open.push(next);
        }
    }
    outcomes
}
