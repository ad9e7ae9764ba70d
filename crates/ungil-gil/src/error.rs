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

    /// No thread for the collector.
    #[error("cannot start the thread that collects the trace: {0}")]
    NoThread(std::io::Error),
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;
