//! The table of reasons: why a kind loses. Per kind the first rule that holds is told.

use super::evidence::{COMPUTING, Evidence, Seen};
use super::{kinds, nature, strengths, template};
use crate::comparison::{Gil, KindCurve, SERIAL};

/// A speed-up below this is no gain.
const NO_GAIN: f64 = 1.2;
/// Cores that threads keep busy at most while the GIL holds them to one; the rest is what the
/// interpreter does without it.
const ONE_CORE: f64 = 1.3;
/// Share of the run from which the GIL, held that much, is what keeps threads from gaining.
const GIL_BUSY: f64 = 0.8;
/// Below this speed-up more time went into handing tasks over than into doing them.
const SWAMPED: f64 = 0.5;

/// A kind that is not the winner.
pub(super) struct Loser<'e, 'a> {
    e: &'e Evidence<'a>,
    winner: &'e Seen<'a>,
    curve: &'a KindCurve,
    best: Option<Seen<'a>>,
}

impl<'a> Loser<'_, 'a> {
    /// Whether it was measured, and this holds for its fastest cell.
    fn measured(&self, holds: impl FnOnce(&Seen<'a>) -> bool) -> bool {
        self.best.as_ref().is_some_and(holds)
    }

    fn gains_nothing(&self) -> bool {
        self.measured(|best| {
            best.summary
                .speedup
                .is_some_and(|speedup| speedup < NO_GAIN)
        })
    }

    fn computing(&self) -> bool {
        self.e
            .computing_share()
            .is_some_and(|share| share >= COMPUTING)
    }

    /// The most cores that it kept busy with two workers or more.
    fn busiest(&self) -> Option<Seen<'a>> {
        self.e
            .cells_of(&self.curve.kind)
            .filter(|cell| cell.workers > 1)
            .max_by(|a, b| a.summary.cpu_cores.total_cmp(&b.summary.cpu_cores))
            .copied()
    }

    fn word(&self, word: &str) -> Option<String> {
        match word {
            "kinds" => Some(kinds::plural(&self.curve.kind)),
            "why" => {
                let skipped = self
                    .curve
                    .cells
                    .iter()
                    .find_map(|cell| cell.skipped.as_deref());
                Some(
                    skipped
                        .unwrap_or("not measured")
                        .trim_end_matches('.')
                        .to_owned(),
                )
            }
            _ => match word.split_once('.') {
                Some(("busiest", figure)) => self.e.figure(&self.busiest()?, figure),
                Some(("its", figure)) => self.e.figure(&self.best?, figure),
                Some(("winner", figure)) => self.e.figure(self.winner, figure),
                _ => self.e.word(word),
            },
        }
    }
}

pub(super) struct Reason {
    /// Stable name, also in the JSON document.
    pub(super) name: &'static str,
    when: fn(&Loser<'_, '_>) -> bool,
    /// How it is told, as a clause; `{its.*}` is the kind's fastest cell.
    pub(super) clause: &'static str,
}

/// In order of precedence. The last one always holds.
pub(super) const REASONS: &[Reason] = &[
    Reason {
        name: "not-measured",
        when: |l| l.best.is_none(),
        clause: "{kinds} could not be measured ({why})",
    },
    Reason {
        name: "as-fast-but-larger",
        when: |l| {
            l.winner.kind != SERIAL
                && l.measured(|best| {
                    best.equals(l.winner) && best.total_memory() > l.winner.total_memory()
                })
        },
        clause: "{kinds} are as fast, but cost {its.each} of memory each",
    },
    Reason {
        name: "as-fast",
        when: |l| l.winner.kind != SERIAL && l.measured(|best| best.equals(l.winner)),
        clause: "{kinds} are as fast, but no faster",
    },
    Reason {
        name: "short-tasks",
        when: |l| {
            let swamped =
                l.measured(|best| best.summary.speedup.is_some_and(|gain| gain < SWAMPED));
            let short = kinds::short_task_s(&l.curve.kind);
            swamped && l.e.task_s().is_some_and(|task| task < short)
        },
        clause: "{kinds} lose more by handing over tasks of {task} than they gain",
    },
    Reason {
        name: "one-core",
        when: |l| l.gains_nothing() && l.computing() && l.e.facts.machine.usable_cpus == 1,
        clause: "{kinds} gain nothing, since one core is all there is to compute on",
    },
    Reason {
        name: "gil",
        when: |l| {
            let python = &l.e.facts.machine.python;
            l.curve.kind == "thread"
                && python.gil != Gil::Disabled
                && l.gains_nothing()
                && l.computing()
                && l.busiest().is_some_and(|cell| {
                    let held = cell.summary.gil.map_or(0.0, |gil| gil.held);
                    cell.summary.cpu_cores <= ONE_CORE || held >= GIL_BUSY
                })
        },
        clause: "{kinds} gain nothing ({its.speedup} times at best), because the GIL lets only one \
                 of them compute at a time ({busiest.cores} cores busy with {busiest.workers} of \
                 them{busiest.gil})",
    },
    Reason {
        name: "pickling",
        when: |l| {
            let compute = l.e.computing_s().unwrap_or(f64::INFINITY);
            l.measured(|best| best.summary.pickle_s.is_some_and(|pickle| pickle > compute))
        },
        clause: "{kinds} spend {its.pickle} on pickling arguments and results, more than the \
                 {compute} of computing",
    },
    Reason {
        name: "start-up",
        when: |l| {
            let work =
                l.e.serial
                    .map_or(f64::INFINITY, |serial| serial.wall * l.e.full_scale());
            l.measured(|best| best.startup() > work)
        },
        clause: "{kinds} take {its.startup} to start, longer than the whole work",
    },
    Reason {
        name: "no-gain",
        when: |l| l.gains_nothing(),
        clause: "{kinds} gain nothing ({its.speedup} times at best)",
    },
    Reason {
        name: "several-machines",
        when: |l| {
            kinds::is_distributed(&l.curve.kind) && l.measured(|best| best.total_memory().is_some())
        },
        clause: "{kinds} reach {its.speedup} times at best, cost {its.each} of memory each, and are \
                 made for several machines",
    },
    Reason {
        name: "slower",
        when: |_| true,
        clause: "{kinds} reach {its.speedup} times at best ({its.wall} with {its.workers})",
    },
];

/// Why the winner gains and the others lose: the rules that apply, as `kind: rule`, and at most one sentence.
pub(super) fn explain<'a>(e: &Evidence<'a>, winner: &Seen<'a>) -> (Vec<String>, Option<String>) {
    let mut names = Vec::new();
    let mut clauses = Vec::new();
    if let Some(strength) = strengths::of(e, winner) {
        names.push(format!("{}: {}", winner.kind, strength.name));
        clauses.push(strength.clause.to_owned());
    }
    for curve in e
        .facts
        .kinds
        .iter()
        .filter(|curve| curve.kind != winner.kind)
    {
        let loser = Loser {
            e,
            winner,
            curve,
            best: e.best_of(&curve.kind),
        };
        if let Some(reason) = REASONS.iter().find(|reason| (reason.when)(&loser)) {
            names.push(format!("{}: {}", curve.kind, reason.name));
            clauses.push(template::fill(reason.clause, |word| loser.word(word)));
        }
    }
    let nature = nature::of(e).map(|nature| template::fill(nature.clause, |word| e.word(word)));
    let sentence = nature.map(|nature| {
        if clauses.is_empty() {
            format!("{nature}.")
        } else {
            format!("{nature}: {}.", clauses.join("; "))
        }
    });
    (names, sentence)
}
