//! What was found out, before anybody judges it.

use serde::{Deserialize, Serialize};

use crate::comparison::Machine;

/// Everything that the rules look at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Facts {
    /// The machine, with its limits; and the interpreter's name, version and GIL.
    pub machine: Machine,
    /// Tasks (processes and threads) that the tightest enclosing cgroup allows; `None`: any number.
    pub cgroup_tasks: Option<u64>,
    /// How the GIL of this process can be traced.
    pub tracer: Tracer,
    /// What the interpreter itself sees.
    pub observed: Observed,
}

/// How the GIL can be traced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "mode", content = "reason", rename_all = "snake_case")]
pub enum Tracer {
    /// Every take and drop is seen.
    #[default]
    Exact,
    /// Only by looking now and then; why.
    Sampled(String),
    /// Not at all; why.
    Nothing(String),
}

/// What the running interpreter found out about itself and its process beyond that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // facts that have nothing to do with each other
pub struct Observed {
    /// Major and minor.
    pub minor: (u32, u32),
    /// Path of the interpreter.
    pub executable: String,
    /// A build with assertions for those who work on Python itself.
    pub debug_build: bool,
    /// A build that can do without the GIL.
    pub free_threaded_build: bool,
    /// Whether `PYTHON_GIL` or `-X gil` has decided that.
    pub gil_chosen: bool,
    /// Why there are no interpreters with a GIL of their own to work in; `None` if there are.
    pub interpreters: Option<String>,
    /// How worker processes can be started.
    pub start_methods: Vec<String>,
    /// Why no shared memory can be had (`memfd_create`, mapped and written); `None` if it can.
    pub shared_memory: Option<String>,
    /// `/dev/shm`; `None` where there is none.
    pub dev_shm: Option<Space>,
    /// Open files of this process.
    pub open_files: Limit,
    /// Processes and threads of this user.
    pub processes: Limit,
    /// Whether the user is root, whose processes are not counted.
    pub root: bool,
    /// The compiler's library.
    pub compiler: Compiler,
    /// What ungil works with if it is there.
    pub packages: Vec<Package>,
}

/// A file system's size, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// In all.
    pub total: u64,
    /// Left for this user.
    pub free: u64,
}

/// A resource limit; `None` is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What holds.
    pub soft: Option<u64>,
    /// Up to where the process may raise it.
    pub hard: Option<u64>,
}

/// llvmlite.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compiler {
    /// Its version; `None` if it is not installed.
    pub llvmlite: Option<String>,
    /// The version of LLVM in it.
    pub llvm: Option<String>,
    /// Why it is installed and does not load.
    pub failure: Option<String>,
}

/// An optional package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// As pip knows it.
    pub name: String,
    /// Its version; `None` if it is not installed.
    pub version: Option<String>,
}
