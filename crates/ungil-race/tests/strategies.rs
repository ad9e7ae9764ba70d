//! Every strategy on small programs; DPOR against all interleavings.

mod toy;

use std::collections::HashSet;

use proptest::prelude::*;
use toy::{Do, EVENT, LOCK, PERMITS, VARIABLE, all_outcomes, explore, run};
use ungil_race::strategy::{Bounded, Dpor, Lockstep, Pct, Pos, RandomWalk, Script};
use ungil_race::{
    Access, Attempt, Choice, Event, Kind, Operation, Part, State, Strategy, ThreadSet, ThreadState,
    Trace, data_races, minimise,
};

fn locked(times: usize) -> Vec<Do> {
    let once = [
        Do::Lock(LOCK),
        Do::Load(VARIABLE),
        Do::StoreNext(VARIABLE),
        Do::Unlock(LOCK),
    ];
    once.repeat(times)
}

fn increment() -> Vec<Do> {
    vec![Do::Load(VARIABLE), Do::StoreNext(VARIABLE)]
}

fn schedules(program: &[Vec<Do>]) -> usize {
    let mut dpor = Dpor::new();
    let (_, complete, _) = explore(program, &mut dpor, 100_000);
    assert!(dpor.proves());
    complete
}

#[test]
fn threads_under_one_lock_have_as_many_schedules_as_orders() {
    for (threads, orders) in [(1, 1), (2, 2), (3, 6), (4, 24)] {
        assert_eq!(
            schedules(&vec![locked(1); threads]),
            orders,
            "{threads} threads"
        );
    }
}

#[test]
fn two_threads_that_take_a_lock_three_times_each_have_twenty_orders() {
    assert_eq!(schedules(&[locked(3), locked(3)]), 20);
}

#[test]
fn locks_taken_in_opposite_orders_get_stuck() {
    let (a, b) = (LOCK, LOCK + 1);
    let one = |first, second| {
        vec![
            Do::Lock(first),
            Do::Lock(second),
            Do::Unlock(second),
            Do::Unlock(first),
        ]
    };
    let program = [one(a, b), one(b, a)];
    let (found, _, _) = explore(&program, &mut Dpor::new(), 100);
    assert_eq!(found, all_outcomes(&program));
    assert_eq!(found.len(), 2, "both end, or both are stuck");
}

#[test]
fn sampling_finds_the_lost_update() {
    let program = [increment(), increment()];
    let strategies: [Box<dyn Strategy>; 3] = [
        Box::new(RandomWalk::new(1)),
        Box::new(Pct::new(2, 1)),
        Box::new(Pos::new(1)),
    ];
    for mut strategy in strategies {
        let (found, _, _) = explore(&program, strategy.as_mut(), 200);
        assert_eq!(found.len(), all_outcomes(&program).len());
    }
}

#[test]
fn the_lost_update_needs_one_preemption() {
    let program = [increment(), increment()];
    let outcomes = |bound| explore(&program, &mut Bounded::new(bound), 1000).0.len();
    assert_eq!(
        (outcomes(0), outcomes(2)),
        (2, all_outcomes(&program).len())
    );
    assert!(outcomes(1) > 2);
}

#[test]
fn a_failure_is_minimised_to_its_three_switches() {
    let program = [increment().repeat(3), increment().repeat(3)];
    let fails = |trace: &Trace| {
        let (_, outcome) = run(&program, &mut Script::new(Script::of(trace)));
        outcome.is_some_and(|outcome| format!("{outcome:?}").contains("[5, "))
    };
    let mut walk = RandomWalk::new(7);
    let failing = (0..1000)
        .map(|_| run(&program, &mut walk).0)
        .find(|trace| fails(trace) && trace.switches() > 4)
        .expect("one of many switches");
    let small = minimise(&failing, 2000, |strategy| {
        let (trace, _) = run(&program, strategy);
        let fails = fails(&trace);
        Some(Attempt { trace, fails })
    });
    // One thread is put aside in its last addition, for one addition of the other one.
    assert_eq!(small.switches, 3);
}

#[test]
fn a_data_race_is_told_without_a_wrong_result() {
    let races = |program: &[Vec<Do>]| {
        let (trace, _) = run(program, &mut Dpor::new());
        data_races(&trace).len()
    };
    assert_eq!(
        races(&[vec![Do::Store(VARIABLE)], vec![Do::Load(VARIABLE)]]),
        1
    );
    assert_eq!(races(&[locked(1), locked(1)]), 0);
    assert_eq!(
        races(&[
            vec![Do::Store(VARIABLE), Do::Set(EVENT)],
            vec![Do::Await(EVENT), Do::Load(VARIABLE)],
        ]),
        0
    );
}

fn a_step() -> impl Strategy_<Value = Vec<Do>> {
    let variable = VARIABLE..VARIABLE + 2;
    let lock = LOCK..LOCK + 2;
    prop_oneof![
        3 => variable.clone().prop_map(|v| vec![Do::Load(v)]),
        3 => variable.clone().prop_map(|v| vec![Do::Store(v)]),
        2 => variable.clone().prop_map(|v| vec![Do::Load(v), Do::StoreNext(v)]),
        1 => (variable.clone(), variable.clone())
            .prop_map(|(a, b)| vec![Do::Load(a), Do::SkipUnlessZero, Do::Store(b)]),
        2 => (lock.clone(), variable.clone())
            .prop_map(|(l, v)| vec![Do::Lock(l), Do::Load(v), Do::StoreNext(v), Do::Unlock(l)]),
        1 => lock.clone().prop_map(|l| vec![Do::Lock(l), Do::Unlock(l)]),
        1 => lock.clone().prop_map(|l| vec![Do::Lock(l)]),
        1 => lock.clone().prop_map(|l| vec![Do::Unlock(l)]),
        1 => lock.prop_map(|l| vec![Do::TryLock(l)]),
        1 => Just(vec![Do::Set(EVENT)]),
        1 => Just(vec![Do::Clear(EVENT)]),
        1 => Just(vec![Do::Await(EVENT)]),
        2 => Just(vec![Do::Take(PERMITS)]),
        2 => Just(vec![Do::Give(PERMITS)]),
        1 => variable.prop_map(|v| vec![Do::Take(PERMITS), Do::Store(v), Do::Give(PERMITS)]),
    ]
}

