//! `ungil.sync`: the locks of `ungil-sync` with `threading`'s and `multiprocessing`'s names.

mod address;
mod barrier;
mod blocking;
mod cells;
mod condition;
mod direct;
mod errors;
mod event;
mod format;
mod instance;
mod lock;
mod memory;
mod message;
mod naming;
mod owned;
mod plain;
mod queue;
mod rlock;
mod semaphore;
mod tasks;

use pyo3::prelude::*;

/// Locks with owners, between threads and between processes.
#[pymodule(submodule)]
pub(crate) mod sync {
    use pyo3::prelude::*;

    /// Runs when the module is made.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::direct::install(module.py())
    }

    #[pymodule_export]
    use super::address::{arena_fd, attach_arena_fd};
    #[pymodule_export]
    use super::barrier::Barrier;
    #[pymodule_export]
    use super::cells::{Array, Value};
    #[pymodule_export]
    use super::condition::Condition;
    #[pymodule_export]
    use super::errors::{Deadlock, NotOwner, OverRelease, OwnerDied};
    #[pymodule_export]
    use super::event::Event;
    #[pymodule_export]
    use super::lock::Lock;
    #[pymodule_export]
    use super::queue::Queue;
    #[pymodule_export]
    use super::rlock::RLock;
    #[pymodule_export]
    use super::semaphore::{BoundedSemaphore, Semaphore};
}
