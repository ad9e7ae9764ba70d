//! One fixture per rule, and what must hold whatever the figures are.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Confidence, Verdict, decisions, nature, reasons, strengths};
use crate::comparison::{
    Comparison, Gil, GilUse, Machine, MemorySample, Python, RawCell, RawComparison, RawWorkload,
    RunSample, SERIAL, Scaling, Settings,
};
use crate::statistics::SplitMix64;
use crate::{AnalysisOptions, analyse};

/// A workload put together from a few figures.
#[derive(Clone, Debug)]
struct Fixture {
    cores: usize,
    gil: Gil,
    tasks: usize,
    scaling: Option<Scaling>,
    serial: RawCell,
    cells: Vec<RawCell>,
}

impl Fixture {
    /// A machine of four cores whose plain loop takes so long and keeps so many cores busy.
    fn new(serial_wall: f64, serial_cores: f64) -> Self {
        Self {
            cores: 4,
            gil: Gil::Enabled,
            tasks: 24,
            scaling: None,
            serial: cell(SERIAL, 1, serial_wall, serial_cores),
            cells: Vec::new(),
        }
    }

    fn with(mut self, cell: RawCell) -> Self {
        self.cells.push(cell);
        self
    }

    fn compare(self) -> Comparison {
        let python = Python {
            gil: self.gil,
            ..Python::default()
        };
        let machine = Machine {
            online_cpus: self.cores,
            usable_cpus: self.cores,
            python,
            ..Machine::default()
        };
        let kinds = ["thread", "interpreter", "process", "dask"]
            .map(str::to_owned)
            .to_vec();
        let raw = RawComparison {
            machine,
            settings: Settings {
                kinds,
                ..Settings::default()
            },
            workloads: vec![RawWorkload {
                name: "work".into(),
                tasks: self.tasks,
                scaling: self.scaling,
                serial: self.serial,
                cells: self.cells,
            }],
            ..RawComparison::default()
        };
        analyse(raw, &AnalysisOptions::default())
    }

    fn verdict(self) -> Verdict {
        self.compare().workloads.remove(0).verdict
    }
}

/// Seven runs within one percent of `wall`, `cores` busy.
fn cell(kind: &str, workers: usize, wall: f64, cores: f64) -> RawCell {
    let walls = [0.996, 1.004, 0.992, 1.0, 1.008, 0.998, 1.002].map(|factor| wall * factor);
    let runs = walls.map(|wall_s| RunSample {
        wall_s,
        cpu_s: cores * wall_s,
        ..Default::default()
    });
    RawCell {
        kind: kind.into(),
        workers,
        runs: runs.to_vec(),
        ..RawCell::default()
    }
}

/// A process cell with its memory and start-up.
fn process(workers: usize, wall: f64, cores: f64) -> RawCell {
    let memory = MemorySample {
        pss_bytes: 14_000_000,
        uss_bytes: 11_000_000,
    };
    RawCell {
        memory: vec![memory; workers],
        startup_s: vec![0.08, 0.09, 0.08],
        ..cell("process", workers, wall, cores)
    }
}

fn thread(workers: usize, wall: f64, cores: f64) -> RawCell {
    let memory = MemorySample {
        pss_bytes: 90_000,
        uss_bytes: 90_000,
    };
    RawCell {
        memory: vec![memory; workers],
        startup_s: vec![0.001],
        ..cell("thread", workers, wall, cores)
    }
}

fn noisy(mut cell: RawCell) -> RawCell {
    let median = cell.runs[3].wall_s;
    for (run, factor) in cell
        .runs
        .iter_mut()
        .zip([0.6, 1.5, 0.7, 1.0, 1.4, 0.65, 1.6])
    {
        run.wall_s = median * factor;
    }
    cell
}

fn winner(verdict: &Verdict) -> Option<(&str, usize)> {
    verdict
        .winner
        .as_ref()
        .map(|winner| (winner.kind.as_str(), winner.workers))
}

/// The lecture's `cpu`: threads gain nothing, processes scale.
fn lecture_cpu() -> Fixture {
    Fixture::new(2.4, 1.0)
        .with(thread(1, 2.42, 1.0))
        .with(thread(2, 2.45, 1.02))
        .with(thread(4, 2.5, 1.05))
        .with(process(1, 2.45, 1.0))
        .with(process(2, 1.25, 1.98))
        .with(process(4, 0.65, 3.8))
}

