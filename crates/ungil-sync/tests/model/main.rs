//! The algorithms under loom: every interleaving of small programs, on the very sources that ship.
//!
//! `#[path]` compiles them once more, here, against a loom version of `word`; nothing else is different. Runs with a plain
//! `cargo test -p ungil-sync`.

#[path = "../../src/barrier.rs"]
#[allow(dead_code)]
mod barrier;
#[path = "../../src/condition.rs"]
#[allow(dead_code)]
mod condition;
#[path = "../../src/event.rs"]
#[allow(dead_code)]
mod event;
#[path = "../../src/identity.rs"]
#[allow(dead_code)]
mod identity;
#[path = "../../src/lock.rs"]
#[allow(dead_code)]
mod lock;
#[path = "../../src/ring.rs"]
#[allow(dead_code)]
mod ring;
#[path = "../../src/semaphore.rs"]
#[allow(dead_code)]
mod semaphore;
#[path = "../../src/turnstile.rs"]
#[allow(dead_code)]
mod turnstile;
#[path = "../../src/wait.rs"]
#[allow(dead_code)]
mod wait;
mod word;

mod locks;
mod queues;
mod signals;
mod surroundings;
