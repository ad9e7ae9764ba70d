//! What happens to a pool's tasks, counted as it happens.

use std::sync::Arc;

use super::{Histogram, Latencies, LongTask, TaskCounts};

/// So many of the longest tasks are named.
const NAMED: usize = 5;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a result.
    Finished,
    /// With an exception of its own.
    Failed,
    /// Before it had begun, or on demand.
    Cancelled,
    /// With its worker.
    Crashed,
    /// It was stopped when its time was over.
    TimedOut,
}

/// When a task that ran was where, in nanoseconds of one clock.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// It was submitted.
    pub submitted: u64,
    /// A worker began with it.
    pub begun: u64,
    /// The worker was done with it.
    pub ended: u64,
    /// Its result was back.
    pub back: u64,
}

/// Counts the ends of tasks; memory does not grow with them.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    counts: TaskCounts,
    waiting: Histogram,
    running: Histogram,
    round_trip: Histogram,
    /// Longest first, in nanoseconds.
    longest: Vec<(u64, Arc<str>)>,
}

impl Recorder {
    /// A task has ended that never ran, or of whose run nothing is known.
    pub fn ended(&mut self, end: End) {
        *match end {
            End::Finished => &mut self.counts.finished,
            End::Failed => &mut self.counts.failed,
            End::Cancelled => &mut self.counts.cancelled,
            End::Crashed => &mut self.counts.crashed,
            End::TimedOut => &mut self.counts.timed_out,
        } += 1;
    }

    /// A task has ended that ran. Says whether it is among the longest: then
    /// [`Recorder::name`] should follow.
    #[must_use]
    pub fn ran(&mut self, end: End, times: &Times) -> bool {
        self.ended(end);
        let running = times.ended.saturating_sub(times.begun);
        self.waiting
            .record(times.begun.saturating_sub(times.submitted));
        self.running.record(running);
        self.round_trip
            .record(times.back.saturating_sub(times.submitted));
        self.longest.len() < NAMED || self.longest.last().is_some_and(|last| last.0 < running)
    }

    /// Names one of the longest tasks.
    pub fn name(&mut self, times: &Times, label: Arc<str>) {
        let running = times.ended.saturating_sub(times.begun);
        let at = self.longest.partition_point(|other| other.0 >= running);
        self.longest.insert(at, (running, label));
        self.longest.truncate(NAMED);
    }

    /// The ends counted, of so many tasks submitted.
    pub fn counts(&self, submitted: u64) -> TaskCounts {
        TaskCounts {
            submitted,
            ..self.counts
        }
    }

    /// The latencies of the tasks that ran.
    pub fn latencies(&self) -> Latencies {
        Latencies {
            waiting: self.waiting.quantiles(),
            running: self.running.quantiles(),
            round_trip: self.round_trip.quantiles(),
        }
    }

    /// The longest tasks, longest first.
    pub fn longest(&self) -> Vec<LongTask> {
        let named = self.longest.iter().map(|(running, label)| LongTask {
            label: label.to_string(),
            seconds: *running as f64 / 1e9,
        });
        named.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(begun: u64, ended: u64) -> Times {
        Times {
            submitted: 0,
            begun,
            ended,
            back: ended + 1_000_000_000,
        }
    }

    #[test]
    fn the_five_longest_are_named_longest_first() {
        let mut recorder = Recorder::default();
        for (number, seconds) in [3, 1, 4, 1, 5, 9, 2, 6].into_iter().enumerate() {
            let times = times(0, seconds * 1_000_000_000);
            if recorder.ran(End::Finished, &times) {
                recorder.name(&times, format!("task {number}").into());
            }
        }
        let longest = recorder.longest();
        let seconds: Vec<f64> = longest.iter().map(|task| task.seconds).collect();
        assert_eq!(seconds, [9.0, 6.0, 5.0, 4.0, 3.0]);
        assert_eq!(longest[0].label, "task 5");
    }

    #[test]
    fn waiting_running_and_the_round_trip_are_told_apart() {
        let mut recorder = Recorder::default();
        let _ = recorder.ran(End::Failed, &times(2_000_000_000, 5_000_000_000));
        let latencies = recorder.latencies();
        let longest = [latencies.waiting, latencies.running, latencies.round_trip]
            .map(|quantiles| quantiles.unwrap().max);
        assert!(
            (longest[0] - 2.0).abs() + (longest[1] - 3.0).abs() + (longest[2] - 6.0).abs() < 1e-9
        );
        assert_eq!(recorder.counts(7).failed, 1);
    }
}
