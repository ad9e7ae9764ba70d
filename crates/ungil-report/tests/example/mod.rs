//! A comparison with everything in it: the lecture's two workloads, and one made to break layouts.

use ungil_measure::comparison::{
    Comparison, Conditions, Gil, GilThread, GilTimeline, GilUse, Machine, MemorySample, Python,
    RawCell, RawComparison, RawWorkload, RunSample, Scaling, Settings, SystemState, TaskSample,
};
use ungil_measure::{AnalysisOptions, analyse};

/// A cell as a measurement would leave it: seven runs with half a percent of spread.
struct Plan {
    kind: &'static str,
    workers: usize,
    wall: f64,
    cores: f64,
    memory: Option<(u64, u64)>,
    startup: Option<f64>,
}

const TASKS: usize = 4;

impl Plan {
    fn cell(&self) -> RawCell {
        let spread = [1.004, 0.997, 1.0, 1.006, 0.995, 1.002, 0.998];
        let runs = spread.map(|factor| self.run(self.wall * factor));
        let memory = self.memory.map(|(pss_bytes, uss_bytes)| MemorySample {
            pss_bytes,
            uss_bytes,
        });
        let state = |uptime_s: f64| SystemState {
            uptime_s: Some(uptime_s),
            load_1min: Some(0.5),
            steal_s: Some(1.25),
            busy_s: Some(100.0),
            throttled_s: Some(0.0),
            frequency_mhz: Some(2600.0),
            oom_kills: Some(0),
        };
        RawCell {
            kind: self.kind.into(),
            workers: self.workers,
            skipped: None,
            startup_s: self
                .startup
                .into_iter()
                .flat_map(|s| [s, s * 1.1, s * 0.9])
                .collect(),
            runs: runs.to_vec(),
            memory: memory
                .into_iter()
                .cycle()
                .take(self.workers * usize::from(memory.is_some()))
                .collect(),
            conditions: Some(Conditions {
                before: state(1000.0),
                after: state(1010.0),
            }),
            gil_timeline: (self.kind == "thread").then(|| self.timeline()),
        }
    }

    /// Workers that take turns with the GIL.
    fn timeline(&self) -> GilTimeline {
        let turn = |worker: usize, at: usize| at % self.workers == worker;
        let shares = |is: &dyn Fn(usize) -> bool| {
            (0..120).map(|at| f64::from(u8::from(is(at / 6)))).collect()
        };
        GilTimeline {
            duration_s: self.wall,
            threads: (0..self.workers)
                .map(|worker| GilThread {
                    name: format!("worker <{worker}>"),
                    held: shares(&|at| turn(worker, at)),
                    waited: shares(&|at| !turn(worker, at)),
                })
                .collect(),
        }
    }

    fn run(&self, wall_s: f64) -> RunSample {
        // Tasks follow each other on every worker and fill the run.
        let rounds = TASKS.div_ceil(self.workers);
        let each = wall_s / rounds as f64;
        let tasks = (0..TASKS).map(|task| {
            let start_s = (task / self.workers) as f64 * each;
            let late = 1.0 - 0.01 * task as f64;
            TaskSample {
                start_s,
                end_s: start_s + each * late,
                cpu_s: Some(each * 0.9),
            }
        });
        let pickles = self.kind == "process";
        RunSample {
            wall_s,
            cpu_s: wall_s * self.cores,
            queued_s: (self.kind == "serial").then_some(0.001 * wall_s),
            tasks: tasks.collect(),
            sent_bytes: Some(if pickles { 2048 } else { 0 }),
            received_bytes: Some(if pickles { 512 } else { 0 }),
            pickle_s: pickles.then_some(40e-6),
            gil: (self.kind == "thread").then_some(GilUse {
                held: wall_s * 0.5,
                waited: wall_s * 0.25,
            }),
        }
    }
}

fn plan(kind: &'static str, workers: usize, wall: f64, cores: f64) -> Plan {
    let (memory, startup) = match kind {
        "thread" => (Some((86_016, 86_016)), Some(0.4e-3)),
        "process" => (Some((14_480_000, 11_200_000)), Some(0.082)),
        _ => (None, None),
    };
    Plan {
        kind,
        workers,
        wall,
        cores,
        memory,
        startup,
    }
}