/// Waiting work that both kinds overlap equally well.
fn waiting() -> Fixture {
    Fixture::new(2.4, 0.05)
        .with(thread(2, 1.2, 0.1))
        .with(thread(4, 0.6, 0.2))
        .with(process(2, 1.21, 0.1))
        .with(process(4, 0.605, 0.2))
}

#[test]
fn clear_winner_of_the_lectures_cpu() {
    let verdict = lecture_cpu().verdict();
    assert_eq!(verdict.rule, "clear-winner");
    assert_eq!(winner(&verdict), Some(("process", 4)));
    assert_eq!(verdict.confidence, Confidence::High);
    assert_eq!(verdict.reasons, ["thread: gil"]);
    assert_eq!(
        verdict.sentences,
        [
            "Use 4 processes: 3.69 times as fast as a plain loop (650 ms instead of 2.40 s), for \
             14.0 MB of memory per worker (56.0 MB in all).",
            "The work is cpu-bound (100 % of the plain loop's time is computing): threads gain \
             nothing (0.99 times at best), because the GIL lets only one of them compute at a time \
             (1.05 cores busy with 4 of them).",
            "This is sure: the 95 % intervals of 7 runs per cell leave no doubt.",
        ]
    );
}

#[test]
fn equal_kinds_go_to_the_smaller_one() {
    let verdict = waiting().verdict();
    assert_eq!(winner(&verdict), Some(("thread", 4)));
    assert_eq!(verdict.reasons, ["process: as-fast-but-larger"]);
    assert_eq!(
        verdict.sentences[1],
        "The tasks spend 95 % of their time waiting: processes are as fast, but \
         cost 14.0 MB of memory each."
    );
}

#[test]
fn fewer_workers_win_within_the_noise() {
    let verdict = lecture_cpu().with(process(8, 0.645, 3.9)).verdict();
    assert_eq!(verdict.rule, "cheapest-of-equals");
    assert_eq!(winner(&verdict), Some(("process", 4)));
    assert!(
        verdict.sentences[0]
            .contains("the fastest, 8 processes with 645 ms, gains next to nothing"),
        "{:?}",
        verdict.sentences
    );
}

#[test]
fn serial_wins_where_no_pool_gains() {
    let verdict = Fixture::new(1.0, 1.0)
        .with(thread(2, 1.05, 1.0))
        .with(process(2, 1.2, 1.0))
        .verdict();
    assert_eq!(verdict.rule, "serial-wins");
    assert_eq!(winner(&verdict), Some((SERIAL, 1)));
    assert_eq!(verdict.confidence, Confidence::High);
    assert!(verdict.sentences[0].starts_with("Keep the plain loop: it takes 1.00 s"));
}

#[test]
fn start_up_larger_than_the_gain_keeps_the_loop() {
    let verdict = Fixture::new(0.1, 1.0).with(process(2, 0.06, 1.9)).verdict();
    assert_eq!(verdict.rule, "start-up-eats-the-gain");
    assert_eq!(winner(&verdict), Some((SERIAL, 1)));
    assert!(
        verdict.sentences[0].contains("stays for 2 batches or more"),
        "{verdict:?}"
    );
}

#[test]
fn start_up_is_weighed_against_the_full_size() {
    let mut fixture = Fixture::new(0.1, 1.0).with(process(2, 0.06, 1.9));
    fixture.scaling = Some(Scaling {
        what: "iterations".into(),
        from: 1_000_000,
        to: 10_000,
        reason: String::new(),
    });
    assert_eq!(winner(&fixture.verdict()), Some(("process", 2)));
}

#[test]
fn noise_over_the_baseline_leaves_no_winner() {
    let verdict = Fixture::new(1.0, 1.0)
        .with(noisy(thread(2, 0.9, 1.0)))
        .verdict();
    assert_eq!(verdict.rule, "no-clear-winner-over-serial");
    assert_eq!(
        (winner(&verdict), verdict.confidence),
        (None, Confidence::None)
    );
    assert!(
        verdict.sentences[0].starts_with("No clear winner: 2 threads took "),
        "{verdict:?}"
    );
}

