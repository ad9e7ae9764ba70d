//! The threads that wait for each other in a circle.

use crate::{ObjectId, ThreadId};

/// A thread that cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Who.
    pub thread: ThreadId,
    /// For what.
    pub object: ObjectId,
    /// Who has it, where it is something that one thread has.
    pub holder: Option<ThreadId>,
}

/// A circle of waiting threads, each waiting for the next one and the last one for the first; it begins with
/// its lowest number. `None` where nobody who waits is also waited for.
pub fn cycle(waiting: &[Waiting]) -> Option<Vec<Waiting>> {
    let of = |thread| waiting.iter().find(|one| one.thread == thread).copied();
    waiting.iter().find_map(|start| {
        let mut circle = vec![*start];
        while let Some(next) = circle.last().and_then(|one| one.holder).and_then(of) {
            if next.thread == start.thread {
                let low = circle.iter().map(|one| one.thread).min()?;
                let at = circle.iter().position(|one| one.thread == low)?;
                circle.rotate_left(at);
                return Some(circle);
            }
            if circle.iter().any(|one| one.thread == next.thread) {
                return None; // a circle further on, which its own members will find
            }
            circle.push(next);
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(thread: ThreadId, object: ObjectId, holder: ThreadId) -> Waiting {
        Waiting {
            thread,
            object,
            holder: Some(holder),
        }
    }

    #[test]
    fn the_circle_is_found_without_those_who_only_wait_for_it() {
        let waiting = [waits(1, 7, 2), waits(3, 9, 2), waits(2, 9, 3)];
        let circle = cycle(&waiting).unwrap();
        assert_eq!(circle, [waits(2, 9, 3), waits(3, 9, 2)]);
    }

    #[test]
    fn a_thread_that_waits_for_itself_is_a_circle() {
        assert_eq!(cycle(&[waits(1, 7, 1)]), Some(vec![waits(1, 7, 1)]));
    }

    #[test]
    fn who_waits_for_one_that_ended_is_in_no_circle() {
        assert_eq!(cycle(&[waits(1, 7, 2)]), None);
    }
}
