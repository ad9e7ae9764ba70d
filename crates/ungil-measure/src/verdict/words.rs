//! The words that templates may use, and the figures they stand for.

use super::evidence::{Evidence, Seen};
use super::kinds;
use crate::units;

impl Evidence<'_> {
    /// `serial.wall`, `choice`, `best.range`, `runs`, ...: what the word stands for; `None` for a
    /// word that is not known or has no figure here.
    pub(super) fn word(&self, word: &str) -> Option<String> {
        let computing = self.computing_share();
        match word {
            "runs" => {
                let runs = self.decisive().iter().map(|cell| cell.runs).min()?;
                return Some(format!(
                    "{runs} run{} per cell",
                    if runs == 1 { "" } else { "s" }
                ));
            }
            "level" => return Some(units::percent(self.facts.options.confidence)),
            "computing" => return computing.map(units::percent),
            "waiting" => return computing.map(|share| units::percent(1.0 - share)),
            "compute" => return self.computing_s().map(units::seconds),
            "task" => return self.task_s().map(units::seconds),
            "cores" => return Some(self.facts.machine.usable_cpus.to_string()),
            _ => {}
        }
        let (cell, figure) = word.split_once('.').unwrap_or((word, ""));
        let cell = match cell {
            "serial" => self.serial,
            "fastest" => self.fastest,
            "warm" => self.fastest_warm,
            "best" => self.best,
            "choice" => self.choice,
            "rival" => self.rival,
            _ => None,
        }?;
        self.figure(&cell, figure)
    }

    /// A figure of one cell.
    pub(super) fn figure(&self, cell: &Seen<'_>, figure: &str) -> Option<String> {
        let seconds = |time: f64| Some(units::seconds(time));
        match figure {
            "" => Some(kinds::workers(cell.kind, cell.workers)),
            "cores_used" => Some(match self.cores_for(cell) {
                1 => "one core".to_owned(),
                several => format!("{several} cores"),
            }),
            "wall" => seconds(cell.wall),
            "range" => Some(range(cell)),
            "speedup" => cell.summary.speedup.map(units::three_digits),
            "cores" => Some(units::three_digits(cell.summary.cpu_cores)),
            // A clause of its own, which is not there where nobody looked.
            "gil" => Some(cell.summary.gil.map_or(String::new(), |gil| {
                format!("; it was held {} of the time", units::percent(gil.held))
            })),
            "workers" => Some(cell.workers.to_string()),
            "startup" => seconds(cell.startup()),
            "pickle" => seconds(cell.summary.pickle_s?),
            "gain" => seconds(self.full_gain(cell)),
            "batches" => {
                let batches = (cell.startup() / self.full_gain(cell)).ceil();
                (batches.is_finite() && batches >= 1.0).then(|| format!("{batches:.0}"))
            }
            "memory" => Some(memory(cell)),
            "each" => Some(units::bytes(cell.summary.memory?.pss_bytes)),
            _ => None,
        }
    }
}

/// `0.98 s to 1.02 s`, or the median alone where the spread is unknown.
fn range(cell: &Seen<'_>) -> String {
    if cell.assumed {
        return units::seconds(cell.wall);
    }
    let (low, high) = (
        units::seconds(cell.range.low),
        units::seconds(cell.range.high),
    );
    if low == high {
        low
    } else {
        format!("{low} to {high}")
    }
}

/// What the pool costs, as the end of a sentence; empty where it is not known.
fn memory(cell: &Seen<'_>) -> String {
    let (Some(memory), Some(total)) = (cell.summary.memory, cell.total_memory()) else {
        return String::new();
    };
    match (memory.pss_bytes, cell.workers) {
        (0, _) => ", for no measurable memory".to_owned(),
        (each, 1) => format!(", for {} of memory", units::bytes(each)),
        (each, _) => {
            let (each, total) = (units::bytes(each), units::bytes(total));
            format!(", for {each} of memory per worker ({total} in all)")
        }
    }
}