#[test]
fn a_noisy_baseline_does_not_win() {
    let mut fixture = Fixture::new(1.0, 1.0).with(thread(2, 0.75, 1.0));
    fixture.serial = noisy(fixture.serial);
    assert_eq!(fixture.verdict().rule, "no-clear-winner-over-serial");
}

#[test]
fn noise_between_kinds_leaves_no_winner() {
    let verdict = Fixture::new(4.0, 0.1)
        .with(thread(4, 1.0, 0.2))
        .with(noisy(process(4, 1.25, 0.2)))
        .verdict();
    assert_eq!(verdict.rule, "no-clear-winner-between-kinds");
    assert_eq!(winner(&verdict), None);
}

#[test]
fn without_pools_or_baseline_there_is_nothing_to_compare() {
    assert_eq!(Fixture::new(1.0, 1.0).verdict().rule, "nothing-to-compare");
    let mut fixture = lecture_cpu();
    fixture.serial.runs.clear();
    assert_eq!(fixture.verdict().rule, "nothing-to-compare");
}

#[test]
fn few_runs_lower_the_confidence() {
    let cut = |runs: usize| {
        let mut fixture = lecture_cpu();
        for cell in fixture.cells.iter_mut().chain([&mut fixture.serial]) {
            cell.runs.truncate(runs);
        }
        fixture.verdict()
    };
    let one = cut(1);
    assert_eq!(
        (winner(&one), one.confidence),
        (Some(("process", 4)), Confidence::Low)
    );
    assert!(
        one.sentences[2].contains("with 1 run per cell the spread is unknown"),
        "{one:?}"
    );
    assert_eq!(cut(4).confidence, Confidence::Moderate);
    assert!(cut(4).sentences[2].contains("4 runs per cell show little"));
}

#[test]
fn one_run_with_a_small_gap_names_no_winner() {
    let mut fixture = Fixture::new(1.0, 1.0).with(thread(2, 0.8, 1.0));
    fixture.serial.runs.truncate(1);
    fixture.cells[0].runs.truncate(1);
    assert_eq!(fixture.verdict().winner, None);
}

#[test]
fn disturbances_lower_the_confidence() {
    let mut fixture = lecture_cpu();
    fixture.cells[5].runs[3].wall_s = 3.0;
    let verdict = fixture.verdict();
    assert_eq!(verdict.confidence, Confidence::Moderate);
    assert!(verdict.sentences[2].contains("disturbed"), "{verdict:?}");
}

#[test]
fn narrow_margins_lower_the_confidence() {
    let verdict = Fixture::new(1.0, 1.0).with(thread(2, 0.93, 1.0)).verdict();
    assert_eq!(
        (winner(&verdict), verdict.confidence),
        (Some(("thread", 2)), Confidence::Moderate)
    );
    assert!(
        verdict.sentences[2].contains("close together"),
        "{verdict:?}"
    );
}

/// Every reason, by the fixture that calls for it.
fn reason_of(fixture: Fixture, kind: &str) -> String {
    let verdict = fixture.verdict();
    let prefix = format!("{kind}: ");
    let found = verdict
        .reasons
        .iter()
        .find_map(|reason| reason.strip_prefix(&prefix));
    found
        .unwrap_or_else(|| panic!("no reason for {kind} in {verdict:?}"))
        .to_owned()
}

fn reason_fixtures() -> Vec<(&'static str, &'static str, Fixture)> {
    let skipped = RawCell {
        kind: "interpreter".into(),
        workers: 2,
        skipped: Some("Python 3.11 has no interpreters.".into()),
        ..RawCell::default()
    };
    let mut one_core = Fixture::new(1.0, 1.0).with(process(2, 1.02, 1.0));
    one_core.cores = 1;
    let mut free = lecture_cpu();
    free.gil = Gil::Disabled;
    let mut pickling = process(2, 3.0, 1.5);
    pickling
        .runs
        .iter_mut()
        .for_each(|run| run.pickle_s = Some(2.5));
    let mut slow_start = process(2, 1.5, 1.5);
    slow_start.startup_s = vec![5.0];
    let mut short = Fixture::new(0.05, 1.0).with(cell("process", 2, 0.2, 1.5));
    short.tasks = 1000;
    let mut dask = cell("dask", 4, 0.9, 3.0);
    dask.memory = vec![memory(95_000_000)];
    vec![
        ("interpreter", "not-measured", lecture_cpu().with(skipped)),
        ("process", "as-fast-but-larger", waiting()),
        (
            "dask",
            "as-fast",
            waiting().with(cell("dask", 4, 0.61, 0.3)),
        ),
        ("process", "one-core", one_core),
        ("thread", "gil", lecture_cpu()),
        ("thread", "no-gain", free),
        ("thread", "gil", held_by_two_busy_cores()),
        ("process", "pickling", Fixture::new(2.0, 1.0).with(pickling)),
        (
            "process",
            "start-up",
            Fixture::new(1.0, 1.0).with(slow_start),
        ),
        ("process", "short-tasks", short),
        ("dask", "several-machines", lecture_cpu().with(dask)),
        (
            "thread",
            "slower",
            lecture_cpu().with(cell("thread", 8, 1.3, 2.0)),
        ),
    ]
}

