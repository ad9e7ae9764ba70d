//! Progress on stderr: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressDrawTarget, ProgressState, ProgressStyle};
use pyo3::prelude::*;
use ungil_pool::quiet;

use crate::batch::duration;
use crate::compare::Listener;
use crate::span::span;

/// Redraw period, so that the clock runs while a task takes its time.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// The bar of `ungil run`: tasks done, rate, time.
pub(crate) struct RunBar(indicatif::ProgressBar);

impl RunBar {
    /// A bar for `tasks` tasks; hidden where stderr is no terminal or `wanted` is false.
    pub(crate) fn on_stderr(tasks: usize, wanted: bool) -> Self {
        Self::new(Some(tasks as u64), "", wanted)
    }

    fn new(tasks: Option<u64>, label: &str, wanted: bool) -> Self {
        let bar = bar(tasks, wanted);
        bar.set_style(style(if tasks.is_some() {
            "{msg}{percent:>3}%|{bar:40}| {pos}/{len} [{elapsed_precise}<{eta_precise}, {per_sec}]"
        } else {
            "{msg}{pos} [{elapsed_precise}, {per_sec}]"
        }));
        if !label.is_empty() {
            bar.set_message(format!("{label}: "));
        }
        quiet::start_quietly(|| bar.enable_steady_tick(TICK));
        Self(bar)
    }

    /// One more task is done.
    pub(crate) fn advance(&self) {
        self.0.inc(1);
    }

    /// Leaves the bar where it is; the next output starts on a line of its own.
    pub(crate) fn finish(&self) {
        self.0.abandon();
    }
}

/// The same bar, for `Executor.map`: `total` items, or no one knows how many.
#[pyclass(frozen, module = "ungil._ungil")]
pub(crate) struct ProgressBar(RunBar);

#[pymethods]
impl ProgressBar {
    #[new]
    fn new(total: Option<u64>, label: &str) -> Self {
        Self(RunBar::new(total, label, true))
    }

    /// So many more items are done.
    fn advance(&self, count: u64) {
        self.0.0.inc(count);
    }

    /// Leaves the bar where it is; the next output starts on a line of its own.
    fn close(&self) {
        self.0.finish();
    }
}

fn bar(length: Option<u64>, wanted: bool) -> indicatif::ProgressBar {
    let target = if wanted && std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    indicatif::ProgressBar::with_draw_target(length, target)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("█▉▊▋▌▍▎▏ ")
}

/// Visits done, what is being done, and how long the rest takes until `end`.
pub(crate) fn visits_style(end: &Arc<Mutex<Option<Instant>>>) -> ProgressStyle {
    let shown = Arc::clone(end);
    let left = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        let end: Option<Instant> = *locked(&shown);
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        // A bar that cannot be written has nobody to tell.
        let _ = match left {
            Some(left) => write!(out, "{} left", span(left.as_secs_f64() + 1.0)),
            None => Ok(()),
        };
    };
    style("{bar:24} {pos}/{len} {wide_msg} {left}").with_key("left", left)
}

/// The progress of `ungil compare`: a bar on a terminal, a line for each round elsewhere.
pub(crate) struct CompareProgress {
    bar: indicatif::ProgressBar,
    /// When everything will be over, as far as is known.
    end: Arc<Mutex<Option<Instant>>>,
    /// Whether remarks, and lines in place of the bar, are wanted.
    speaks: bool,
    /// What the bar shows, and the last run announced in a line.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    label: String,
    tasks: usize,
    announced: usize,
}

impl CompareProgress {
    /// For the command line: a bar or lines, unless it is to be quiet.
    pub(crate) fn of_command(quiet: bool) -> Self {
        Self::new(!quiet, !quiet)
    }

    /// For a call from Python: a bar on a terminal, and silence elsewhere.
    pub(crate) fn on_terminal(wanted: bool) -> Self {
        Self::new(wanted, wanted && std::io::stderr().is_terminal())
    }

    fn new(wanted: bool, speaks: bool) -> Self {
        let end = Arc::new(Mutex::new(None));
        let bar = bar(Some(0), wanted);
        bar.set_style(visits_style(&end));
        Self {
            bar,
            end,
            speaks,
            state: Mutex::default(),
        }
    }
}

impl Listener for CompareProgress {
    fn remark(&self, sentence: &str) {
        if self.speaks {
            self.bar.suspend(|| tell(&format!("ungil: {sentence}")));
        }
    }

    fn planned(&self, visits: usize, seconds: f64) {
        self.bar.set_length(visits as u64);
        quiet::start_quietly(|| self.bar.enable_steady_tick(TICK));
        if self.speaks && self.bar.is_hidden() {
            tell(&format!("ungil: {visits} runs, about {}", span(seconds)));
        }
    }

    fn begins(&self, cell: &str, run: usize, of: usize, tasks: usize, left_s: f64) {
        *locked(&self.end) = Some(Instant::now() + duration(left_s));
        let mut state = locked(&self.state);
        state.label = format!("{cell}, run {run} of {of}");
        state.tasks = tasks;
        self.bar.set_message(state.label.clone());
        if self.speaks && self.bar.is_hidden() && state.announced < run {
            state.announced = run;
            let left = span(left_s);
            tell(&format!(
                "ungil: run {run} of {of} of each cell, about {left} left"
            ));
        }
    }

    fn tasks_done(&self, done: usize) {
        if !self.bar.is_hidden() {
            let state = locked(&self.state);
            self.bar
                .set_message(format!("{}, task {done} of {}", state.label, state.tasks));
        }
    }

    fn ends(&self) {
        self.bar.inc(1);
    }

    fn finished(&self) {
        self.bar.finish_and_clear();
    }
}

/// A line on stderr; where nobody reads it, there is nobody to tell.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
