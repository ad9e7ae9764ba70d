//! The protocols of the segment under loom: the interleavings and reorderings that the memory
//! model allows, for the smallest cases that have all the parts.
//!
//! The modules are the crate's own source, compiled here on loom's atomics.

#![allow(dead_code)] // each model uses a part of the modules

mod atomics {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
}

mod shm;

use loom::sync::Arc;
use loom::thread;

use crate::atomics::{AtomicU32, AtomicU64, Ordering};
use crate::shm::bell::{self, Bell, Call};
use crate::shm::done::{self, Links};
use crate::shm::ring::{Ring, Slots};
use crate::shm::state::{Phase, State};
use crate::shm::{idle, state};

/// Explores up to three preemptions, which finds nearly every bug (Musuvathi and Qadeer, PLDI
/// 2007) in seconds where all interleavings take minutes; those were explored once, by hand.
fn bounded(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// A segment's words, on the heap.
struct Words {
    head: AtomicU64,
    tail: AtomicU64,
    entries: Vec<AtomicU64>,
    slots: Vec<(AtomicU64, AtomicU32)>,
    done: AtomicU32,
    bell: Bell,
    idle: [AtomicU64; 1],
    wake: AtomicU32,
}

impl Words {
    fn new(slots: usize, entries: usize) -> Self {
        Self {
            head: AtomicU64::new(0),
            tail: AtomicU64::new(0),
            entries: (0..entries).map(|_| AtomicU64::new(u64::MAX)).collect(),
            slots: (0..slots)
                .map(|_| (AtomicU64::new(State::FREE.0), AtomicU32::new(0)))
                .collect(),
            done: AtomicU32::new(0),
            bell: Bell {
                word: AtomicU32::new(bell::QUIET),
                leader: AtomicU32::new(0),
            },
            idle: [AtomicU64::new(0)],
            wake: AtomicU32::new(0),
        }
    }

    fn ring(&self) -> Ring<'_, Self> {
        Ring {
            head: &self.head,
            tail: &self.tail,
            entries: &self.entries,
            slots: self,
        }
    }
}

impl Slots for Words {
    fn state(&self, slot: u32) -> &AtomicU64 {
        &self.slots[slot as usize].0
    }
}

impl Links for Words {
    fn next(&self, slot: u32) -> &AtomicU32 {
        &self.slots[slot as usize].1
    }
}

/// Claims whatever there is, at most `most` tasks.
fn claim_all(words: &Words, worker: u32, most: usize) -> Vec<u32> {
    let mut claimed = Vec::new();
    while claimed.len() < most
        && let Some(slot) = words.ring().claim(worker)
    {
        claimed.push(slot);
    }
    claimed
}

#[test]
fn every_task_is_claimed_once_while_it_is_published() {
    bounded(|| {
        let words = Arc::new(Words::new(2, 2));
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let words = Arc::clone(&words);
                thread::spawn(move || claim_all(&words, worker, 2))
            })
            .collect();
        assert_eq!(words.ring().publish(0), Some(0));
        assert_eq!(words.ring().publish(1), Some(1));
        let mut claimed: Vec<u32> = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect();
        claimed.extend(claim_all(&words, 2, 2));
        claimed.sort_unstable();
        assert_eq!(claimed, [0, 1]);
    });
}

#[test]
fn a_task_is_either_claimed_or_taken_back() {
    loom::model(|| {
        let words = Arc::new(Words::new(1, 2));
        let ticket = words.ring().publish(0).unwrap();
        let worker = {
            let words = Arc::clone(&words);
            thread::spawn(move || words.ring().claim(0).is_some())
        };
        let taken_back = words.ring().take_back(0, ticket);
        assert!(taken_back ^ worker.join().unwrap());
    });
}

#[test]
fn a_doomed_worker_takes_no_other_task_and_a_task_is_answered_or_doomed() {
    bounded(|| {
        let words = Arc::new(Words::new(2, 2));
        let ticket = words.ring().publish(0).unwrap();
        words.ring().publish(1).unwrap();
        // How many tasks the worker has claimed, and answered: what it does besides.
        let claimed = Arc::new(AtomicU32::new(0));
        let worker = {
            let (words, claimed) = (Arc::clone(&words), Arc::clone(&claimed));
            thread::spawn(move || {
                let mut answered = Vec::new();
                while let Some(slot) = words.ring().claim(0) {
                    claimed.fetch_add(1, Ordering::SeqCst);
                    if !state::answer(words.state(slot)) {
                        return (answered, true);
                    }
                    answered.push(slot);
                }
                (answered, false)
            })
        };
        let running = State(words.state(0).load(Ordering::Acquire));
        let mine = running.ticket() == ticket;
        let doomed = mine && state::doom(words.state(0), running);
        if doomed {
            // Now it is killed: it is at the doomed task, and has nothing else.
            assert!(claimed.load(Ordering::SeqCst) <= 1);
            let other = State(words.state(1).load(Ordering::Acquire));
            assert_eq!(other.phase(), Phase::Ready);
        }
        let (answered, stuck) = worker.join().unwrap();
        assert_eq!(stuck, doomed);
        assert_eq!(answered, if doomed { vec![] } else { vec![0, 1] });
        let end = State(words.state(0).load(Ordering::Relaxed)).phase();
        assert_eq!(end, if doomed { Phase::Doomed } else { Phase::Done });
    });
}

