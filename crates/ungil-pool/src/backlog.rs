//! What waits for a worker: in the order of its arrival, and, from the first priority on, in the
//! order of priorities.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

/// A place in the order: higher priorities first, then earlier arrivals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    priority: Reverse<i64>,
    arrival: u64,
}

impl Rank {
    /// Of the `arrival`th without a priority of its own.
    pub(crate) fn ordinary(arrival: u64) -> Self {
        let priority = Reverse(0);
        Self { priority, arrival }
    }
}

/// A queue that is a plain one until somebody uses priorities.
#[derive(Debug)]
pub(crate) struct Backlog<T> {
    queue: VecDeque<T>,
    /// In use instead of the queue once anything had a priority.
    ranked: Option<Box<Ranked<T>>>,
}

#[derive(Debug)]
struct Ranked<T> {
    items: BTreeMap<Rank, T>,
    /// The number of the next to arrive.
    arrivals: u64,
}

impl<T> Default for Backlog<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            ranked: None,
        }
    }
}

impl<T> Backlog<T> {
    pub(crate) fn push(&mut self, item: T, priority: i64) {
        if priority != 0 {
            self.rank(0);
        }
        match &mut self.ranked {
            None => self.queue.push_back(item),
            Some(ranked) => ranked.push(item, priority),
        }
    }

    /// The first in the order, and where it was.
    pub(crate) fn pop(&mut self) -> Option<(Rank, T)> {
        match &mut self.ranked {
            None => self.queue.pop_front().map(|item| (Rank::default(), item)),
            Some(ranked) => ranked.items.pop_first(),
        }
    }

    /// Back to where it was; without priorities, to the front.
    pub(crate) fn put_back(&mut self, rank: Rank, item: T) {
        match &mut self.ranked {
            None => self.queue.push_front(item),
            Some(ranked) => drop(ranked.items.insert(rank, item)),
        }
    }

    /// Takes the last in the order that is `wanted`, if any is.
    pub(crate) fn take(&mut self, wanted: impl Fn(&T) -> bool) -> Option<T> {
        match &mut self.ranked {
            None => {
                let at = self.queue.iter().rposition(wanted)?;
                self.queue.remove(at)
            }
            Some(ranked) => {
                let found = ranked.items.iter().rev().find(|(_, item)| wanted(item));
                let rank = *found?.0;
                ranked.items.remove(&rank)
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.ranked {
            None => self.queue.len(),
            Some(ranked) => ranked.items.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes everything out, in order.
    pub(crate) fn take_all(&mut self) -> Vec<T> {
        let mut all: Vec<T> = std::mem::take(&mut self.queue).into();
        if let Some(ranked) = self.ranked.take() {
            all.extend(ranked.items.into_values());
        }
        all
    }

    /// Goes by priorities from now on; what waits already has the ordinary one and counts as
    /// having arrived after `before` others.
    pub(crate) fn rank(&mut self, before: u64) {
        if self.ranked.is_some() {
            return;
        }
        let mut ranked = Ranked {
            items: BTreeMap::new(),
            arrivals: before,
        };
        for item in std::mem::take(&mut self.queue) {
            ranked.push(item, 0);
        }
        self.ranked = Some(Box::new(ranked));
    }

    /// Goes by arrival again if nothing waits.
    pub(crate) fn forget_ranks(&mut self) {
        if self.is_empty() {
            self.ranked = None;
        }
    }

    /// The place of the first in an order of priorities.
    pub(crate) fn first_rank(&self) -> Option<Rank> {
        let (rank, _) = self.ranked.as_ref()?.items.first_key_value()?;
        Some(*rank)
    }
}

impl<T> Ranked<T> {
    fn push(&mut self, item: T, priority: i64) {
        let rank = Rank {
            priority: Reverse(priority),
            arrival: self.arrivals,
        };
        self.arrivals += 1;
        self.items.insert(rank, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all<T>(backlog: &mut Backlog<T>) -> Vec<T> {
        std::iter::from_fn(|| backlog.pop().map(|(_, item)| item)).collect()
    }

    proptest! {
        #[test]
        fn higher_priorities_come_first_and_equal_ones_in_order(
            priorities in prop::collection::vec(-3_i64..=3, 0..60)
        ) {
            let mut backlog = Backlog::default();
            for (index, &priority) in priorities.iter().enumerate() {
                backlog.push((Reverse(priority), index), priority);
            }
            let mut sorted: Vec<_> = priorities.iter().map(|&p| Reverse(p)).zip(0..).collect();
            sorted.sort_unstable();
            prop_assert_eq!(all(&mut backlog), sorted);
        }

        #[test]
        fn what_is_put_back_is_where_it_was(
            priorities in prop::collection::vec(-1_i64..=1, 1..20), out in 1_usize..10
        ) {
            let mut backlog = Backlog::default();
            for (index, &priority) in priorities.iter().enumerate() {
                backlog.push(index, priority);
            }
            let mut untouched = Backlog::default();
            for (index, &priority) in priorities.iter().enumerate() {
                untouched.push(index, priority);
            }
            let taken: Vec<_> = std::iter::from_fn(|| backlog.pop()).take(out).collect();
            for (rank, item) in taken.into_iter().rev() {
                backlog.put_back(rank, item);
            }
            prop_assert_eq!(all(&mut backlog), all(&mut untouched));
        }
    }

    #[test]
    fn it_is_a_plain_queue_until_a_priority_comes_and_again_when_it_has_run_empty() {
        let mut backlog = Backlog::default();
        backlog.push('a', 0);
        assert!(backlog.ranked.is_none());
        backlog.push('b', 1);
        assert!(backlog.ranked.is_some());
        backlog.forget_ranks();
        assert_eq!(all(&mut backlog), ['b', 'a']);
        backlog.forget_ranks();
        assert!(backlog.ranked.is_none());
    }
}
