//! What `Lock`, `RLock` and `Condition` share: acquire and release with an owner, from threads and
//! from tasks.

use super::blocking::{self, Attempt};
use super::errors;
use super::naming;
use super::tasks::{self, Cancel, Outcome};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;
use ungil_sync::handle::Handle;
use ungil_sync::identity::Owner;
use ungil_sync::lock::Acquired;
use ungil_sync::mutex::Mutex;
use ungil_sync::thread::me;
use ungil_sync::wait::Halt;

/// A lock and how this process uses it.
#[derive(Clone)]
pub(crate) struct Owned {
    pub(crate) handle: Handle<Mutex>,
    recursive: bool,
    holder: Arc<Holder>,
}

/// The task of this process that holds the lock: tasks of one loop share a thread, and so the
/// lock's owner.
#[derive(Default)]
struct Holder {
    is_task: AtomicBool,
    task: StdMutex<Option<Py<PyAny>>>,
}

impl Holder {
    fn set(&self, task: Option<Py<PyAny>>) {
        self.is_task.store(task.is_some(), Ordering::Relaxed);
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = task;
    }

    #[inline]
    fn clear(&self) {
        if self.is_task.load(Ordering::Relaxed) {
            self.set(None);
        }
    }

    /// The holding task, unless it is the one that runs now.
    #[inline]
    fn other<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        if !self.is_task.load(Ordering::Relaxed) {
            return None;
        }
        let holder = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = holder.as_ref()?.bind(py).clone();
        let current = tasks::current(py);
        (!current.is_some_and(|current| current.is(&holder))).then_some(holder)
    }
}

impl Owned {
    pub(crate) fn new(handle: Handle<Mutex>, recursive: bool) -> Self {
        Self {
            handle,
            recursive,
            holder: Arc::default(),
        }
    }

    /// Takes the lock if it is free and nobody waits for it.
    #[inline]
    pub(crate) fn grab(&self) -> bool {
        let taken = self.handle.raw().grab(me());
        if taken {
            self.entered();
        }
        taken
    }

    /// Gives a level back that this thread holds, unless tasks have a say in it.
    #[inline]
    pub(crate) fn leave(&self) -> bool {
        !self.holder.is_task.load(Ordering::Relaxed) && self.handle.leave(me()).is_ok()
    }

    /// `acquire(blocking, timeout)`; after `OwnerDied` the lock is this thread's.
    #[inline]
    pub(crate) fn acquire(
        &self,
        py: Python<'_>,
        blocking: bool,
        timeout: Option<f64>,
    ) -> PyResult<bool> {
        let me = me();
        if timeout.is_none() && self.handle.raw().grab(me) {
            self.entered();
            return Ok(true);
        }
        self.acquire_slow(py, me, blocking, timeout)
    }

    #[inline]
    fn entered(&self) {
        self.holder.clear();
        self.handle.set_depth(1);
    }

    #[cold]
    fn acquire_slow(
        &self,
        py: Python<'_>,
        me: Owner,
        blocking: bool,
        timeout: Option<f64>,
    ) -> PyResult<bool> {
        let attempt = Attempt::parse(blocking, timeout)?;
        if self.recursive && self.holder.other(py).is_none() && self.handle.reenter(me) {
            return Ok(true);
        }
        if self.handle.raw().grab(me) {
            self.entered();
            return Ok(true);
        }
        let (outcome, raised) = match attempt {
            Attempt::Once => match self.handle.try_acquire(me, tasks::may_look()) {
                None => return Ok(false),
                Some(acquired) => (Ok(acquired), None),
            },
            Attempt::Wait(timeout) => self.wait(py, me, timeout),
        };
        self.settle(py, outcome, raised)
    }

    /// Waits for the raw lock without the GIL.
    fn wait(
        &self,
        py: Python<'_>,
        me: Owner,
        timeout: Option<Duration>,
    ) -> (Result<Acquired, Halt>, Option<PyErr>) {
        let handle = &self.handle;
        blocking::detached(py, |signals| {
            let slice = signals.slice();
            handle.acquire(me, timeout, slice, || signals.interrupted())
        })
    }

    fn settle(
        &self,
        py: Python<'_>,
        outcome: Result<Acquired, Halt>,
        raised: Option<PyErr>,
    ) -> PyResult<bool> {
        match outcome {
            Ok(acquired) => {
                self.entered();
                match acquired {
                    Acquired::Clean => Ok(true),
                    Acquired::OwnerDied(dead) => Err(errors::owner_died(py, dead, true)),
                }
            }
            Err(halt) => blocking::halted(py, &halt, raised),
        }
    }

