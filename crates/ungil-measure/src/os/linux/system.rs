//! The readers: they find the files and leave understanding them to the parsers.

use std::fs;
use std::path::{Path, PathBuf};

use super::cgroup::{self, Group, Version};
use super::{Error, ThreadTime, cpu, process};
use crate::comparison::{Machine, MemorySample, Python, SystemState};

/// A Linux system, seen through the files below a root folder.
#[derive(Clone, Debug)]
pub struct System {
    root: PathBuf,
}

/// What this process may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Logical CPUs online, at least 1.
    pub online_cpus: usize,
    /// CPUs in this process's affinity mask.
    pub affinity_cpus: Option<usize>,
    /// CPU quota of the tightest enclosing cgroup, in CPUs.
    pub cgroup_cpus: Option<f64>,
    /// CPUs that can be kept busy: the least of these, a quota rounded up (one and a half CPUs
    /// still keep a second worker busy half the time), at least 1.
    pub usable_cpus: usize,
    /// Physical memory.
    pub memory_bytes: Option<u64>,
    /// Memory limit of the tightest enclosing cgroup, where it is below the physical memory.
    pub memory_limit_bytes: Option<u64>,
}

impl Default for System {
    fn default() -> Self {
        Self::host()
    }
}

impl System {
    /// The system that this process runs on.
    pub fn host() -> Self {
        Self::at("/")
    }

    /// A tree of files that stands for a system.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Memory of a process, from `smaps_rollup` or else, where the kernel does not have it (before
    /// Linux 4.14, some sandboxes), summed over `smaps`.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when it has ended or belongs to another user.
    pub fn memory(&self, pid: u32) -> Result<MemorySample, Error> {
        let read = |name| {
            self.parse(
                &format!("proc/{pid}/{name}"),
                "Pss and Private_*",
                process::parse_smaps,
            )
        };
        read("smaps_rollup").or_else(|rollup| read("smaps").map_err(|_| rollup))
    }

    /// User and system time of a process, its ended threads included, in steps of 10 ms.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when it has ended.
    pub fn cpu_time(&self, pid: u32) -> Result<f64, Error> {
        self.parse(
            &format!("proc/{pid}/stat"),
            "user and system time",
            process::parse_stat_cpu,
        )
    }

    /// Number of threads of a process.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when it has ended.
    pub fn thread_count(&self, pid: u32) -> Result<usize, Error> {
        self.parse(
            &format!("proc/{pid}/stat"),
            "a thread count",
            process::parse_stat_threads,
        )
    }

    /// CPU time of every living thread of a process, by thread id: in nanoseconds where the kernel
    /// keeps scheduler statistics, in steps of 10 ms elsewhere. A thread that ends meanwhile is
    /// left out.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when the process has ended.
    pub fn thread_times(&self, pid: u32) -> Result<Vec<ThreadTime>, Error> {
        let path = self.root.join(format!("proc/{pid}/task"));
        let unreadable = |source| Error::Unreadable {
            path: path.clone(),
            source,
        };
        let mut threads = Vec::new();
        for entry in fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Some(tid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let read = |name: &str| fs::read_to_string(entry.path().join(name)).ok();
            let cpu_s = read("schedstat")
                .and_then(|text| process::parse_schedstat(&text))
                .or_else(|| read("stat").and_then(|text| process::parse_stat_cpu(&text)));
            threads.extend(cpu_s.map(|cpu_s| ThreadTime { tid, cpu_s }));
        }
        threads.sort_by_key(|thread| thread.tid);
        Ok(threads)
    }

    /// Seconds that the calling thread has been ready to run and had no core; `None` where the kernel
    /// does not tell.
    pub fn own_queued_s(&self) -> Option<f64> {
        let text = fs::read_to_string(self.root.join("proc/thread-self/schedstat")).ok()?;
        process::parse_schedstat_queued(&text)
    }

    /// What this process may use. Limits that cannot be read are taken as absent.
    pub fn limits(&self) -> Limits {
        let online_cpus = self
            .get("sys/devices/system/cpu/online", cpu::parse_cpu_list)
            .or_else(|| {
                self.get("proc/cpuinfo", |text| {
                    Some(cpu::parse_cpuinfo(text).logical)
                })
            })
            .unwrap_or(0)
            .max(1);
        let affinity_cpus = self.get("proc/self/status", |text| {
            cpu::parse_cpu_list(field(text, "Cpus_allowed_list")?)
        });
        let cgroup_cpus = self.tightest("cpu", |folder, version| match version {
            Version::V1 => {
                let (quota, period) = (
                    folder.join("cpu.cfs_quota_us"),
                    folder.join("cpu.cfs_period_us"),
                );
                cgroup::parse_cfs(
                    &fs::read_to_string(quota).ok()?,
                    &fs::read_to_string(period).ok()?,
                )
            }
            Version::V2 => cgroup::parse_cpu_max(&fs::read_to_string(folder.join("cpu.max")).ok()?),
        });
        let memory_bytes = self.get("proc/meminfo", |text| {
            process::kibibytes(field(text, "MemTotal")?)
        });
        let memory_limit_bytes = self
            .tightest("memory", |folder, version| {
                let name = match version {
                    Version::V1 => "memory.limit_in_bytes",
                    Version::V2 => "memory.max",
                };
                cgroup::parse_count_limit(&fs::read_to_string(folder.join(name)).ok()?)
            })
            .filter(|limit| memory_bytes.is_none_or(|all| *limit < all));
        let quota = cgroup_cpus.map_or(usize::MAX, |cpus: f64| cpus.ceil() as usize);
        let usable_cpus = online_cpus
            .min(affinity_cpus.unwrap_or(usize::MAX))
            .min(quota)
            .max(1);
        Limits {
            online_cpus,
            affinity_cpus,
            cgroup_cpus,
            usable_cpus,
            memory_bytes,
            memory_limit_bytes,
        }
    }

