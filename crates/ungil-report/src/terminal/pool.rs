//! A pool's figures: tasks, latencies, workers, the longest tasks.

use ungil_measure::pool_stats::{PoolStats, Quantiles, TaskCounts, WorkerStats};
use ungil_measure::units;

use super::grid::Grid;
use super::paint::{Paint, clean};
use super::{NARROWEST, TerminalOptions};
use unicode_width::UnicodeWidthStr;

/// A pool's figures as text for a terminal, with a final newline.
pub fn pool(stats: &PoolStats, options: &TerminalOptions) -> String {
    let paint = Paint::new(options.color);
    let mut text = paint.bold(&tasks(&stats.tasks)) + "\n";
    if let Some((sent, received)) = stats.bytes {
        let (sent, received) = (units::bytes(sent), units::bytes(received));
        text += &format!("{sent} sent to workers, {received} received\n");
    }
    text += &block(&latencies(stats), &paint);
    text += &block(&workers(stats, options.width.max(NARROWEST)), &paint);
    text += &block(&longest(stats), &paint);
    text
}

fn tasks(counts: &TaskCounts) -> String {
    let ends = [
        (counts.finished, "finished"),
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
        (counts.crashed, "crashed"),
        (counts.timed_out, "timed out"),
    ];
    let done: u64 = ends.iter().map(|(count, _)| count).sum();
    let unfinished = (counts.submitted.saturating_sub(done), "unfinished");
    let told: Vec<String> = ends
        .into_iter()
        .chain([unfinished, (counts.retried, "retries")])
        // That none has finished is worth telling.
        .filter(|&(count, what)| count > 0 || what == "finished")
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let plural = if counts.submitted == 1 { "" } else { "s" };
    format!("{} task{plural}: {}", counts.submitted, told.join(", "))
}

fn latencies(stats: &PoolStats) -> Vec<String> {
    let mut table = Grid::new();
    table.row(
        String::new(),
        ["p50", "p95", "p99", "max"].map(str::to_owned).into_iter(),
    );
    let latencies = &stats.latencies;
    for (name, quantiles) in [
        ("waiting in the queue", latencies.waiting),
        ("running", latencies.running),
        ("round trip", latencies.round_trip),
    ] {
        let Some(Quantiles { p50, p95, p99, max }) = quantiles else {
            return Vec::new();
        };
        table.row(
            name.to_owned(),
            [p50, p95, p99, max].map(units::seconds).into_iter(),
        );
    }
    table.lines()
}

/// A column of the workers' table, of one worker and of all.
struct Column {
    header: &'static str,
    value: fn(&WorkerStats) -> Option<String>,
    total: fn(&[WorkerStats]) -> Option<String>,
}

/// Those on the right go first where the terminal is narrow.
const COLUMNS: [Column; 9] = [
    Column {
        header: "tasks",
        value: |worker| Some(worker.tasks.to_string()),
        total: |all| {
            Some(
                all.iter()
                    .map(|worker| worker.tasks)
                    .sum::<u64>()
                    .to_string(),
            )
        },
    },
    Column {
        header: "working",
        value: |worker| Some(units::seconds(worker.busy)),
        total: |all| Some(units::seconds(busy(all))),
    },
    Column {
        header: "waiting",
        value: |worker| Some(units::seconds((worker.life - worker.busy).max(0.0))),
        total: |all| Some(units::seconds((life(all) - busy(all)).max(0.0))),
    },
    Column {
        header: "busy",
        value: |worker| worker.busy_share().map(units::percent),
        total: |all| (life(all) > 0.0).then(|| units::percent((busy(all) / life(all)).min(1.0))),
    },
    Column {
        header: "start-up",
        value: |worker| worker.start_up.map(units::seconds),
        total: |all| {
            let known = all.iter().filter_map(|worker| worker.start_up);
            known.reduce(|sum, one| sum + one).map(units::seconds)
        },
    },
    Column {
        header: "PSS",
        value: |worker| worker.memory.map(|memory| units::bytes(memory.pss_bytes)),
        total: |all| {
            let known = all.iter().filter_map(|worker| worker.memory);
            let sizes = known.map(|memory| memory.pss_bytes);
            sizes.reduce(|sum, one| sum + one).map(units::bytes)
        },
    },
    Column {
        header: "USS",
        value: |worker| worker.memory.map(|memory| units::bytes(memory.uss_bytes)),
        total: |all| {
            let known = all.iter().filter_map(|worker| worker.memory);
            let sizes = known.map(|memory| memory.uss_bytes);
            sizes.reduce(|sum, one| sum + one).map(units::bytes)
        },
    },
    Column {
        header: "restarts",
        value: |worker| (worker.restarts > 0).then(|| worker.restarts.to_string()),
        total: |all| {
            let restarts: u32 = all.iter().map(|worker| worker.restarts).sum();
            (restarts > 0).then(|| restarts.to_string())
        },
    },
    Column {
        header: "pid",
        value: |worker| worker.pid.map(|pid| pid.to_string()),
        total: |_| None,
    },
];

fn busy(workers: &[WorkerStats]) -> f64 {
    workers.iter().map(|worker| worker.busy).sum()
}

