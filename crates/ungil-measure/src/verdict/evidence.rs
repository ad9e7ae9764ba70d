//! What the rules may look at: who beats whom, and who costs what.

use crate::comparison::{
    AnalysisOptions, Cell, Interval, KindCurve, Machine, Memory, Scaling, Summary,
};
use crate::statistics::Sample;
use crate::warning::{Code, Warning};

/// A gain below this share of the baseline's time is not worth a pool.
pub const MIN_GAIN: f64 = 0.05;

/// Cells whose intervals overlap and whose medians differ by no more than this share are equally
/// fast; the cheaper one is preferred.
pub const SAME_SPEED: f64 = 0.10;

/// Cells whose medians differ by no more than this share are equally fast, however sure the
/// difference is: it is not worth more workers or more memory.
pub const NEARLY_SAME: f64 = 0.03;

/// With fewer than 3 runs the spread is unknown, and decisions assume this share either way.
pub const ASSUMED_SPREAD: f64 = 0.20;

/// Share of computing from which work is cpu-bound.
pub(super) const CPU_BOUND: f64 = 0.8;

/// A speed-up of cpu-bound work beyond so many times the cores in use is a mistake of the measuring.
const TOO_GOOD: f64 = 1.5;

/// Share of computing in a serial run from which the work counts as computing.
pub(super) const COMPUTING: f64 = 0.6;

/// The figures of one workload, as they come from the summaries.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Where it ran.
    pub machine: &'a Machine,
    /// How the figures were derived.
    pub options: &'a AnalysisOptions,
    /// Tasks per run.
    pub tasks: usize,
    /// How the size was changed.
    pub scaling: Option<&'a Scaling>,
    /// The baseline.
    pub serial: &'a Cell,
    /// The curves, cheapest kind first.
    pub kinds: &'a [KindCurve],
    /// What may make the figures worth less.
    pub warnings: &'a [Warning],
}

/// One measured cell, ready to be compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) kind: &'a str,
    /// Position of the kind in the registry: cheaper kinds come first.
    pub(super) rank: usize,
    pub(super) workers: usize,
    pub(super) runs: usize,
    pub(super) wall: f64,
    /// The interval that decisions use: the bootstrap's, or an assumed one.
    pub(super) range: Interval,
    pub(super) assumed: bool,
    pub(super) summary: &'a Summary,
}

impl<'a> Seen<'a> {
    fn of(cell: &'a Cell, rank: usize) -> Option<Self> {
        let summary = cell.summary.as_ref()?;
        let wall = summary.wall_s;
        let assumed = wall.interval.is_none();
        let range = wall.interval.unwrap_or(Interval {
            low: wall.min * (1.0 - ASSUMED_SPREAD),
            high: wall.max * (1.0 + ASSUMED_SPREAD),
        });
        let (kind, workers, runs) = (cell.kind.as_str(), cell.workers, cell.runs.len());
        Some(Self {
            kind,
            rank,
            workers,
            runs,
            wall: wall.median,
            range,
            assumed,
            summary,
        })
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.range.low <= other.range.high && other.range.low <= self.range.high
    }

    /// Clearly faster: the intervals are apart.
    pub(super) fn beats(&self, other: &Self) -> bool {
        self.range.high < other.range.low
    }

    /// As fast, within the noise or within what matters.
    pub(super) fn equals(&self, other: &Self) -> bool {
        let (fast, slow) = (self.wall.min(other.wall), self.wall.max(other.wall));
        let tolerance = if self.overlaps(other) {
            SAME_SPEED
        } else {
            NEARLY_SAME
        };
        slow <= fast * (1.0 + tolerance)
    }

    /// Cell for cell the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        (self.kind, self.workers) == (other.kind, other.workers)
    }

    pub(super) fn startup(&self) -> f64 {
        self.summary.startup_s.unwrap_or(0.0)
    }

    /// Memory of all its workers.
    pub(super) fn total_memory(&self) -> Option<u64> {
        let Memory { pss_bytes, .. } = self.summary.memory?;
        pss_bytes.checked_mul(self.workers as u64)
    }
}

