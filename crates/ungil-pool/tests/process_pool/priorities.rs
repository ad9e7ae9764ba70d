//! The order in which waiting tasks start.

use std::time::{Duration, Instant};

use ungil_pool::process::{CrashPolicy, Terms};

use super::{Bench, Ended, answer, running};

fn of(priority: i64) -> Terms {
    Terms {
        priority,
        ..Terms::default()
    }
}

/// The tasks' numbers in the order of their ends; one worker, so also of their starts.
fn order(bench: &Bench) -> Vec<usize> {
    let deadline = Instant::now() + Duration::from_secs(50);
    loop {
        let ended = bench.ledger.ended.lock().unwrap();
        if ended.len() == bench.submitted {
            return ended.iter().map(|(number, _)| *number).collect();
        }
        drop(ended);
        assert!(Instant::now() < deadline, "the tasks end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_highest_start_first_and_equal_ones_in_order() {
    let mut bench = Bench::new(1);
    bench.submit(b"nap", &[]); // starts at once, or in its turn
    let priorities: Vec<i64> = (0..500).map(|i| (i * 7919) % 5 - 2).collect();
    for &priority in &priorities {
        // "nap": more is submitted than done meanwhile.
        bench.submit_with(b"nap", &[], of(priority));
    }
    let order = order(&bench);
    // The first ones may have started before the last were submitted: look at the later half.
    let late: Vec<(i64, usize)> = order[250..]
        .iter()
        .map(|&number| (-priorities[number - 1], number))
        .collect();
    assert!(late.is_sorted(), "{late:?}");
    bench.close();
}

#[test]
fn a_higher_priority_overtakes_what_is_published_already() {
    let mut bench = Bench::new(1);
    let blocker = bench.submit(b"stop", &[]);
    for round in 0..50_u32 {
        bench.submit(&round.to_ne_bytes(), &[&[1; 2000]]);
    }
    let place = running(&bench, &blocker);
    bench.submit_with(b"urgent", &[&[2; 2000]], of(1));
    bench.submit_with(b"late", &[], of(-1));
    bench.submit_with(b"most urgent", &[], of(2));
    assert!(bench.pool.stop(place, || {}));
    bench.submitted -= 1;
    let expected: Vec<usize> = [53, 51].into_iter().chain(1..=50).chain([52]).collect();
    assert_eq!(order(&bench), expected);
    bench.close();
}

#[test]
fn every_task_is_answered_once_whatever_the_priorities() {
    let mut bench = Bench::new(3);
    for round in 0..20_000_i64 {
        bench.submit_with(&round.to_ne_bytes(), &[], of(round * 31 % 7));
    }
    for (round, ended) in bench.collect().into_iter().enumerate() {
        assert_eq!(ended, answer(&(round as u64).to_ne_bytes()));
    }
    bench.close();
}

#[test]
fn a_lost_task_waits_at_its_priority_again() {
    let mut bench = Bench::with(2, CrashPolicy::Retry(2), None);
    for round in 0..50_i64 {
        let head: &[u8] = if round % 10 == 0 { b"die" } else { b"live" };
        bench.submit_with(head, &[], of(round % 3));
    }
    for (round, ended) in bench.collect().into_iter().enumerate() {
        match ended {
            Ended::Crashed(_) => assert_eq!(round % 10, 0),
            ended => assert_eq!(ended, answer(b"live")),
        }
    }
    bench.close();
}

#[test]
fn cancelled_tasks_do_not_fill_the_window() {
    let mut bench = Bench::new(1);
    // The worker is just being started: it has none of them, or the first.
    let cancelled: Vec<_> = (0..20)
        .map(|_| bench.submit_with(b"no", &[], of(1)))
        .collect();
    for entry in &cancelled {
        let place = *entry.place.lock().unwrap();
        if let Some(place) = place
            && bench.pool.take_back(place)
        {
            bench.pool.taken_back(place);
            bench.submitted -= 1;
        }
    }
    bench.submit(b"yes", &[]);
    assert!(bench.collect().contains(&answer(b"yes")));
    bench.close();
}