#[test]
fn of_two_who_doom_a_task_one_does() {
    loom::model(|| {
        let words = Arc::new(Words::new(1, 1));
        words.ring().publish(0).unwrap();
        assert_eq!(words.ring().claim(3), Some(0));
        let running = State(words.state(0).load(Ordering::Relaxed));
        assert_eq!(running.worker(), 3);
        let other = {
            let words = Arc::clone(&words);
            thread::spawn(move || state::doom(words.state(0), running))
        };
        let answers = {
            let words = Arc::clone(&words);
            thread::spawn(move || state::answer(words.state(0)))
        };
        let one = state::doom(words.state(0), running);
        let all = [one, other.join().unwrap(), answers.join().unwrap()];
        assert_eq!(all.iter().filter(|won| **won).count(), 1);
    });
}

#[test]
fn a_slot_that_is_used_again_is_not_mistaken_for_its_old_task() {
    loom::model(|| {
        let words = Arc::new(Words::new(1, 1));
        let first = words.ring().publish(0).unwrap();
        let worker = {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                words
                    .ring()
                    .claim(0)
                    .map(|slot| State(words.state(slot).load(Ordering::Acquire)).ticket())
            })
        };
        let claimed_after = if words.ring().take_back(0, first) {
            // The ring of one entry is full of the dead one: publishing passes it.
            let second = words.ring().publish(0).unwrap();
            worker
                .join()
                .unwrap()
                .or_else(|| words.ring().claim(1).map(|_| second))
                == Some(second)
        } else {
            worker.join().unwrap() == Some(first)
        };
        assert!(claimed_after);
        assert_eq!(
            State(words.state(0).load(Ordering::Relaxed)).phase(),
            Phase::Running
        );
    });
}

#[test]
fn no_finished_task_is_lost_and_the_pump_never_sleeps_on_one() {
    bounded(|| {
        let words = Arc::new(Words::new(2, 2));
        let workers: Vec<_> = (0..2)
            .map(|slot| {
                let words = Arc::clone(&words);
                thread::spawn(move || {
                    done::push(&words.done, &*words, slot);
                    words.bell.ring() == Call::Pump
                })
            })
            .collect();
        let mut got = Vec::new();
        done::take_all(&words.done, &*words, 2, &mut got);
        words.bell.arm_for_pump();
        let sleeps = words.done.load(Ordering::SeqCst) == 0;
        let rang = workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .fold(false, |a, b| a | b);
        let taken = got.len();
        done::take_all(&words.done, &*words, 2, &mut got);
        // It sleeps although something came after: then somebody has rung.
        assert!(!sleeps || got.len() == taken || rang);
        got.sort_unstable();
        assert_eq!(got, [0, 1]);
    });
}

#[test]
fn a_leader_never_sleeps_on_a_finished_task_whatever_the_pump_does() {
    loom::model(|| {
        let words = Arc::new(Words::new(1, 1));
        let pump = {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                words.bell.arm_for_pump();
                words.bell.disarm_for_pump();
            })
        };
        let worker = {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                done::push(&words.done, &*words, 0);
                words.bell.ring()
            })
        };
        words.bell.arm_for_leader();
        let sleeps = words.done.load(Ordering::SeqCst) == 0;
        let call = worker.join().unwrap();
        pump.join().unwrap();
        assert!(!sleeps || call == Call::Leader);
        // And the call outlasts a sleep that has not begun yet.
        assert!(call != Call::Leader || words.bell.leader.load(Ordering::SeqCst) == 1);
    });
}

#[test]
fn a_leader_that_goes_leaves_no_finished_task_to_a_sleeping_pump() {
    loom::model(|| {
        let words = Arc::new(Words::new(1, 1));
        // The pump sleeps; a leader has come.
        words.bell.arm_for_pump();
        words.bell.arm_for_leader();
        let worker = {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                done::push(&words.done, &*words, 0);
                words.bell.ring()
            })
        };
        words.bell.leave();
        let seen = words.done.load(Ordering::SeqCst) != 0;
        let call = worker.join().unwrap();
        assert!(seen || call == Call::Pump);
    });
}

#[test]
fn a_worker_never_sleeps_on_published_work() {
    loom::model(|| {
        let words = Arc::new(Words::new(1, 1));
        let worker = {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                idle::announce(&words.idle, &words.wake, 0);
                words.ring().is_empty()
            })
        };
        words.ring().publish(0);
        let picked = idle::pick(&words.idle);
        let sleeps = worker.join().unwrap();
        assert!(!sleeps || picked == Some(0));
    });
}
