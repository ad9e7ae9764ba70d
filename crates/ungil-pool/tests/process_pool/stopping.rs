//! Tasks that are stopped: by their limit, by their owner.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ungil_pool::ExitStatus;
use ungil_pool::process::{CrashPolicy, Terms, UNLIMITED};

use super::{Bench, Ended, NAP, answer, running};

const SHORT: Duration = Duration::from_millis(30);

fn at_most(limit: Duration) -> Terms {
    Terms {
        limit: Some(limit),
        ..Terms::default()
    }
}

#[test]
fn a_limit_stops_its_task_and_nothing_else() {
    let mut bench = Bench::new(2);
    bench.submit_with(b"stop", &[], at_most(SHORT));
    for round in 0..100_u32 {
        bench.submit(&round.to_ne_bytes(), &[&[7; 3000]]);
    }
    let mut ended = bench.collect().into_iter();
    assert_eq!(ended.next(), Some(Ended::TimedOut(SHORT)));
    for (round, ended) in ended.enumerate() {
        let head = (round as u32).to_ne_bytes().to_vec();
        assert_eq!(ended, Ended::Answer(head, vec![vec![7; 3000]]));
    }
    bench.close();
}

#[test]
fn a_limit_counts_from_the_start_of_its_task() {
    let mut bench = Bench::new(1);
    let limit = Duration::from_millis(200);
    // The second waits for longer than its own limit before it starts.
    bench.submit_with(b"stop", &[], at_most(limit));
    bench.submit_with(b"stop", &[], at_most(limit));
    bench.submit_with(b"quick", &[], at_most(limit));
    let begin = Instant::now();
    let ended = bench.collect();
    assert!(begin.elapsed() >= 2 * limit);
    assert_eq!(
        ended,
        [
            Ended::TimedOut(limit),
            Ended::TimedOut(limit),
            answer(b"quick")
        ]
    );
    bench.close();
}

#[test]
fn the_pools_limit_holds_for_tasks_without_one_of_their_own() {
    let mut bench = Bench::with(2, CrashPolicy::default(), Some(SHORT));
    bench.submit(b"stop", &[]);
    bench.submit_with(b"stop", &[], at_most(2 * SHORT));
    let patient = bench.submit_with(b"stop", &[], at_most(UNLIMITED));
    let place = running(&bench, &patient);
    std::thread::sleep(3 * SHORT);
    assert!(bench.pool.is_running(place));
    assert!(bench.pool.stop(place, || {}));
    bench.submitted -= 1; // nobody is told of its end
    assert_eq!(
        bench.collect(),
        [Ended::TimedOut(SHORT), Ended::TimedOut(2 * SHORT)]
    );
    bench.close();
}

#[test]
fn a_timeout_is_no_crash() {
    for policy in [CrashPolicy::Retry(5), CrashPolicy::Break] {
        let mut bench = Bench::with(1, policy, None);
        bench.submit_with(b"stop", &[], at_most(SHORT));
        bench.submit(b"next", &[]);
        assert_eq!(bench.collect(), [Ended::TimedOut(SHORT), answer(b"next")]);
        assert!(bench.pool.breakage().is_none());
        bench.close();
    }
}

#[test]
fn a_task_that_ends_at_its_limit_is_either_answered_or_stopped() {
    let mut bench = Bench::new(2);
    for round in 0..300_u32 {
        // From well before the nap's end to well after it.
        let limit = NAP / 2 + NAP * (round % 30) / 20;
        bench.submit_with(b"nap", &[], at_most(limit));
        bench.submit(&round.to_ne_bytes(), &[]);
    }
    let mut stopped = 0;
    for (number, ended) in bench.collect().into_iter().enumerate() {
        let round = number as u32 / 2;
        match ended {
            Ended::TimedOut(_) if number % 2 == 0 => stopped += 1,
            ended if number % 2 == 0 => assert_eq!(ended, answer(b"nap")),
            // The one whose limit it is not: no worker was killed over it.
            ended => assert_eq!(ended, answer(&round.to_ne_bytes())),
        }
    }
    assert!(stopped > 0);
    bench.close();
}

#[test]
fn a_stopped_task_is_never_heard_of_again_and_its_memory_comes_back() {
    let mut bench = Bench::new(1);
    for _ in 0..20 {
        let entry = bench.submit(b"stop", &[&vec![1; 1 << 20]]);
        let place = running(&bench, &entry);
        assert!(bench.pool.stop(place, || {}));
        bench.submitted -= 1;
    }
    bench.submit(b"last", &[&[3; 5000]]);
    assert_eq!(
        bench.collect(),
        [Ended::Answer(b"last".to_vec(), vec![vec![3; 5000]])]
    );
    bench.close();
}

#[test]
fn what_waits_or_has_ended_cannot_be_stopped() {
    let mut bench = Bench::new(1);
    let stop = bench.submit(b"stop", &[]);
    let waiting = bench.submit(b"next", &[]);
    let place = running(&bench, &stop);
    let next = waiting.place.lock().unwrap().expect("published");
    assert!(!bench.pool.stop(next, || {}));
    assert!(bench.pool.stop(place, || {}));
    bench.submitted -= 1;
    assert_eq!(bench.collect(), [answer(b"next")]);
    assert!(!bench.pool.stop(next, || {}));
    bench.close();
}

#[test]
fn stopping_and_ending_exclude_each_other() {
    let mut bench = Bench::new(2);
    let mut stopped = Vec::new();
    for round in 0..200 {
        let entry = bench.submit(b"nap", &[]);
        let place = entry.place.lock().unwrap().expect("published");
        let pause = NAP * (round % 20) / 15;
        std::thread::sleep(pause);
        if bench.pool.stop(place, || {}) {
            stopped.push(entry.number);
        }
    }
    let all = bench.submitted;
    bench.submitted -= stopped.len();
    let ledger = Arc::clone(&bench.ledger);
    let told = bench.collect();
    assert!(told.iter().all(|ended| *ended == answer(b"nap")));
    assert_eq!(told.len() + stopped.len(), all);
    bench.close();
    assert!(
        ledger.ended.lock().unwrap().is_empty(),
        "nobody is told twice"
    );
}

#[test]
fn a_worker_that_crashes_by_itself_is_still_a_crash() {
    let mut bench = Bench::new(1);
    bench.submit_with(b"die", &[], at_most(Duration::from_mins(1)));
    assert_eq!(
        bench.collect(),
        [Ended::Crashed(ExitStatus::Signal(libc::SIGKILL))]
    );
    bench.close();
}
