//! Why the GIL of this process cannot be traced.

/// Each message says what to do instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No layout is known for this version.
    #[error(
        "the GIL of Python {0} cannot be traced: ungil knows the inside of 3.11 to 3.15. Run the \
         program on one of these."
    )]
    UnknownVersion(String),

    /// The interpreter does not look like its version.
    #[error(
        "the GIL of this Python cannot be traced: {0} is not where CPython {1} has it. Is this a \
         debug build, or another implementation?"
    )]
    UnknownLayout(&'static str, String),

    /// A build without a GIL.
    #[error(
        "this is a free-threaded build of Python: it has no GIL to trace. Run the program on a \
         build with the GIL, or look at how it scales with `ungil compare`."
    )]
    FreeThreaded,

    /// There is nothing to patch.
    #[error(
        "the GIL of this Python cannot be traced: its executable has no import slot for {0} (the C \
         library is linked in statically, as in musl builds). Run the program on a Python that \
         uses the system's C library."
    )]
    NoSlots(&'static str),

    /// The page of an import slot cannot be made writable.
    #[error("the GIL of this Python cannot be traced: its import slots are write-protected ({0}).")]
    Protected(std::io::Error),

    /// A sandbox.
    #[error(
        "the GIL of this Python cannot be traced: this system forbids process_vm_readv, even on \
         the process itself ({0}). Allow it in the container's seccomp profile."
    )]
    NoReading(std::io::Error),

    /// The hooks are there, but no event came.
    #[error(
        "the GIL of this Python cannot be traced: releasing it left no event. Please report this, \
         with the output of `python -VV`."
    )]
    Silent,

    /// Two tracers at once.
    #[error("the GIL is being traced already: end that trace first.")]
    AlreadyTracing,

    /// In a child after fork.
    #[error("this trace belongs to process {0}, which forked this one; a child is not traced.")]
    OtherProcess(u32),

    /// Nothing has this number.
    #[error("there is no process {0}.")]
    NoProcess(u32),

    /// A thread's number where a process's is wanted.
    #[error("{tid} is a thread of process {process}: give that number.")]
    IsThread {
        /// The number given.
        tid: u32,
        /// The process.
        process: u32,
    },

    /// A zombie, or gone while one looked.
    #[error("process {0} has ended.")]
    HasEnded(u32),

    /// Something else.
    #[error("process {pid} ({name}) is not a Python: there is no interpreter in it.")]
    NotPython {
        /// The process.
        pid: u32,
        /// Its executable, or what the kernel calls it.
        name: String,
    },

    /// Stripped down to nothing.
    #[error(
        "the GIL of process {pid} cannot be found: {path} names no `_PyRuntime` (it is stripped \
         of all symbols). Run the program by `ungil trace` itself, or on a Python that has them."
    )]
    NoSymbols {
        /// The process.
        pid: u32,
        /// The file.
        path: String,
    },

    /// An interpreter that does not tell.
    #[error(
        "the GIL of process {0} cannot be traced: its Python does not tell its version, as those \
         before 3.11 and those stripped of all symbols. ungil knows the inside of 3.11 to 3.15."
    )]
    VersionUnknown(u32),

    /// Another user's, or protected.
    #[error("the memory of process {pid} may not be read by this user. {remedy}")]
    NotPermitted {
        /// The process.
        pid: u32,
        /// What would help.
        remedy: String,
    },

    /// PEP 768 does not do it here.
    #[error("{0}")]
    CannotAttach(String),

    /// No thread for the collector.
    #[error("cannot start the thread that collects the trace: {0}")]
    NoThread(std::io::Error),
}

impl Error {
    /// Whether this Python can still be looked at from outside.
    pub fn leaves_sampling(&self) -> bool {
        matches!(self, Self::NoSlots(_) | Self::Protected(_) | Self::Silent)
    }

    pub(crate) fn not_permitted(pid: u32) -> Self {
        let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
        let remedy = match scope.as_deref().map(str::trim) {
            Ok("3") => {
                "This system allows it to nobody until its next start (kernel.yama.ptrace_scope \
                        is 3): run the program by `ungil trace` itself."
            }
            Ok("1") => {
                "Run ungil as root, or as the same user after `sysctl \
                        kernel.yama.ptrace_scope=0`; or run the program by `ungil trace` itself."
            }
            _ => {
                "Run ungil as root, or as the user whose process it is; in a container with \
                  `--cap-add SYS_PTRACE`."
            }
        };
        Self::NotPermitted {
            pid,
            remedy: remedy.to_owned(),
        }
    }
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;