/// Threads that keep more than one core busy, with a GIL that is hardly ever free.
fn held_by_two_busy_cores() -> Fixture {
    let mut thread = cell("thread", 2, 2.0, 1.6);
    for run in &mut thread.runs {
        run.gil = Some(GilUse {
            held: 0.97 * run.wall_s,
            waited: 0.9 * run.wall_s,
        });
    }
    Fixture::new(2.0, 1.0)
        .with(thread)
        .with(process(2, 1.0, 1.9))
}

#[test]
fn the_share_that_the_gil_was_held_is_told_where_it_was_seen() {
    let told = |fixture: Fixture| fixture.verdict().sentences.join(" ");
    assert!(told(held_by_two_busy_cores()).contains("of them; it was held 97 % of the time)"));
    assert!(told(lecture_cpu()).contains("of them)"));
}

#[test]
fn every_reason_has_its_fixture() {
    let mut seen = BTreeSet::new();
    for (kind, expected, fixture) in reason_fixtures() {
        assert_eq!(reason_of(fixture, kind), expected);
        seen.insert(expected);
    }
    let all: BTreeSet<&str> = reasons::REASONS.iter().map(|reason| reason.name).collect();
    assert_eq!(seen, all);
}

/// The lecture's `cpu` where Python has interpreters, as fast as processes and smaller.
fn lecture_cpu_with_interpreters() -> Fixture {
    let mut interpreters = cell("interpreter", 4, 0.66, 3.8);
    interpreters.memory = vec![memory(5_000_000); 4];
    lecture_cpu().with(interpreters)
}

fn memory(bytes: u64) -> MemorySample {
    MemorySample {
        pss_bytes: bytes,
        uss_bytes: bytes,
    }
}

#[test]
fn interpreters_win_by_a_gil_each() {
    let verdict = lecture_cpu_with_interpreters().verdict();
    assert_eq!(winner(&verdict), Some(("interpreter", 4)));
    assert_eq!(
        verdict.reasons,
        [
            "interpreter: own-gil",
            "thread: gil",
            "process: as-fast-but-larger"
        ]
    );
    assert!(
        verdict.sentences[1].contains(
            "interpreters compute in parallel, since each has a GIL of its own; threads gain nothing"
        ),
        "{verdict:?}"
    );
}

#[test]
fn a_gil_each_is_no_strength_where_there_is_none() {
    let mut fixture = lecture_cpu_with_interpreters();
    fixture.gil = Gil::Disabled;
    let reasons = fixture.verdict().reasons;
    assert!(!reasons.contains(&"interpreter: own-gil".to_owned()));
}

#[test]
fn time_without_a_core_is_not_waiting() {
    let mut fixture = lecture_cpu();
    for run in &mut fixture.serial.runs {
        run.cpu_s = 0.4 * run.wall_s;
        run.queued_s = Some(0.59 * run.wall_s);
    }
    assert_eq!(
        fixture.clone().verdict().nature.as_deref(),
        Some("cpu-bound")
    );
    for run in &mut fixture.serial.runs {
        run.queued_s = None;
    }
    assert_eq!(fixture.verdict().nature.as_deref(), Some("waiting"));
}