fn life(workers: &[WorkerStats]) -> f64 {
    workers.iter().map(|worker| worker.life).sum()
}

fn workers(stats: &PoolStats, width: usize) -> Vec<String> {
    let all = &stats.workers;
    let has_values = |column: &&Column| all.iter().any(|worker| (column.value)(worker).is_some());
    let mut shown: Vec<&Column> = COLUMNS.iter().filter(has_values).collect();
    loop {
        let lines = workers_with(&shown, all);
        if shown.len() <= 1 || lines.iter().all(|line| line.width() <= width) {
            return lines;
        }
        shown.pop();
    }
}

fn workers_with(shown: &[&Column], all: &[WorkerStats]) -> Vec<String> {
    if shown.is_empty() {
        return Vec::new();
    }
    let mut table = Grid::new();
    table.row(
        "worker".into(),
        shown.iter().map(|column| column.header.into()),
    );
    for (number, worker) in all.iter().enumerate() {
        let values = shown
            .iter()
            .map(|column| (column.value)(worker).unwrap_or_default());
        table.row((number + 1).to_string(), values);
    }
    let totals = shown
        .iter()
        .map(|column| (column.total)(all).unwrap_or_default());
    table.row("all".into(), totals);
    table.lines()
}

fn longest(stats: &PoolStats) -> Vec<String> {
    if stats.longest.is_empty() {
        return Vec::new();
    }
    let mut table = Grid::new();
    table.row("longest tasks".into(), std::iter::once("took".into()));
    for task in &stats.longest {
        table.row(
            clean(&task.label),
            std::iter::once(units::seconds(task.seconds)),
        );
    }
    table.lines()
}

/// A table below an empty line, its header dim.
fn block(lines: &[String], paint: &Paint) -> String {
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        text += if at == 0 { "\n" } else { "" };
        text += &if at == 0 {
            paint.dim(line)
        } else {
            line.clone()
        };
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::ColorChoice;
    use super::*;
    use ungil_measure::comparison::MemorySample;
    use ungil_measure::pool_stats::{Latencies, LongTask};

    fn stats() -> PoolStats {
        let times = Some(Quantiles {
            p50: 1e-3,
            p95: 2e-3,
            p99: 3e-3,
            max: 4e-3,
        });
        let worker = WorkerStats {
            pid: Some(17),
            tasks: 4,
            busy: 1.0,
            life: 4.0,
            start_up: Some(0.02),
            memory: Some(MemorySample {
                pss_bytes: 3_000_000,
                uss_bytes: 1_000_000,
            }),
            restarts: 1,
        };
        PoolStats {
            tasks: TaskCounts {
                submitted: 9,
                finished: 6,
                failed: 2,
                ..TaskCounts::default()
            },
            latencies: Latencies {
                waiting: times,
                running: times,
                round_trip: times,
            },
            bytes: Some((1000, 2_000_000)),
            workers: vec![worker; 2],
            longest: vec![LongTask {
                label: "jobs.slow\u{1b}[2J".into(),
                seconds: 0.004,
            }],
        }
    }

    const PLAIN: TerminalOptions = TerminalOptions {
        width: 100,
        color: ColorChoice::Never,
    };

    #[test]
    fn it_reads_like_this() {
        let expected = "\
9 tasks: 6 finished, 2 failed, 1 unfinished
1.00 kB sent to workers, 2.00 MB received

                          p50      p95      p99      max
waiting in the queue  1.00 ms  2.00 ms  3.00 ms  4.00 ms
running               1.00 ms  2.00 ms  3.00 ms  4.00 ms
round trip            1.00 ms  2.00 ms  3.00 ms  4.00 ms

worker  tasks  working  waiting  busy  start-up      PSS      USS  restarts  pid
1           4   1.00 s   3.00 s  25 %   20.0 ms  3.00 MB  1.00 MB         1   17
2           4   1.00 s   3.00 s  25 %   20.0 ms  3.00 MB  1.00 MB         1   17
all         8   2.00 s   6.00 s  25 %   40.0 ms  6.00 MB  2.00 MB         2

longest tasks     took
jobs.slow\u{fffd}[2J  4.00 ms
";
        assert_eq!(pool(&stats(), &PLAIN), expected);
    }

    #[test]
    fn a_narrow_terminal_drops_the_columns_on_the_right() {
        let narrow = TerminalOptions { width: 40, ..PLAIN };
        let text = pool(&stats(), &narrow);
        assert!(
            text.contains("worker  tasks  working  waiting  busy\n"),
            "{text}"
        );
    }

    #[test]
    fn a_pool_that_has_done_nothing_says_so() {
        assert_eq!(pool(&PoolStats::default(), &PLAIN), "0 tasks: 0 finished\n");
    }

    #[test]
    fn colour_is_written_only_where_it_is_wanted() {
        let painted = TerminalOptions {
            color: ColorChoice::Always,
            ..PLAIN
        };
        assert!(pool(&stats(), &painted).contains("\u{1b}["));
        assert!(!pool(&stats(), &PLAIN).contains("\u{1b}["));
    }
}
