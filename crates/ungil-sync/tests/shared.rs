//! The objects in real shared memory: reached twice, from threads, from forked processes.
#![allow(unsafe_code)]

use proptest::prelude::*;
use std::collections::VecDeque;
use std::time::Duration;
use ungil_sync::Error;
use ungil_sync::handle::Handle;
use ungil_sync::lock::Acquired;
use ungil_sync::mutex::Mutex;
use ungil_sync::patience::{Brief, Patience};
use ungil_sync::ring::Refused;
use ungil_sync::semaphore::RawSemaphore;
use ungil_sync::thread::me;
use ungil_sync::wait::Halt;

const SLICE: Duration = Duration::from_millis(50);

/// Runs `work` in a forked child and returns its number; the child is not reaped.
fn fork(work: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child only touches shared memory and its own stack, then leaves without unwinding.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "cannot fork");
    if pid == 0 {
        work();
        // SAFETY: ends the child without running the parent's destructors.
        unsafe { libc::_exit(0) };
    }
    pid
}

fn reap(pid: libc::pid_t) {
    // SAFETY: a child of this process.
    let reaped = unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    assert_eq!(reaped, pid);
}

#[test]
fn an_address_leads_to_the_same_object() {
    let lock = Handle::create(Mutex::new(false), 0).unwrap();
    let again = Handle::<Mutex>::attach(&lock.address()).unwrap();
    assert_eq!(lock.identity(), again.identity());
    assert!(lock.raw().try_lock(me()));
    assert_eq!(again.raw().owner(), Some(me()));
}

#[test]
fn an_address_of_another_kind_or_of_a_dropped_object_leads_nowhere() {
    let lock = Handle::create(Mutex::new(false), 0).unwrap();
    let address = lock.address();
    let wrong = Handle::<RawSemaphore>::attach(&address).unwrap_err();
    assert!(matches!(wrong, Error::BadAddress), "{wrong}");
    let mut stale = address;
    stale.stamp ^= 1;
    let dropped = Handle::<Mutex>::attach(&stale).unwrap_err();
    assert!(matches!(dropped, Error::Dropped), "{dropped}");
    let mut gone = address;
    gone.cookie ^= 1;
    gone.origins[0].pid = 0;
    gone.origins[1].fd = -1;
    let unknown = Handle::<Mutex>::attach(&gone).unwrap_err();
    assert!(matches!(unknown, Error::Gone { .. }), "{unknown}");
    let mut outside = address;
    for offset in [u64::MAX, 1 << 40, 3] {
        outside.offset = offset;
        let refused = Handle::<Mutex>::attach(&outside).unwrap_err();
        assert!(matches!(refused, Error::BadAddress), "{refused}");
    }
}

#[test]
fn room_that_nobody_else_saw_is_used_again() {
    // In a child: no other test of this process makes or drops objects meanwhile.
    let seen = Handle::create(RawSemaphore::new(0, 1), 0).unwrap();
    let child = fork(|| {
        let first = Handle::create(Mutex::new(false), 0).unwrap().identity();
        let again = Handle::create(Mutex::new(false), 0).unwrap();
        let sent = again.address();
        let identity = again.identity();
        drop(again);
        let other = Handle::create(Mutex::new(false), 0).unwrap().identity();
        if first == identity && other != identity && Handle::<Mutex>::attach(&sent).is_ok() {
            seen.release(1).ok();
        }
    });
    reap(child);
    assert_eq!(seen.permits(), 1);
}

#[test]
fn a_lock_of_a_killed_process_is_inherited() {
    let lock = Handle::create(Mutex::new(false), 0).unwrap();
    let child = fork(|| {
        lock.raw().try_lock(me());
    });
    while lock.raw().owner().is_none() {
        std::thread::yield_now();
    }
    let acquired = lock.acquire(me(), Some(Duration::from_secs(10)), SLICE, || false);
    assert!(
        matches!(acquired, Ok(Acquired::OwnerDied(dead)) if dead.tid() == child.unsigned_abs()),
        "{acquired:?}"
    );
    reap(child);
    lock.raw().unlock(me()).unwrap();
    assert!(lock.raw().try_lock(me()));
}

#[test]
fn an_interrupted_wait_leaves_the_lock_as_it_was() {
    let lock = Handle::create(Mutex::new(false), 0).unwrap();
    std::thread::scope(|scope| {
        lock.raw().try_lock(me());
        let waiter = scope.spawn(|| lock.acquire(me(), None, Duration::from_millis(1), || true));
        assert_eq!(waiter.join().unwrap(), Err(Halt::Interrupted));
    });
    assert_eq!(lock.raw().owner(), Some(me()));
    lock.raw().unlock(me()).unwrap();
    assert!(lock.raw().try_lock(me()));
}

#[test]
fn four_threads_through_one_queue_lose_and_double_nothing() {
    let queue = Handle::queue(7, 100).unwrap();
    let total: u64 = std::thread::scope(|scope| {
        for part in 0..2_u64 {
            let queue = &queue;
            scope.spawn(move || {
                for number in 0..20_000 {
                    let bytes = (part * 20_000 + number).to_ne_bytes();
                    let mut wait = Patience::new(None, SLICE, || false);
                    queue
                        .put(queue, me(), (0, &bytes), &mut Brief, &mut wait)
                        .unwrap();
                }
            });
        }
        let consumers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut sum = 0;
                    for _ in 0..20_000 {
                        let mut wait = Patience::new(None, SLICE, || false);
                        let record = queue.get(&queue, me(), &mut Brief, &mut wait).unwrap();
                        sum += u64::from_ne_bytes(record.bytes.try_into().unwrap());
                    }
                    sum
                })
            })
            .collect();
        consumers
            .into_iter()
            .map(|consumer| consumer.join().unwrap())
            .sum()
    });
    assert_eq!(total, (0..40_000).sum::<u64>());
    assert!(queue.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a plain queue as the oracle: puts of any length (`Some`) and gets (`None`).
    #[test]
    fn a_ring_is_a_queue(
        most in 0_u32..5,
        steps in prop::collection::vec(prop::option::of(0_usize..2000), 1..300),
    ) {
        let queue = Handle::queue(most, 2000).unwrap();
        let mut model = VecDeque::new();
        for (number, step) in steps.into_iter().enumerate() {
            if let Some(length) = step {
                    let bytes = vec![number as u8; length];
                    match queue.try_put(&queue, me(), number as u32, &bytes) {
                        Ok(()) => model.push_back((number as u32, bytes)),
                        Err(refused) => {
                            prop_assert_eq!(refused, Refused::Full);
                            prop_assert!(!model.is_empty(), "an empty ring takes any record");
                        }
                    }
                    prop_assert!(most == 0 || model.len() <= most as usize);
            } else {
                    let got = queue.try_get(&queue, me()).ok();
                    prop_assert_eq!(got.map(|record| (record.tag, record.bytes)), model.pop_front());
            }
            prop_assert_eq!(queue.len() as usize, model.len());
        }
    }
}
