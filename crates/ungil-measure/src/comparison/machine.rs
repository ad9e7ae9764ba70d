//! Where a comparison ran: hardware, limits, kernel, Python.

use serde::{Deserialize, Serialize};

/// The machine as the measuring process saw it, its own limits included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// CPU model as the kernel names it.
    pub cpu_model: Option<String>,
    /// Instruction set, for example `x86_64`.
    pub architecture: String,
    /// Logical CPUs that are online.
    pub online_cpus: usize,
    /// Physical cores, hyper-threads counted once; `None` where the kernel does not say.
    pub physical_cores: Option<usize>,
    /// CPUs in this process's affinity mask.
    pub affinity_cpus: Option<usize>,
    /// CPU quota of the tightest enclosing cgroup, in CPUs (1.5 = one and a half).
    pub cgroup_cpus: Option<f64>,
    /// CPUs that this process can keep busy: the least of the above, at least 1.
    pub usable_cpus: usize,
    /// Physical memory.
    pub memory_bytes: Option<u64>,
    /// Memory limit of the tightest enclosing cgroup.
    pub memory_limit_bytes: Option<u64>,
    /// Operating system and kernel release, for example `Linux 6.1.0`.
    pub kernel: Option<String>,
    /// Whether the CPU reports that it runs under a hypervisor.
    pub hypervisor: Option<bool>,
    /// Frequency governor of the first CPU, for example `performance`.
    pub frequency_governor: Option<String>,
    /// The interpreter; filled in by the caller.
    pub python: Python,
}

/// The interpreter that ran the workloads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Python {
    /// For example `CPython`.
    pub implementation: String,
    /// For example `3.13.0`.
    pub version: String,
    /// Whether the interpreter holds a global lock.
    pub gil: Gil,
}

/// State of the global interpreter lock while the workloads ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gil {
    /// One thread interprets at a time.
    Enabled,
    /// A free-threaded build, with the lock off.
    Disabled,
    /// Not told.
    #[default]
    Unknown,
}

/// A momentary state of the system, read before and after a cell to notice disturbances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemState {
    /// Seconds since boot when it was read.
    pub uptime_s: Option<f64>,
    /// Load average of the last minute (runnable and uninterruptible threads of the whole system).
    pub load_1min: Option<f64>,
    /// CPU time the hypervisor gave to others, cumulative over all CPUs.
    pub steal_s: Option<f64>,
    /// CPU time spent by everybody on this machine (user, nice, system, irq, softirq), cumulative
    /// over all CPUs.
    pub busy_s: Option<f64>,
    /// Time in which the cgroup's CPU quota held this process back, cumulative.
    pub throttled_s: Option<f64>,
    /// Mean current frequency of the online CPUs, MHz.
    pub frequency_mhz: Option<f64>,
    /// Times that the kernel killed a process for lack of memory in this cgroup (or, without one,
    /// on this machine).
    pub oom_kills: Option<u64>,
}