use proptest::strategy::Strategy as Strategy_;

fn a_program() -> impl Strategy_<Value = Vec<Vec<Do>>> {
    let thread = |most| prop::collection::vec(a_step(), 1..=most).prop_map(|steps| steps.concat());
    prop_oneof![
        prop::collection::vec(thread(4), 2),
        prop::collection::vec(thread(2), 3),
    ]
    .prop_filter("few enough interleavings", |program| {
        program.iter().map(Vec::len).sum::<usize>() <= 11
    })
}

/// What tells classes of equivalent interleavings apart: who ran, in the order of each thread's clock.
fn class(trace: &Trace) -> Vec<(usize, Vec<usize>)> {
    let mut place = vec![0; trace.started_in.len()];
    let ranked: Vec<(usize, usize)> = trace
        .threads()
        .map(|thread| {
            place[thread] += 1;
            (thread, place[thread])
        })
        .collect();
    let mut events: Vec<(usize, Vec<usize>)> = Vec::new();
    for (at, (thread, rank)) in ranked.iter().enumerate() {
        let mine = &trace.events[at].operation;
        let mut before: Vec<usize> = (0..at)
            .filter(|past| mine.conflicts(&trace.events[*past].operation))
            .map(|past| ranked[past].0 * 1000 + ranked[past].1)
            .collect();
        before.sort_unstable();
        events.push((thread * 1000 + rank, before));
    }
    events.sort();
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dpor_sees_every_outcome_and_no_class_twice(program in a_program()) {
        let mut dpor = Dpor::new();
        let (mut found, mut classes) = (std::collections::BTreeSet::new(), HashSet::new());
        loop {
            let (trace, outcome) = run(&program, &mut dpor);
            if let Some(outcome) = outcome {
                prop_assert!(classes.insert(class(&trace)), "a class came twice");
                found.insert(outcome);
            }
            if !dpor.finish(&trace) {
                break;
            }
        }
        prop_assert_eq!(found, all_outcomes(&program));
    }
}

#[test]
fn in_step_the_first_thread_goes_first_and_the_others_take_turns() {
    let mut lockstep = Lockstep::new();
    let program = [locked(1), increment(), increment()];
    let (trace, _) = run(&program, &mut lockstep);
    let turns: Vec<_> = trace.threads().collect();
    assert_eq!(turns, [0, 0, 0, 0, 1, 2, 1, 2]);
}

#[test]
fn a_step_that_touches_something_twice_does_not_race_with_itself() {
    let whole = |write| Access {
        object: 0,
        part: Part::Whole,
        write,
    };
    let event = |thread, write| Event {
        thread,
        operation: Operation {
            kind: Kind::Write,
            accesses: [whole(write), whole(write)].into_iter().collect(),
            blocking: false,
        },
        closed: false,
    };
    let trace = Trace {
        events: vec![event(0, true), event(1, false)],
        started_in: vec![None, None],
        left: Vec::new(),
    };
    assert_eq!(data_races(&trace).len(), 1);
}

/// What a strategy says at the beginning of a run of two threads, where `enabled` can go on and `outside` block.
fn asked(strategy: &mut dyn Strategy, enabled: &[usize], outside: &[usize]) -> Choice {
    let threads = [Kind::Begin, Kind::Return].map(|kind| ThreadState {
        next: Some(Operation::alone(kind)),
    });
    strategy.choose(&State {
        trace: &Trace::default(),
        threads: &threads,
        enabled: enabled.iter().copied().collect(),
        outside: outside.iter().copied().collect::<ThreadSet>(),
    })
}

#[test]
fn a_repeated_run_waits_for_who_had_come_back_from_outside() {
    let turn = ungil_race::strategy::Cut {
        thread: 1,
        steps: 1,
    };
    let mut script = Script::new(vec![turn]);
    assert_eq!(asked(&mut script, &[0], &[1]), Choice::Await);
    assert_eq!(asked(&mut script, &[0, 1], &[]), Choice::Run(1));
    let mut dpor = Dpor::new();
    assert_eq!(asked(&mut dpor, &[0, 1], &[]), Choice::Run(0));
    assert_eq!(asked(&mut dpor, &[0], &[1]), Choice::Await);
    assert_eq!(asked(&mut dpor, &[0], &[]), Choice::Diverged);
}

#[test]
fn who_comes_back_from_outside_sooner_makes_no_other_run() {
    let mut dpor = Dpor::new();
    assert_eq!(asked(&mut dpor, &[0], &[1]), Choice::Run(0));
    assert_eq!(asked(&mut dpor, &[0, 1], &[]), Choice::Run(0));
    let mut other = Dpor::new();
    assert_eq!(asked(&mut other, &[1], &[]), Choice::Run(1));
    assert_eq!(asked(&mut other, &[0, 1], &[]), Choice::Diverged);
}