/// Everything the rules may look at.
pub(super) struct Evidence<'a> {
    pub(super) facts: Facts<'a>,
    /// The baseline, where it was measured and takes time.
    pub(super) serial: Option<Seen<'a>>,
    /// All other measured cells.
    pub(super) cells: Vec<Seen<'a>>,
    /// The fastest cell of all.
    pub(super) fastest: Option<Seen<'a>>,
    /// The fastest cell that beats the baseline, start-up left aside.
    pub(super) fastest_warm: Option<Seen<'a>>,
    /// The fastest cell that beats the baseline and whose gain pays for its start-up.
    pub(super) best: Option<Seen<'a>>,
    /// The cheapest cell as fast as `best`.
    pub(super) choice: Option<Seen<'a>>,
    /// A cell of another kind that noise keeps from being told apart from `best`.
    pub(super) rival: Option<Seen<'a>>,
}

impl<'a> Evidence<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Self {
        let facts = *facts;
        let serial = Seen::of(facts.serial, 0).filter(|serial| serial.wall > 0.0);
        let cells: Vec<Seen<'a>> = facts
            .kinds
            .iter()
            .enumerate()
            .flat_map(|(rank, curve)| curve.cells.iter().filter_map(move |c| Seen::of(c, rank)))
            .collect();
        let fastest = fastest_of(cells.iter());
        let mut evidence = Self {
            facts,
            serial,
            cells,
            fastest,
            fastest_warm: None,
            best: None,
            choice: None,
            rival: None,
        };
        let winners: Vec<Seen<'a>> = evidence
            .cells
            .iter()
            .filter(|cell| evidence.gains(cell))
            .copied()
            .collect();
        let paying: Vec<Seen<'a>> = winners
            .iter()
            .filter(|cell| evidence.pays(cell))
            .copied()
            .collect();
        evidence.fastest_warm = fastest_of(winners.iter());
        evidence.best = fastest_of(paying.iter());
        if let Some(best) = evidence.best {
            evidence.choice = cheapest(paying.iter().filter(|cell| cell.equals(&best)));
            evidence.rival =
                fastest_of(evidence.best_of_other_kinds(best.kind).filter(|cell| {
                    evidence.pays(cell) && cell.overlaps(&best) && !cell.equals(&best)
                }));
        }
        evidence
    }

    /// Clearly faster than the baseline, and by enough.
    fn gains(&self, cell: &Seen<'_>) -> bool {
        self.serial.is_some_and(|serial| {
            cell.beats(&serial) && cell.wall <= serial.wall * (1.0 - MIN_GAIN)
        })
    }

    /// Whether it gains too little even at the lucky end of its interval, against the baseline's
    /// unlucky end.
    pub(super) fn cannot_gain(&self, cell: &Seen<'_>) -> bool {
        self.serial
            .is_some_and(|serial| cell.range.low > serial.range.high * (1.0 - MIN_GAIN))
    }

    /// Whether one batch of full-size work gains more than the start-up costs.
    fn pays(&self, cell: &Seen<'_>) -> bool {
        self.full_gain(cell) > cell.startup()
    }

    /// Seconds that the cell saves on one batch of full size.
    pub(super) fn full_gain(&self, cell: &Seen<'_>) -> f64 {
        self.serial
            .map_or(0.0, |serial| (serial.wall - cell.wall) * self.full_scale())
    }

    /// Full size over measured size, at least 1.
    pub(super) fn full_scale(&self) -> f64 {
        let scaling = self.facts.scaling.filter(|scaling| scaling.to > 0);
        scaling.map_or(1.0, |scaling| {
            (scaling.from as f64 / scaling.to as f64).max(1.0)
        })
    }

    /// The measured cells of a kind.
    pub(super) fn cells_of(&self, kind: &str) -> impl Iterator<Item = &Seen<'a>> {
        self.cells.iter().filter(move |cell| cell.kind == kind)
    }

    /// The fastest cell of a kind.
    pub(super) fn best_of(&self, kind: &str) -> Option<Seen<'a>> {
        fastest_of(self.cells_of(kind))
    }

    /// The fastest cell of every kind but this one.
    pub(super) fn best_of_other_kinds(&self, kind: &str) -> std::vec::IntoIter<&Seen<'a>> {
        let mut best: Vec<&Seen<'a>> = Vec::new();
        for cell in self.cells.iter().filter(|cell| cell.kind != kind) {
            match best.iter_mut().find(|known| known.kind == cell.kind) {
                Some(known) if cell.wall < known.wall => *known = cell,
                Some(_) => {}
                None => best.push(cell),
            }
        }
        best.into_iter()
    }

    /// Share of a serial run that is computing, at most 1. Time in which it was ready to compute and other programs had
    /// the cores does not count: it would look like waiting.
    pub(super) fn computing_share(&self) -> Option<f64> {
        self.serial?;
        let shares = self.facts.serial.runs.iter().filter_map(|run| {
            let ran = run.wall_s - run.queued_s.unwrap_or(0.0);
            (ran > 0.0).then(|| (run.cpu_s / ran).min(1.0))
        });
        Sample::new(shares).map(|shares| shares.median())
    }

    /// Whether it computes faster than so many cores can, beyond what caches may explain.
    pub(super) fn is_too_good(&self, cell: &Seen<'_>) -> bool {
        let computing = self
            .computing_share()
            .is_some_and(|share| share >= CPU_BOUND);
        let most = TOO_GOOD * self.cores_for(cell) as f64;
        computing
            && !super::kinds::is_compiled(cell.kind)
            && cell.summary.speedup.is_some_and(|speedup| speedup > most)
    }

    /// Cores that its workers can keep busy.
    pub(super) fn cores_for(&self, cell: &Seen<'_>) -> usize {
        cell.workers.min(self.facts.machine.usable_cpus).max(1)
    }

    /// CPU seconds of a serial run.
    pub(super) fn computing_s(&self) -> Option<f64> {
        self.serial
            .map(|serial| serial.summary.cpu_cores * serial.wall)
    }

    /// Time of one task in a serial run.
    pub(super) fn task_s(&self) -> Option<f64> {
        let serial = self.serial.filter(|_| self.facts.tasks > 0)?;
        Some(serial.wall / self.facts.tasks as f64)
    }

    /// The cells that the verdict rests on.
    pub(super) fn decisive(&self) -> Vec<Seen<'a>> {
        self.serial
            .into_iter()
            .chain(self.choice.or(self.fastest))
            .collect()
    }

    /// Whether something disturbed the measuring.
    pub(super) fn disturbed(&self) -> bool {
        let codes = [
            Code::Outliers,
            Code::Load,
            Code::Steal,
            Code::Throttled,
            Code::Frequency,
        ];
        self.facts
            .warnings
            .iter()
            .any(|warning| codes.contains(&warning.code))
    }
}

fn fastest_of<'b, 'a: 'b>(cells: impl Iterator<Item = &'b Seen<'a>>) -> Option<Seen<'a>> {
    cells.min_by(|a, b| a.wall.total_cmp(&b.wall)).copied()
}

/// Within a kind the fewest workers; between kinds the least memory, then the kind that the
/// registry lists first.
fn cheapest<'b, 'a: 'b>(cells: impl Iterator<Item = &'b Seen<'a>>) -> Option<Seen<'a>> {
    let mut fewest: Vec<Seen<'a>> = Vec::new();
    for cell in cells {
        match fewest.iter_mut().find(|known| known.kind == cell.kind) {
            Some(known) if cell.workers < known.workers => *known = *cell,
            Some(_) => {}
            None => fewest.push(*cell),
        }
    }
    // Memory decides only where it is known of all.
    let known = fewest.iter().all(|cell| cell.total_memory().is_some());
    fewest
        .into_iter()
        .min_by_key(|cell| (cell.total_memory().filter(|_| known), cell.rank))
}