#[test]
fn more_than_the_cores_can_give_is_no_result() {
    let mut fixture = Fixture::new(2.4, 1.0).with(process(2, 0.4, 1.9));
    fixture.cells[0].runs[3].wall_s = 3.0; // an outlier: something disturbed the measuring
    let verdict = fixture.clone().verdict();
    assert_eq!(verdict.rule, "more-than-the-cores-can-give");
    assert_eq!(winner(&verdict), None);
    assert!(
        verdict.sentences[0].contains("more than 2 cores can compute"),
        "{verdict:?}"
    );
    // Waiting has no such limit.
    fixture
        .serial
        .runs
        .iter_mut()
        .for_each(|run| run.cpu_s = 0.1);
    assert_eq!(winner(&fixture.verdict()), Some(("process", 2)));
}

#[test]
fn what_is_a_short_task_depends_on_the_way_to_the_worker() {
    // 24 tasks of 2 ms.
    let swamped = |kind| Fixture::new(0.048, 1.0).with(cell(kind, 2, 0.2, 1.0));
    assert_eq!(reason_of(swamped("dask"), "dask"), "short-tasks");
    assert_eq!(reason_of(swamped("process"), "process"), "no-gain");
}

#[test]
fn every_nature_has_its_sentence() {
    let mut seen = BTreeSet::new();
    for (cores, start) in [
        (1.0, "The work is cpu-bound (100 %"),
        (0.65, "The tasks compute for 65 %"),
        (0.1, "The tasks spend 90 % of their time waiting"),
    ] {
        let verdict = Fixture::new(1.0, cores).with(thread(2, 1.1, 1.0)).verdict();
        assert!(verdict.sentences[1].starts_with(start), "{verdict:?}");
        seen.insert(start);
    }
    assert_eq!(seen.len(), nature::NATURES.len());
}

#[test]
fn unknown_kinds_win_and_lose_by_their_own_name() {
    let verdict = lecture_cpu().with(cell("quantum", 2, 0.1, 0.1)).verdict();
    assert_eq!(winner(&verdict), Some(("quantum", 2)));
    assert!(
        verdict.sentences[0].starts_with("Use 2 quantum workers: 24.0 times"),
        "{verdict:?}"
    );
    let verdict = lecture_cpu().with(cell("quantum", 1, 1.5, 0.1)).verdict();
    assert!(
        verdict.sentences[1].contains("quantum workers reach 1.60 times at best (1.50 s with 1)"),
        "{verdict:?}"
    );
}

#[test]
fn names_are_unique_and_stable() {
    let decisions: Vec<&str> = decisions::DECISIONS.iter().map(|rule| rule.name).collect();
    assert_eq!(
        decisions,
        [
            "nothing-to-compare",
            "serial-wins",
            "start-up-eats-the-gain",
            "no-clear-winner-over-serial",
            "more-than-the-cores-can-give",
            "no-clear-winner-between-kinds",
            "cheapest-of-equals",
            "clear-winner",
        ]
    );
}

/// Seven runs whose times scatter by so much either way.
fn scattered(mut cell: RawCell, scatter: f64, random: &mut SplitMix64) -> RawCell {
    for run in &mut cell.runs {
        run.wall_s *= 1.0 + scatter * (random.below(2001) as f64 / 1000.0 - 1.0);
    }
    cell
}

/// How often a pool of this wall time wins over a loop of 1 s, in 300 noisy comparisons.
fn wins(pool_wall: f64, scatter: f64) -> usize {
    let mut random = SplitMix64::new(17);
    let verdicts = (0..300).map(|_| {
        let mut fixture = Fixture::new(1.0, 0.1);
        fixture.serial = scattered(fixture.serial, scatter, &mut random);
        let pool = scattered(thread(2, pool_wall, 0.1), scatter, &mut random);
        fixture.with(pool).verdict()
    });
    verdicts
        .filter(|verdict| winner(verdict) == Some(("thread", 2)))
        .count()
}

#[test]
fn noise_seldom_makes_a_winner_and_seldom_hides_one() {
    for scatter in [0.01, 0.05, 0.2, 0.5] {
        assert!(
            wins(1.0, scatter) <= 3,
            "equals at {scatter}: {}",
            wins(1.0, scatter)
        );
        assert!(
            wins(1.1, scatter) <= 3,
            "slower at {scatter}: {}",
            wins(1.1, scatter)
        );
    }
    for scatter in [0.01, 0.05, 0.2] {
        assert!(
            wins(0.5, scatter) >= 297,
            "twice as fast at {scatter}: {}",
            wins(0.5, scatter)
        );
    }
}

