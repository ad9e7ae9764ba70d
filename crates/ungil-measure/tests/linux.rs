//! The readers of `os::linux` on made-up systems, and on the one that runs the tests.

#![allow(clippy::float_cmp)] // exact by construction

use std::fs;
use std::path::PathBuf;

use ungil_measure::os::linux::{Error, System};

/// A folder of files that goes away with the test.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("ungil-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("files have folders")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        Self(root)
    }

    fn system(&self) -> System {
        System::at(&self.0)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const MOUNT_V2: &str = "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";

#[test]
fn outer_group_binds_the_inner_one() {
    let tree = Tree::new(
        "outer",
        &[
            ("sys/devices/system/cpu/online", "0-15\n"),
            (
                "proc/self/status",
                "Name:\tpython\nCpus_allowed:\tffff\nCpus_allowed_list:\t0-7\n",
            ),
            ("proc/self/cgroup", "0::/kubepods/pod/job\n"),
            ("proc/self/mountinfo", MOUNT_V2),
            ("proc/meminfo", "MemTotal:       16384 kB\nMemFree:  1 kB\n"),
            ("sys/fs/cgroup/kubepods/pod/job/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/kubepods/pod/cpu.max", "250000 100000\n"),
            ("sys/fs/cgroup/kubepods/cpu.max", "600000 100000\n"),
            ("sys/fs/cgroup/kubepods/pod/job/memory.max", "8388608\n"),
            ("sys/fs/cgroup/kubepods/pod/memory.max", "4194304\n"),
            ("sys/fs/cgroup/kubepods/pod/job/pids.max", "max\n"),
            ("sys/fs/cgroup/kubepods/pod/pids.max", "512\n"),
            (
                "sys/fs/cgroup/kubepods/pod/job/memory.events",
                "low 0\noom 4\noom_kill 3\n",
            ),
            (
                "sys/fs/cgroup/kubepods/pod/cpu.stat",
                "nr_throttled 2\nthrottled_usec 1500000\n",
            ),
            ("proc/vmstat", "oom_kill 99\n"),
        ],
    );
    let limits = tree.system().limits();
    assert_eq!(limits.online_cpus, 16);
    assert_eq!(limits.affinity_cpus, Some(8));
    assert_eq!(limits.cgroup_cpus, Some(2.5));
    assert_eq!(limits.usable_cpus, 3);
    assert_eq!(limits.memory_limit_bytes, Some(4 << 20));
    assert_eq!(tree.system().task_limit(), Some(512));
    let state = tree.system().state();
    assert_eq!(state.oom_kills, Some(3));
    assert_eq!(state.throttled_s, Some(1.5));
}

#[test]
fn version_1_has_its_own_files() {
    let tree = Tree::new(
        "v1",
        &[
            ("sys/devices/system/cpu/online", "0-3\n"),
            (
                "proc/self/cgroup",
                "4:memory:/box\n2:cpu,cpuacct:/box\n0::/\n",
            ),
            (
                "proc/self/mountinfo",
                "1 0 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                 2 0 0:2 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                 3 0 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            ),
            ("proc/meminfo", "MemTotal:       16384 kB\n"),
            ("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            (
                "sys/fs/cgroup/cpu/box/cpu.stat",
                "nr_throttled 1\nthrottled_time 250000000\n",
            ),
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            (
                "sys/fs/cgroup/memory/box/memory.oom_control",
                "under_oom 0\noom_kill 7\n",
            ),
        ],
    );
    let limits = tree.system().limits();
    assert_eq!(limits.cgroup_cpus, Some(0.5));
    assert_eq!(limits.usable_cpus, 1, "half a CPU is still one worker");
    assert_eq!(limits.memory_limit_bytes, None, "a huge number is no limit");
    let state = tree.system().state();
    assert_eq!(state.oom_kills, Some(7));
    assert_eq!(state.throttled_s, Some(0.25));
}

#[test]
fn weird_quotas_are_no_limit() {
    for quota in [
        "0 100000\n",
        "max\n",
        "",
        "-5 100000\n",
        "lots of\n",
        "100000 0\n",
    ] {
        let tree = Tree::new(
            "weird",
            &[
                ("sys/devices/system/cpu/online", "0-1\n"),
                ("proc/self/cgroup", "0::/\n"),
                ("proc/self/mountinfo", MOUNT_V2),
                ("sys/fs/cgroup/cpu.max", quota),
            ],
        );
        let limits = tree.system().limits();
        assert_eq!(
            (limits.cgroup_cpus, limits.usable_cpus),
            (None, 2),
            "{quota:?}"
        );
    }
}

#[test]
fn empty_system_has_one_cpu_and_no_figures() {
    let tree = Tree::new("empty", &[("proc/empty", "")]);
    let machine = tree.system().machine();
    assert_eq!((machine.online_cpus, machine.usable_cpus), (1, 1));
    assert_eq!(
        (machine.cpu_model, machine.memory_bytes, machine.kernel),
        (None, None, None)
    );
    assert_eq!(
        tree.system().state(),
        ungil_measure::comparison::SystemState::default()
    );
}

#[test]
fn frequencies_come_from_cpufreq_first() {
    let tree = Tree::new(
        "frequency",
        &[
            ("proc/cpuinfo", "processor : 0\ncpu MHz : 100.0\n"),
            (
                "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
                "3000000\n",
            ),
            (
                "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq",
                "2000000\n",
            ),
            (
                "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                "powersave\n",
            ),
        ],
    );
    assert_eq!(tree.system().state().frequency_mhz, Some(2500.0));
    assert_eq!(
        tree.system().machine().frequency_governor.as_deref(),
        Some("powersave")
    );
}

#[test]
fn threads_that_vanish_are_left_out() {
    let stat = "7 (python) S 1 7 7 0 -1 0 0 0 0 0 30 20 0 0 20 0 2 0 1 1 1 1";
    let tree = Tree::new(
        "threads",
        &[
            ("proc/7/stat", stat),
            ("proc/7/task/9/stat", stat),
            ("proc/7/task/7/schedstat", "1230000000 0 5\n"),
            ("proc/7/task/8/comm", "gone"),
        ],
    );
    let times: Vec<_> = tree
        .system()
        .thread_times(7)
        .expect("it lives")
        .iter()
        .map(|t| (t.tid, t.cpu_s))
        .collect();
    assert_eq!(times, [(7, 1.23), (9, 0.5)]);
    assert_eq!(tree.system().thread_count(7).expect("it lives"), 2);
}

#[test]
fn kernels_without_a_rollup_have_their_maps_summed() {
    let maps = "00-10 r-xp 0 00:00 0 /bin/a\nPss: 3 kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: 0 kB\n\
                10-20 rw-p 0 00:00 0\nPss: 4 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: 4 kB\n";
    let tree = Tree::new("maps", &[("proc/5/smaps", maps)]);
    let memory = tree.system().memory(5).expect("it lives");
    assert_eq!((memory.pss_bytes, memory.uss_bytes), (7 * 1024, 5 * 1024));
}

#[test]
fn errors_name_the_file() {
    let tree = Tree::new(
        "errors",
        &[("proc/3/stat", "3 (x) S"), ("proc/3/smaps_rollup", "")],
    );
    let message = tree
        .system()
        .memory(4)
        .expect_err("no such process")
        .to_string();
    assert!(
        message.contains("proc/4/smaps_rollup could not be read"),
        "{message}"
    );
    assert!(matches!(
        tree.system().cpu_time(3),
        Err(Error::Malformed { .. })
    ));
    assert!(matches!(
        tree.system().memory(3),
        Err(Error::Malformed { .. })
    ));
    assert!(matches!(
        tree.system().thread_times(4),
        Err(Error::Unreadable { .. })
    ));
}

/// The readers against the machine that runs the tests.
#[cfg(target_os = "linux")]
mod host {
    use ungil_measure::os::linux::System;

    #[test]
    fn this_process_has_memory_time_and_threads() {
        let (system, own) = (System::host(), std::process::id());
        let ballast = vec![1_u8; 32 << 20];
        let memory = system.memory(own).expect("own memory");
        assert!(memory.uss_bytes >= ballast.len() as u64, "{memory:?}");
        assert!(memory.pss_bytes >= memory.uss_bytes, "{memory:?}");

        // However busy the machine is, spinning must show sooner or later.
        let total = || -> f64 {
            let times = system.thread_times(own).expect("own threads");
            times.iter().map(|time| time.cpu_s).sum()
        };
        let (before, begin) = (total(), std::time::Instant::now());
        while total() - before < 0.05 {
            assert!(begin.elapsed().as_secs() < 60, "{before} {}", total());
            std::hint::black_box(&ballast);
        }
        assert!(system.cpu_time(own).expect("own time") >= 0.02);
        assert!(system.thread_count(own).expect("own threads") >= 1);
    }

    #[test]
    fn usable_cpus_agree_with_the_standard_library() {
        let machine = System::host().machine();
        let known = std::thread::available_parallelism().expect("a count").get();
        // The standard library rounds a quota down, we round it up.
        assert!(
            (known..=known + 1).contains(&machine.usable_cpus),
            "{machine:?}"
        );
        assert!(machine.memory_bytes.expect("memory") > 64 << 20);
        assert!(machine.kernel.expect("a kernel").starts_with("Linux "));
    }

    #[test]
    fn state_moves_on() {
        let before = System::host().state();
        std::thread::sleep(std::time::Duration::from_millis(30));
        let after = System::host().state();
        assert!(after.uptime_s > before.uptime_s);
        assert!(after.busy_s >= before.busy_s);
        assert!(before.load_1min.is_some());
    }
}
