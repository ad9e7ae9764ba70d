//! The algorithms under loom: every interleaving of small programs, on the very sources that ship.
//!
//! The path attribute compiles them once more, here, against a loom version of `word`; nothing else
//! is different. Runs with a plain `cargo test -p ungil-sync`.

// The sources are a library's: public, and with more than the models use.
#![allow(unreachable_pub, dead_code)]

#[path = "../../src/barrier.rs"]
mod barrier;
#[path = "../../src/condition.rs"]
mod condition;
#[path = "../../src/event.rs"]
mod event;
#[path = "../../src/identity.rs"]
mod identity;
#[path = "../../src/lock.rs"]
mod lock;
#[path = "../../src/ring.rs"]
mod ring;
#[path = "../../src/semaphore.rs"]
mod semaphore;
#[path = "../../src/spin.rs"]
mod spin;
#[path = "../../src/turnstile.rs"]
mod turnstile;
#[path = "../../src/wait.rs"]
mod wait;
mod word;

mod locks;
mod queues;
mod signals;
mod surroundings;