/// The page for users names every rule.
#[test]
fn rules_are_documented() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verdict.md");
    let page = std::fs::read_to_string(page).expect("docs/verdict.md");
    let decisions = decisions::DECISIONS.iter().map(|rule| rule.name);
    let reasons = reasons::REASONS.iter().map(|rule| rule.name);
    let natures = nature::NATURES.iter().map(|rule| rule.name);
    let strengths = strengths::STRENGTHS.iter().map(|rule| rule.name);
    for name in decisions.chain(reasons).chain(natures).chain(strengths) {
        assert!(
            page.contains(&format!("`{name}`")),
            "{name} is not in docs/verdict.md"
        );
    }
}

fn any_cell(kind: &'static str) -> impl Strategy<Value = RawCell> {
    let runs = prop::collection::vec((0.01..5.0_f64, 0.0..4.0_f64), 0..8);
    let (startup, pss) = (0.0..2.0_f64, 0..50_000_000_u64);
    (1..9_usize, runs, startup, prop::option::of(pss)).prop_map(
        move |(workers, runs, startup, pss)| RawCell {
            kind: kind.into(),
            workers,
            startup_s: vec![startup],
            runs: runs
                .into_iter()
                .map(|(wall_s, cores)| RunSample {
                    wall_s,
                    cpu_s: cores * wall_s,
                    pickle_s: Some(wall_s / 3.0),
                    ..Default::default()
                })
                .collect(),
            memory: pss
                .map(|pss_bytes| MemorySample {
                    pss_bytes,
                    uss_bytes: pss_bytes,
                })
                .into_iter()
                .collect(),
            ..RawCell::default()
        },
    )
}

fn any_fixture() -> impl Strategy<Value = Fixture> {
    let kinds = prop_oneof![any_cell("thread"), any_cell("process"), any_cell("quantum")];
    let gil = prop_oneof![Just(Gil::Enabled), Just(Gil::Disabled), Just(Gil::Unknown)];
    (
        any_cell(SERIAL),
        prop::collection::vec(kinds, 0..7),
        gil,
        1..5_usize,
        0..100_usize,
    )
        .prop_map(|(mut serial, cells, gil, cores, tasks)| {
            serial.workers = 1;
            serial.startup_s.clear();
            Fixture {
                cores,
                gil,
                tasks,
                scaling: None,
                serial,
                cells,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn verdicts_keep_to_the_figures(fixture in any_fixture()) {
        let compared = fixture.compare().workloads.remove(0);
        let verdict = &compared.verdict;
        let text = verdict.sentences.join(" ");
        prop_assert!(!text.contains(['{', '}']), "{text}");
        prop_assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
        prop_assert!((1..=3).contains(&verdict.sentences.len()));
        prop_assert_eq!(verdict.winner.is_none(), verdict.confidence == Confidence::None);

        if verdict.rule == "serial-wins" {
            let serial = compared.serial.summary.as_ref().expect("it won").wall_s;
            for summary in compared.kinds.iter().flat_map(|curve| &curve.cells)
                .filter_map(|cell| cell.summary.as_ref())
            {
                prop_assert!(summary.wall_s.max > 0.95 * serial.median, "{verdict:?}");
            }
        }
        let Some(winner) = verdict.winner.as_ref().filter(|winner| winner.kind != SERIAL) else {
            return Ok(());
        };
        let chosen = compared.kinds.iter().flat_map(|curve| &curve.cells)
            .filter(|cell| cell.kind == winner.kind && cell.workers == winner.workers)
            .filter_map(|cell| cell.summary.as_ref());
        let serial = compared.serial.summary.as_ref().expect("a winner beats something").wall_s;
        // Two cells may share kind and count here; one of them must have earned it.
        let earned = chosen.into_iter().any(|summary| {
            let wall = summary.wall_s;
            match (wall.interval, serial.interval) {
                (Some(mine), Some(theirs)) => mine.high < theirs.low,
                _ => wall.median < serial.median && verdict.confidence == Confidence::Low,
            }
        });
        prop_assert!(earned, "{verdict:?}");
    }

    #[test]
    fn the_same_samples_give_the_same_result(fixture in any_fixture()) {
        prop_assert_eq!(fixture.clone().compare(), fixture.compare());
    }
}