    /// `__enter__`: an exception leaves the lock free, because `with` does not call `__exit__`
    /// then.
    #[inline]
    pub(crate) fn enter(&self, py: Python<'_>) -> PyResult<bool> {
        let me = me();
        if self.handle.raw().grab(me) {
            self.entered();
            return Ok(true);
        }
        self.enter_slow(py, me)
    }

    #[cold]
    fn enter_slow(&self, py: Python<'_>, me: Owner) -> PyResult<bool> {
        if self.recursive && self.holder.other(py).is_none() && self.handle.reenter(me) {
            return Ok(true);
        }
        let (outcome, raised) = self.wait(py, me, None);
        if let Ok(Acquired::OwnerDied(dead)) = outcome {
            self.release(py)?;
            return Err(errors::owner_died(py, dead, false));
        }
        self.settle(py, outcome, raised)
    }

    /// `release()`.
    #[inline]
    pub(crate) fn release(&self, py: Python<'_>) -> PyResult<()> {
        let me = me();
        if self.holder.is_task.load(Ordering::Relaxed) {
            self.check_task(py, me)?;
        }
        self.handle
            .leave(me)
            .map_err(|refused| Self::thief(py, me, refused.0))
    }

    /// A task of this thread holds it: only that task gives it back.
    #[cold]
    fn check_task(&self, py: Python<'_>, me: Owner) -> PyResult<()> {
        if self.handle.raw().owner() != Some(me) {
            return Ok(());
        }
        if let Some(holder) = self.holder.other(py) {
            let thief = match tasks::current(py) {
                Some(task) => naming::task_name(&task, me),
                None => naming::name(py, me),
            };
            return Err(errors::not_owner(
                py,
                &thief,
                Some(&naming::task_name(&holder, me)),
            ));
        }
        if self.handle.depth(me) <= 1 {
            self.holder.clear();
        }
        Ok(())
    }

    #[cold]
    pub(crate) fn thief(py: Python<'_>, me: Owner, owner: Option<Owner>) -> PyErr {
        let owner = owner.map(|owner| naming::name(py, owner));
        errors::not_owner(py, &naming::name(py, me), owner.as_deref())
    }

    /// Whether the calling thread (and task) owns it.
    pub(crate) fn is_mine(&self, py: Python<'_>) -> bool {
        self.handle.raw().owner() == Some(me()) && self.holder.other(py).is_none()
    }

    /// "<locked sync.Lock object owned by thread 'X' (tid 1, process 1) at 0x...>".
    pub(crate) fn repr(&self, py: Python<'_>, class: &str) -> String {
        let at = self.handle.identity();
        match self.handle.raw().owner() {
            None => format!("<unlocked sync.{class} object at {at:#x}>"),
            Some(owner) => {
                let owner = naming::name(py, owner);
                format!("<locked sync.{class} object owned by {owner} at {at:#x}>")
            }
        }
    }

    /// `await acquire_async(timeout)`: a helper thread waits in this thread's name. `kept` as in
    /// `OwnerDied`'s message.
    pub(crate) fn acquire_async(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        kept: bool,
    ) -> PyResult<Py<PyAny>> {
        let Attempt::Wait(timeout) = Attempt::parse(true, timeout)? else {
            unreachable!("blocking")
        };
        tasks::running_loop(py)?;
        let me = me();
        let task = tasks::current(py).map(Bound::unbind);
        if self.handle.raw().grab(me) {
            self.entered();
            self.holder.set(task);
            return tasks::ready(py, true);
        }
        if self.recursive && self.holder.other(py).is_none() && self.handle.reenter(me) {
            return tasks::ready(py, true);
        }
        let (waiting, arrived) = (self.clone(), self.clone());
        tasks::spawn(
            py,
            move |cancel: &Cancel| {
                let handle = &waiting.handle;
                let acquired = handle.acquire(me, timeout, tasks::SLICE, || cancel.is_set());
                if let Ok(Acquired::OwnerDied(_)) = acquired {
                    // Until the task has it, nobody does: see `Mutex::reenter`.
                    handle.set_depth(0);
                }
                acquired
            },
            move |py, outcome| match outcome {
                Outcome::Deliver(outcome) => {
                    if let Ok(Acquired::OwnerDied(dead)) = outcome
                        && !kept
                    {
                        arrived.handle.raw().unlock(me).ok();
                        return Err(errors::owner_died(py, dead, false));
                    }
                    let owned = outcome.is_ok();
                    let acquired = arrived.settle(py, outcome, None);
                    if owned {
                        arrived.holder.set(task);
                    }
                    Ok(acquired?.into_pyobject(py)?.to_owned().into_any().unbind())
                }
                Outcome::Undo(outcome) => {
                    if outcome.is_ok() {
                        arrived.handle.raw().unlock(me).ok();
                    }
                    Ok(py.None())
                }
            },
        )
    }
}
