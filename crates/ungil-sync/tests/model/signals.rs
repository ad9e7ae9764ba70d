//! The event, the condition variable, the turnstile and the barrier.

use crate::barrier::{Passage, RawBarrier, Refusal};
use crate::condition::RawCondition;
use crate::event::RawEvent;
use crate::lock::RawLock;
use crate::surroundings::{Calm, Hasty, Watched, explore, owner};
use crate::turnstile::Turnstile;
use crate::wait::{Halt, Wait};
use crate::word::{Cell64, Ordering};
use loom::sync::Arc;
use loom::thread;

#[test]
fn an_event_set_and_cleared_at_once_still_releases_its_waiter() {
    explore(4, || {
        let shared = Arc::new((RawEvent::new(), RawEvent::new(), Watched::new(0)));
        let other = shared.clone();
        let waiter = thread::spawn(move || {
            other.0.wait(&mut Calm).unwrap();
            other.2.change(|value| *value)
        });
        shared.2.change(|value| *value = 5);
        shared.0.set();
        assert_eq!(
            waiter.join().unwrap(),
            5,
            "what was written before set() is seen after wait()"
        );
        shared.0.clear();
        assert!(!shared.0.is_set());
    });
}

#[test]
fn a_turnstile_loses_no_change() {
    explore(4, || {
        let shared = Arc::new((Turnstile::new(), Cell64::new(0)));
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    while shared.1.load(Ordering::Relaxed) == 0 {
                        let key = shared.0.announce();
                        if shared.1.load(Ordering::Relaxed) == 0 {
                            shared.0.sleep(key, &mut Calm).unwrap();
                        }
                    }
                    // A chain: each passes the word on.
                    shared.0.notify(1);
                })
            })
            .collect();
        shared.1.store(1, Ordering::Relaxed);
        shared.0.notify(1);
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

struct Room {
    lock: RawLock,
    condition: RawCondition,
    ready: Watched<bool>,
}

impl Room {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lock: RawLock::new(),
            condition: RawCondition::new(),
            ready: Watched::new(false),
        })
    }

    /// `Condition.wait` as the binding composes it.
    fn wait(&self, me: u32, wait: &mut impl Wait) -> Result<(), Halt> {
        let mut ticket = self.condition.enlist();
        loop {
            self.lock.unlock(owner(me)).unwrap();
            let slept = self.condition.sleep(&ticket, wait);
            self.lock.lock(owner(me), &mut Calm).unwrap();
            if self.condition.claim(&mut ticket) {
                return Ok(());
            }
            if let Err(halt) = slept {
                self.condition.leave();
                return Err(halt);
            }
        }
    }
}

#[test]
fn a_notified_waiter_wakes() {
    explore(3, || {
        let room = Room::new();
        let other = room.clone();
        let waiter = thread::spawn(move || {
            other.lock.lock(owner(1), &mut Calm).unwrap();
            while !other.ready.change(|ready| *ready) {
                other.wait(1, &mut Calm).unwrap();
            }
            other.lock.unlock(owner(1)).unwrap();
        });
        room.lock.lock(owner(2), &mut Calm).unwrap();
        room.ready.change(|ready| *ready = true);
        room.condition.notify(1);
        room.lock.unlock(owner(2)).unwrap();
        waiter.join().unwrap();
    });
}

#[test]
fn a_waiter_that_gives_up_does_not_swallow_a_notification() {
    explore(2, || {
        let room = Room::new();
        let (hasty, patient) = (room.clone(), room.clone());
        let giving_up = thread::spawn(move || {
            hasty.lock.lock(owner(1), &mut Calm).unwrap();
            let outcome = if hasty.ready.change(|ready| *ready) {
                Ok(())
            } else {
                hasty.wait(1, &mut Hasty(0))
            };
            hasty.lock.unlock(owner(1)).unwrap();
            // Notified while it gave up: it has the notification and passes it on.
            if outcome.is_ok() {
                hasty.lock.lock(owner(1), &mut Calm).unwrap();
                hasty.condition.notify(1);
                hasty.lock.unlock(owner(1)).unwrap();
            }
        });
        let waiting = thread::spawn(move || {
            patient.lock.lock(owner(2), &mut Calm).unwrap();
            while !patient.ready.change(|ready| *ready) {
                patient.wait(2, &mut Calm).unwrap();
            }
            patient.lock.unlock(owner(2)).unwrap();
        });
        room.lock.lock(owner(3), &mut Calm).unwrap();
        room.ready.change(|ready| *ready = true);
        room.condition.notify(1);
        room.lock.unlock(owner(3)).unwrap();
        giving_up.join().unwrap();
        waiting.join().unwrap();
        assert_eq!(room.condition.waiting(), 0);
    });
}

#[test]
fn a_barrier_lets_two_through_with_different_places() {
    explore(2, || {
        let shared = Arc::new((RawBarrier::new(), [Cell64::new(0), Cell64::new(0)]));
        let pass = |barrier: &RawBarrier, seats: &[Cell64], me: u32| match barrier
            .wait(seats, owner(me), &mut Calm, &mut Calm)
            .unwrap()
        {
            Passage::Through(place) => place,
            Passage::Last(place) => {
                barrier.open(owner(me), &mut Calm).unwrap();
                place
            }
        };
        let other = shared.clone();
        let party = thread::spawn(move || pass(&other.0, &other.1, 1));
        let mine = pass(&shared.0, &shared.1, 2);
        assert_eq!(mine + party.join().unwrap(), 1);
        assert_eq!(shared.0.waiting(), 0);
    });
}

#[test]
fn an_aborted_barrier_refuses_everybody() {
    explore(2, || {
        let shared = Arc::new((RawBarrier::new(), [Cell64::new(0), Cell64::new(0)]));
        let other = shared.clone();
        let party = thread::spawn(move || other.0.wait(&other.1, owner(1), &mut Calm, &mut Calm));
        shared.0.abort(owner(2), &mut Calm).unwrap();
        assert_eq!(party.join().unwrap(), Err(Refusal::Broken));
        assert!(shared.0.is_broken());
    });
}
