//! The queue of a thread pool: threads of one process take work in the order of its priority,
//! and else in the order it came.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::backlog::Backlog;

/// An unbounded queue of work for up to a number of threads, which are started on demand.
#[derive(Debug)]
pub struct WorkQueue<T> {
    inner: Mutex<Inner<T>>,
    arrived: Condvar,
    max_threads: usize,
}

#[derive(Debug)]
struct Inner<T> {
    items: Backlog<T>,
    /// Threads that wait for work.
    idle: usize,
    threads: usize,
    closed: bool,
}

/// What the queue asks of whoever pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Some thread will take the work.
    Taken,
    /// A thread must be started for it; it is counted already.
    StartThread,
}

impl<T> WorkQueue<T> {
    /// A queue for at most `max_threads` threads.
    pub fn new(max_threads: usize) -> Self {
        let inner = Inner {
            items: Backlog::default(),
            idle: 0,
            threads: 0,
            closed: false,
        };
        Self {
            inner: Mutex::new(inner),
            arrived: Condvar::new(),
            max_threads,
        }
    }

    /// Adds work, or gives it back when the queue is closed.
    pub fn push(&self, item: T) -> Result<Pushed, T> {
        self.push_with(item, 0)
    }

    /// Adds work that goes before all waiting work of a lower priority.
    pub fn push_with(&self, item: T, priority: i64) -> Result<Pushed, T> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(item);
        }
        inner.items.push(item, priority);
        if inner.idle >= inner.items.len() {
            drop(inner);
            self.arrived.notify_one();
            return Ok(Pushed::Taken);
        }
        if inner.threads < self.max_threads {
            inner.threads += 1;
            return Ok(Pushed::StartThread);
        }
        if inner.idle > 0 {
            drop(inner);
            self.arrived.notify_one();
        }
        Ok(Pushed::Taken)
    }

    /// The next piece of work if there is one now. After `None` the thread counts as idle, so
    /// that no other is started for what comes next, and must call [`WorkQueue::wait`].
    pub fn pop_or_idle(&self) -> Option<T> {
        let mut inner = self.lock();
        let item = inner.pop();
        inner.idle += usize::from(item.is_none());
        item
    }

    /// Waits, idle, for work; `None` once the queue is closed and empty: the thread should end.
    pub fn wait(&self) -> Option<T> {
        let mut inner = self.lock();
        while inner.items.is_empty() && !inner.closed {
            inner = self
                .arrived
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
        inner.idle -= 1;
        inner.pop()
    }

    /// Takes the youngest piece of work that is `wanted` out of the queue, if it is there.
    pub fn take(&self, wanted: impl Fn(&T) -> bool) -> Option<T> {
        self.lock().items.take(wanted)
    }

    /// Whether a thread waits for work, and so is about to take what is in the queue.
    pub fn has_idle(&self) -> bool {
        self.lock().idle > 0
    }

    /// A thread could not be started after all.
    pub fn thread_refused(&self) {
        self.lock().threads -= 1;
    }

    /// The number of threads started and not refused.
    pub fn threads(&self) -> usize {
        self.lock().threads
    }

    /// Takes no more work; what is in the queue is still handed out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Whether [`WorkQueue::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Takes all the work out.
    pub fn drain(&self) -> Vec<T> {
        self.lock().items.take_all()
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Inner<T> {
    fn pop(&mut self) -> Option<T> {
        let first = self.items.pop();
        if first.is_none() {
            self.items.forget_ranks();
        }
        first.map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn asks_for_threads_only_up_to_the_limit_and_only_when_none_is_idle() {
        let queue = WorkQueue::new(2);
        assert_eq!(queue.push(1), Ok(Pushed::StartThread));
        assert_eq!(queue.push(2), Ok(Pushed::StartThread));
        assert_eq!(queue.push(3), Ok(Pushed::Taken));
        assert_eq!(queue.threads(), 2);
    }

    #[test]
    fn a_thread_that_found_nothing_is_idle_before_it_waits() {
        let queue = WorkQueue::new(2);
        assert_eq!(queue.push(1), Ok(Pushed::StartThread));
        assert_eq!((queue.pop_or_idle(), queue.pop_or_idle()), (Some(1), None));
        assert_eq!(queue.push(2), Ok(Pushed::Taken));
        assert_eq!(queue.wait(), Some(2));
        assert_eq!(queue.push(3), Ok(Pushed::StartThread));
    }

    #[test]
    fn work_can_be_taken_out_of_turn_once() {
        let queue = WorkQueue::new(1);
        for item in [1, 2, 3] {
            queue.push(item).unwrap();
        }
        assert_eq!(queue.take(|item| *item == 2), Some(2));
        assert_eq!(queue.take(|item| *item == 2), None);
        assert_eq!(
            (queue.pop_or_idle(), queue.pop_or_idle()),
            (Some(1), Some(3))
        );
    }

    #[test]
    fn a_closed_queue_hands_out_what_it_has_and_refuses_more() {
        let queue = WorkQueue::new(1);
        queue.push(1).unwrap();
        queue.close();
        assert_eq!(queue.push(2), Err(2));
        assert_eq!(queue.pop_or_idle(), Some(1));
        assert_eq!((queue.pop_or_idle(), queue.wait()), (None, None));
    }

    #[test]
    fn a_higher_priority_is_handed_out_first() {
        let queue = WorkQueue::new(1);
        for (item, priority) in [(1, 0), (2, 5), (3, -1), (4, 5)] {
            queue.push_with(item, priority).unwrap();
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop_or_idle()).collect();
        assert_eq!(order, [2, 4, 1, 3]);
    }

    #[test]
    fn every_item_is_handed_out_once() {
        let queue = Arc::new(WorkQueue::new(4));
        let sum = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (queue, sum) = (Arc::clone(&queue), Arc::clone(&sum));
                std::thread::spawn(move || {
                    while let Some(item) = queue.pop_or_idle().or_else(|| queue.wait()) {
                        sum.fetch_add(item, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for item in 1..=10_000 {
            queue.push(item).unwrap();
        }
        queue.close();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(sum.load(Ordering::Relaxed), 10_000 * 10_001 / 2);
    }
}
