//! `ungil compare --live`: every cell on the terminal while it is measured.
//!
//! Lines of plain text on stderr that are written anew, by indicatif: the terminal keeps its modes, its cursor and what
//! stands above, so that nothing has to be put back, however the program ends.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use ungil_pool::quiet;
use ungil_report::{ColorChoice, Dashboard, LiveCell, TerminalOptions};

use crate::batch::duration;
use crate::compare::Listener;
use crate::progress::{TICK, locked, tell, visits_style};

/// Fewest lines of cells; a lower terminal scrolls.
const FEWEST_ROWS: usize = 3;
/// Lines that are not cells': the bar, and the one that the cursor is on.
const OTHER_ROWS: usize = 2;

/// The dashboard.
pub(crate) struct LiveProgress {
    lines: MultiProgress,
    /// Visits done, and how long the rest takes.
    bar: ProgressBar,
    end: Arc<Mutex<Option<Instant>>>,
    state: Mutex<State>,
    color: ColorChoice,
}

#[derive(Default)]
struct State {
    dashboard: Dashboard,
    rows: Vec<ProgressBar>,
}

impl LiveProgress {
    /// A dashboard on stderr; `None` where that is no terminal, or one that cannot move its cursor.
    pub(crate) fn on_stderr(color: ColorChoice) -> Option<Self> {
        let is_dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
        if !std::io::stderr().is_terminal() || is_dumb {
            return None;
        }
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let end = Arc::new(Mutex::new(None));
        let bar = lines.add(ProgressBar::new(0));
        bar.set_style(visits_style(&end));
        Some(Self {
            lines,
            bar,
            end,
            state: Mutex::default(),
            color,
        })
    }

    fn draw(&self, state: &mut State) {
        let (width, height) = size();
        let options = TerminalOptions {
            width,
            color: self.color,
        };
        let most = height.saturating_sub(OTHER_ROWS).max(FEWEST_ROWS);
        let texts = state.dashboard.lines(&options, most);
        while state.rows.len() < texts.len() {
            let row = self.lines.add(ProgressBar::new(0));
            row.set_style(
                ProgressStyle::with_template("{msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            state.rows.push(row);
        }
        for (at, row) in state.rows.iter().enumerate() {
            row.set_message(texts.get(at).cloned().unwrap_or_default());
        }
    }
}

/// Columns and rows of the terminal.
fn size() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr());
    let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
    match size {
        Ok((width, height)) if width > 0 && height > 0 => (width, height),
        _ => (80, 24),
    }
}

impl Listener for LiveProgress {
    fn remark(&self, sentence: &str) {
        self.lines.suspend(|| tell(&format!("ungil: {sentence}")));
    }

    fn laid_out(&self, cells: Vec<LiveCell>, repeat: usize) {
        let mut state = locked(&self.state);
        state.dashboard = Dashboard {
            cells,
            repeat,
            current: None,
        };
        self.draw(&mut state);
    }

    fn running(&self, cell: usize) {
        let mut state = locked(&self.state);
        state.dashboard.current = Some(cell);
        self.draw(&mut state);
    }

    fn ran(&self, cell: usize, wall_s: f64) {
        let mut state = locked(&self.state);
        state.dashboard.add(cell, wall_s);
        self.draw(&mut state);
    }

    fn planned(&self, visits: usize, _seconds: f64) {
        self.bar.set_length(visits as u64);
        quiet::start_quietly(|| self.bar.enable_steady_tick(TICK));
    }

    fn begins(&self, cell: &str, run: usize, of: usize, _tasks: usize, left_s: f64) {
        *locked(&self.end) = Some(Instant::now() + duration(left_s));
        self.bar.set_message(format!("{cell}, run {run} of {of}"));
    }

    fn tasks_done(&self, _done: usize) {}

    fn ends(&self) {
        self.bar.inc(1);
    }

    fn finished(&self) {
        for row in &locked(&self.state).rows {
            row.finish_and_clear();
        }
        self.bar.finish_and_clear();
        // A terminal that cannot be cleared has nobody to tell.
        let _ = self.lines.clear();
    }
}