    /// Tasks (processes and threads) that the tightest enclosing cgroup allows; `None`: any number.
    pub fn task_limit(&self) -> Option<u64> {
        self.tightest("pids", |folder, _| {
            cgroup::parse_count_limit(&fs::read_to_string(folder.join("pids.max")).ok()?)
        })
    }

    /// A description of the machine; the caller fills in [`Machine::python`].
    pub fn machine(&self) -> Machine {
        let limits = self.limits();
        let cpu = self
            .get("proc/cpuinfo", |text| Some(cpu::parse_cpuinfo(text)))
            .unwrap_or_default();
        let trimmed = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let release = self.get("proc/sys/kernel/osrelease", trimmed);
        Machine {
            cpu_model: cpu.model,
            architecture: std::env::consts::ARCH.to_owned(),
            online_cpus: limits.online_cpus,
            physical_cores: cpu.physical,
            affinity_cpus: limits.affinity_cpus,
            cgroup_cpus: limits.cgroup_cpus,
            usable_cpus: limits.usable_cpus,
            memory_bytes: limits.memory_bytes,
            memory_limit_bytes: limits.memory_limit_bytes,
            kernel: release.map(|release| format!("Linux {release}")),
            hypervisor: cpu.hypervisor,
            frequency_governor: self.get(
                "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                trimmed,
            ),
            python: Python::default(),
        }
    }

    /// The system's momentary state; figures that cannot be read are left out.
    pub fn state(&self) -> SystemState {
        let times = self.get("proc/stat", cpu::parse_stat);
        SystemState {
            uptime_s: self.get("proc/uptime", cpu::parse_first_number),
            load_1min: self.get("proc/loadavg", cpu::parse_first_number),
            steal_s: times.map(|times| times.steal_s),
            busy_s: times.map(|times| times.busy_s),
            throttled_s: self.throttled_s(),
            frequency_mhz: self.frequency_mhz(),
            oom_kills: self.oom_kills(),
        }
    }

    /// How often the kernel killed a process for lack of memory: in this process's cgroup, or on
    /// the whole machine where the cgroup does not count. It only grows.
    pub fn oom_kills(&self) -> Option<u64> {
        let in_group = self.groups("memory").into_iter().find_map(|group| {
            let name = match group.version {
                Version::V1 => "memory.oom_control",
                Version::V2 => "memory.events",
            };
            cpu::parse_counter(
                &fs::read_to_string(group.folder.join(name)).ok()?,
                "oom_kill",
            )
        });
        in_group.or_else(|| self.get("proc/vmstat", |text| cpu::parse_counter(text, "oom_kill")))
    }

    /// Time for which any enclosing CPU quota held back, cumulative.
    fn throttled_s(&self) -> Option<f64> {
        let mut total = None;
        for group in self.groups("cpu") {
            let (name, unit) = match group.version {
                Version::V1 => ("throttled_time", 1e9),
                Version::V2 => ("throttled_usec", 1e6),
            };
            for folder in group.folders() {
                let text = fs::read_to_string(folder.join("cpu.stat")).unwrap_or_default();
                if let Some(time) = cpu::parse_counter(&text, name) {
                    total = Some(total.unwrap_or(0.0) + time as f64 / unit);
                }
            }
        }
        total
    }

    /// Mean current frequency, from `cpufreq` or else `/proc/cpuinfo`.
    fn frequency_mhz(&self) -> Option<f64> {
        let cpus = fs::read_dir(self.root.join("sys/devices/system/cpu")).ok();
        let kilohertz: Vec<f64> = cpus
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|cpu| fs::read_to_string(cpu.path().join("cpufreq/scaling_cur_freq")).ok())
            .filter_map(|text| text.trim().parse().ok())
            .collect();
        cpu::mean(&kilohertz).map(|mean| mean / 1e3).or_else(|| {
            self.get("proc/cpuinfo", |text| {
                cpu::parse_cpuinfo(text).frequency_mhz
            })
        })
    }

    /// The least limit of a controller over all enclosing groups.
    fn tightest<Limit: PartialOrd>(
        &self,
        controller: &str,
        limit: impl Fn(&Path, Version) -> Option<Limit>,
    ) -> Option<Limit> {
        let groups = self.groups(controller);
        groups
            .iter()
            .flat_map(|group| {
                group
                    .folders()
                    .filter_map(|folder| limit(folder, group.version))
            })
            .reduce(|a, b| if b < a { b } else { a })
    }

    /// This process's groups for a controller, with folders below the root.
    fn groups(&self, controller: &str) -> Vec<Group> {
        let read = |name: &str| fs::read_to_string(self.root.join(name)).unwrap_or_default();
        let mut groups = cgroup::find_groups(
            controller,
            &read("proc/self/cgroup"),
            &read("proc/self/mountinfo"),
        );
        let below = |path: &Path| self.root.join(path.strip_prefix("/").unwrap_or(path));
        for group in &mut groups {
            group.mount = below(&group.mount);
            group.folder = below(&group.folder);
        }
        groups
    }

    fn get<T>(&self, path: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        parse(&fs::read_to_string(self.root.join(path)).ok()?)
    }

    fn parse<T>(
        &self,
        path: &str,
        what: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let path = self.root.join(path);
        match fs::read_to_string(&path) {
            Ok(text) => parse(&text).ok_or(Error::Malformed { path, what }),
            Err(source) => Err(Error::Unreadable { path, source }),
        }
    }
}

/// The value of a `name: value` line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}
