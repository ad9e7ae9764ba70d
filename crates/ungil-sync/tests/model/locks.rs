//! The lock and the semaphore.

use crate::lock::{Acquired, RawLock};
use crate::semaphore::RawSemaphore;
use crate::surroundings::{Calm, Hasty, Watched, die, explore, owner, time_passes};
use crate::wait::Halt;
use loom::sync::Arc;
use loom::thread;

struct Counter {
    lock: RawLock,
    value: Watched<u32>,
}

impl Counter {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lock: RawLock::new(),
            value: Watched::new(0),
        })
    }

    fn step(&self, me: u32) {
        self.lock.lock(owner(me), &mut Calm).unwrap();
        self.value.change(|value| *value += 1);
        self.lock.unlock(owner(me)).unwrap();
    }
}

#[test]
fn three_threads_exclude_one_another_and_none_sleeps_for_ever() {
    explore(3, || {
        let counter = Counter::new();
        let threads: Vec<_> = (1..3)
            .map(|number| {
                let counter = counter.clone();
                thread::spawn(move || counter.step(number))
            })
            .collect();
        counter.step(3);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(counter.value.change(|value| *value), 3);
        assert_eq!(counter.lock.owner(), None);
    });
}

#[test]
fn two_rounds_of_two_threads() {
    explore(4, || {
        let counter = Counter::new();
        let other = counter.clone();
        let thread = thread::spawn(move || {
            other.step(1);
            other.step(1);
        });
        counter.step(2);
        counter.step(2);
        thread.join().unwrap();
        assert_eq!(counter.value.change(|value| *value), 4);
    });
}

#[test]
fn a_waiter_that_gives_up_leaves_the_others_their_wake_up() {
    explore(3, || {
        let counter = Counter::new();
        let (hasty, patient) = (counter.clone(), counter.clone());
        counter.lock.lock(owner(3), &mut Calm).unwrap();
        let giving_up = thread::spawn(move || match hasty.lock.lock(owner(1), &mut Hasty(0)) {
            Ok(_) => hasty.lock.unlock(owner(1)).unwrap(),
            Err(halt) => assert_eq!(halt, Halt::TimedOut),
        });
        let waiting = thread::spawn(move || patient.step(2));
        counter.lock.unlock(owner(3)).unwrap();
        giving_up.join().unwrap();
        waiting.join().unwrap();
        assert_eq!(counter.lock.owner(), None);
    });
}

#[test]
fn a_starving_waiter_that_gives_up_does_not_leave_the_door_closed() {
    explore(4, || {
        let counter = Counter::new();
        let other = counter.clone();
        counter.lock.lock(owner(2), &mut Calm).unwrap();
        let starving = thread::spawn(move || {
            if other.lock.lock(owner(1), &mut Hasty(1)).is_ok() {
                other.lock.unlock(owner(1)).unwrap();
            }
        });
        counter.lock.unlock(owner(2)).unwrap();
        counter.step(2);
        starving.join().unwrap();
        counter.step(2);
    });
}

#[test]
fn a_dead_owner_is_inherited_by_exactly_one() {
    explore(3, || {
        let counter = Counter::new();
        // Killed later: it holds the lock and never says another word.
        let acquired = counter.lock.lock(owner(9), &mut Calm).unwrap();
        assert_eq!(acquired, Acquired::Clean);
        let heirs: Vec<_> = (1..3)
            .map(|number| {
                let counter = counter.clone();
                thread::spawn(move || {
                    let acquired = counter.lock.lock(owner(number), &mut Calm).unwrap();
                    counter.value.change(|value| *value += 1);
                    counter.lock.unlock(owner(number)).unwrap();
                    acquired
                })
            })
            .collect();
        die(owner(9));
        time_passes(&counter.lock);
        let told = heirs
            .into_iter()
            .map(|heir| heir.join().unwrap())
            .filter(|acquired| *acquired == Acquired::OwnerDied(owner(9)))
            .count();
        assert_eq!(told, 1);
        assert_eq!(counter.value.change(|value| *value), 2);
    });
}

#[test]
fn a_thief_never_frees_the_lock() {
    explore(4, || {
        let counter = Counter::new();
        let other = counter.clone();
        let thief = thread::spawn(move || other.lock.unlock(owner(1)).unwrap_err());
        counter.step(2);
        counter.step(2);
        let refused = thief.join().unwrap().0;
        assert!(refused.is_none() || refused == Some(owner(2)));
    });
}

#[test]
fn a_semaphore_admits_as_many_as_it_has_permits_and_wakes_the_rest() {
    explore(3, || {
        let semaphore = Arc::new(RawSemaphore::new(1, 1));
        let value = Arc::new(Watched::new(0));
        let step = |semaphore: &RawSemaphore, value: &Watched<u32>| {
            semaphore.acquire(&mut Calm).unwrap();
            value.change(|value| *value += 1);
            semaphore.release(1).unwrap();
        };
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (semaphore, value) = (semaphore.clone(), value.clone());
                thread::spawn(move || step(&semaphore, &value))
            })
            .collect();
        step(&semaphore, &value);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(value.change(|value| *value), 3);
        assert!(semaphore.release(1).is_err(), "beyond the bound");
        assert_eq!(semaphore.permits(), 1);
    });
}

#[test]
fn a_release_of_two_wakes_two() {
    explore(3, || {
        let semaphore = Arc::new(RawSemaphore::new(0, 2));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let semaphore = semaphore.clone();
                thread::spawn(move || semaphore.acquire(&mut Calm).unwrap())
            })
            .collect();
        semaphore.release(2).unwrap();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(semaphore.permits(), 0);
    });
}