fn cells(plans: &[Plan]) -> Vec<RawCell> {
    plans.iter().map(Plan::cell).collect()
}

fn cpu() -> RawWorkload {
    RawWorkload {
        name: "cpu".into(),
        tasks: TASKS,
        scaling: Some(Scaling {
            what: "iterations per task".into(),
            from: 1_000_000,
            to: 200_000,
            reason: "At full size the comparison would take about 4 minutes; --full runs it."
                .into(),
        }),
        serial: plan("serial", 1, 2.4, 1.0).cell(),
        cells: cells(&[
            plan("thread", 1, 2.42, 1.0),
            plan("thread", 2, 2.45, 1.02),
            plan("thread", 4, 2.51, 1.05),
            plan("thread", 8, 2.62, 1.06),
            plan("process", 1, 2.44, 1.0),
            plan("process", 2, 1.25, 1.98),
            plan("process", 4, 0.652, 3.8),
            plan("process", 8, 0.66, 3.86),
        ]),
    }
}

fn io() -> RawWorkload {
    let mut shaky = plan("process", 4, 0.61, 0.3).cell();
    shaky.runs[0].wall_s = 1.9;
    RawWorkload {
        name: "io".into(),
        tasks: TASKS,
        scaling: None,
        serial: plan("serial", 1, 2.4, 0.05).cell(),
        cells: [
            cells(&[
                plan("thread", 1, 2.4, 0.06),
                plan("thread", 2, 1.2, 0.11),
                plan("thread", 4, 0.6, 0.21),
                plan("process", 1, 2.41, 0.07),
                plan("process", 2, 1.22, 0.16),
            ]),
            vec![shaky],
        ]
        .concat(),
    }
}

/// Short times, a hostile name, a kind that could not run and an unknown one.
fn odd() -> RawWorkload {
    let skipped = RawCell {
        kind: "process".into(),
        workers: 2,
        skipped: Some("the argument <lambda> does not pickle; define it with def".into()),
        ..RawCell::default()
    };
    let mut quick = plan("quantum", 16, 9.6e-6, 0.9).cell();
    quick.runs.truncate(2);
    RawWorkload {
        name: "my|mod<b>ule:größe\u{1b}[31m_*x*".into(),
        tasks: TASKS,
        scaling: None,
        serial: plan("serial", 1, 12.3e-6, 1.0).cell(),
        cells: vec![plan("thread", 2, 148.2e-6, 1.1).cell(), skipped, quick],
    }
}

/// The example.
pub(crate) fn comparison() -> Comparison {
    let machine = Machine {
        cpu_model: Some("AMD EPYC 9J14".into()),
        architecture: "x86_64".into(),
        online_cpus: 8,
        physical_cores: Some(4),
        affinity_cpus: Some(8),
        cgroup_cpus: Some(4.0),
        usable_cpus: 4,
        memory_bytes: Some(16_700_000_000),
        memory_limit_bytes: Some(8_000_000_000),
        kernel: Some("Linux 6.1.0".into()),
        hypervisor: Some(true),
        frequency_governor: Some("performance".into()),
        python: Python {
            implementation: "CPython".into(),
            version: "3.13.0".into(),
            gil: Gil::Enabled,
        },
    };
    let settings = Settings {
        kinds: vec!["thread".into(), "process".into()],
        workers: vec![1, 2, 4, 8],
        repeat: 7,
        warmup: 1,
        full: false,
        budget_s: Some(60.0),
        timeout_s: Some(30.0),
        start_method: Some("forkserver".into()),
        items: Some("range(4)".into()),
    };
    let raw = RawComparison {
        ungil_version: "0.1.0".into(),
        created: "2026-11-23T22:00:00Z".into(),
        machine,
        settings,
        workloads: vec![cpu(), io(), odd()],
    };
    analyse(raw, &AnalysisOptions::default())
}
