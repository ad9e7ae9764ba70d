//! Linux: memfd segments, futexes, pidfds.

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::fs::{MemfdFlags, Mode};
use rustix::mm::{Advice, MapFlags, ProtFlags};
use rustix::process::{Pid, PidfdFlags, Resource, Signal, WaitId, WaitIdOptions};
use rustix::thread::futex;

use crate::exit::ExitStatus;

/// A shared, writable mapping of a whole segment; unmapped on drop.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is plain shared memory; every access goes through atomics or through
// the ownership protocol of `shm::layout`.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes of `fd`. Pages are taken only when they are touched.
    pub(crate) fn new(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        // SAFETY: a fresh mapping at an address of the kernel's choice aliases nothing.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::NORESERVE,
                fd,
                0,
            )?
        };
        let base =
            NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mmap returned null"))?;
        let mapping = Self { base, len };
        // Not into core files: they would grow by the whole sparse segment. Failing is harmless.
        let _ = mapping.advise(0, len, Advice::LinuxDontDump);
        Ok(mapping)
    }

    /// The address of byte `offset`, which must lie inside.
    pub(crate) fn at(&self, offset: usize) -> *mut u8 {
        assert!(
            offset < self.len,
            "offset {offset} lies outside a segment of {} bytes",
            self.len
        );
        // SAFETY: inside the mapping by the assertion.
        unsafe { self.base.as_ptr().add(offset) }
    }

    /// The same as a pointer to a `T`, for which it must be aligned.
    pub(crate) fn at_aligned<T>(&self, offset: usize) -> *mut T {
        let pointer: *mut T = self.at(offset).cast();
        assert!(
            pointer.is_aligned(),
            "offset {offset} is not aligned for its type"
        );
        pointer
    }

    /// Makes pages present and writable in one call rather than by a fault each.
    pub(crate) fn populate(&self, offset: usize, len: usize) {
        // Only a speed-up: kernels before 5.14 refuse, and then the pages fault one by one.
        let _ = self.advise(offset, len, Advice::LinuxPopulateWrite);
    }

    /// Takes the pages of a range now, so that running out of memory is an error here and not a
    /// `SIGBUS` at the first touch. Through the mapping, not the descriptor: a task may close
    /// all descriptors, and the number may then be some file's.
    pub(crate) fn reserve(&self, offset: usize, len: usize) -> io::Result<()> {
        loop {
            match self.advise(offset, len, Advice::LinuxPopulateWrite) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Kernels before 5.14 do not know how.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(()),
                other => return other,
            }
        }
    }

    /// Gives the memory of the whole pages in a range back.
    pub(crate) fn punch(&self, offset: usize, len: usize) {
        let page = page_size();
        let start = offset.next_multiple_of(page);
        let end = (offset + len) / page * page;
        if start < end {
            // Failing keeps the memory until the segment goes, which is all there is to lose.
            let _ = self.advise(start, end - start, Advice::LinuxRemove);
        }
    }

    fn advise(&self, offset: usize, len: usize, advice: Advice) -> io::Result<()> {
        let page = page_size();
        let start = offset / page * page;
        let end = (offset + len).min(self.len);
        // SAFETY: of the advices used here only `Remove` changes the contents, and its callers
        // have the range to themselves.
        unsafe { rustix::mm::madvise(self.at(start).cast::<c_void>(), end - start, advice)? };
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: whoever holds a pointer into the mapping also holds the `Arc` around it.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

/// `CLOCK_MONOTONIC` in nanoseconds: one clock for all processes of the machine, read without
/// a system call.
pub(crate) fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

/// An anonymous, private file of `len` sparse bytes: no name in any file system, so nothing
/// can be left behind, and nobody without the descriptor can open it.
pub(crate) fn create_segment(len: usize) -> io::Result<OwnedFd> {
    let fd = off_standard_streams(rustix::fs::memfd_create("ungil-pool", MemfdFlags::CLOEXEC)?)?;
    // It is born open to all; nobody else gets to its descriptors, and needs not.
    rustix::fs::fchmod(&fd, Mode::RUSR | Mode::WUSR)?;
    rustix::fs::ftruncate(&fd, len as u64)?;
    Ok(fd)
}

/// Moves a descriptor away from 0, 1 and 2. In a program whose standard streams are closed it
/// would otherwise become one of them, and be printed into.
pub(crate) fn off_standard_streams(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(&fd, 3)?)
}

/// The most bytes of address space this process may map, if it is limited at all.
pub(crate) fn address_space_limit() -> Option<u64> {
    rustix::process::getrlimit(Resource::As).current
}

/// How a futex wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Woken, or the word had changed already.
    Ready,
    /// The time ran out.
    TimedOut,
    /// A signal handler ran in this thread.
    Interrupted,
}

/// Sleeps while `*word == expected`. Shared between processes unless `private`.
pub(crate) fn futex_wait(
    word: &AtomicU32,
    expected: u32,
    timeout: Option<Duration>,
    private: bool,
) -> Wait {
    let timeout = timeout.map(|t| rustix::time::Timespec {
        tv_sec: i64::try_from(t.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(t.subsec_nanos()),
    });
    match futex::wait(word, futex_flags(private), expected, timeout.as_ref()) {
        Err(rustix::io::Errno::TIMEDOUT) => Wait::TimedOut,
        Err(rustix::io::Errno::INTR) => Wait::Interrupted,
        _ => Wait::Ready,
    }
}

pub(crate) fn futex_wake(word: &AtomicU32, count: u32, private: bool) {
    // The only error possible is a bad address, and the address is a reference.
    let _ = futex::wake(word, futex_flags(private), count);
}

fn futex_flags(private: bool) -> futex::Flags {
    if private {
        futex::Flags::PRIVATE
    } else {
        futex::Flags::empty()
    }
}

/// A process that cannot be confused with a later one of the same pid.
#[derive(Debug)]
pub(crate) struct ProcessHandle {
    pub(crate) pid: u32,
    pidfd: OwnedFd,
}

impl ProcessHandle {
    /// Opens a process that is our child and has not been waited for.
    pub(crate) fn open(pid: u32) -> io::Result<Self> {
        Ok(Self {
            pid,
            pidfd: rustix::process::pidfd_open(to_pid(pid)?, PidfdFlags::empty())?,
        })
    }

    /// A descriptor received from the fork server.
    pub(crate) fn from_parts(pid: u32, pidfd: OwnedFd) -> Self {
        Self { pid, pidfd }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // It may be gone already, which is what we want.
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, signal);
    }

    /// Reaps a child that has ended. Somebody else may have reaped it before us.
    pub(crate) fn reap(&self) -> ExitStatus {
        let status = rustix::process::waitid(
            WaitId::PidFd(self.pidfd.as_fd()),
            WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
        );
        match status {
            Ok(Some(status)) => status
                .exit_status()
                .map(ExitStatus::Code)
                .or_else(|| status.terminating_signal().map(ExitStatus::Signal))
                .unwrap_or(ExitStatus::Unknown),
            _ => ExitStatus::Unknown,
        }
    }
}

impl AsFd for ProcessHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Kills and reaps a child that has no handle.
pub(crate) fn kill_child(pid: u32) {
    if let Ok(pid) = to_pid(pid) {
        // It may be gone already, which is what we want.
        let _ = rustix::process::kill_process(pid, Signal::KILL);
        let _ = rustix::io::retry_on_intr(|| {
            rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty())
        });
    }
}

fn to_pid(pid: u32) -> io::Result<Pid> {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{pid} is not a process id"),
            )
        })
}

/// The kernel shall kill this process when its parent dies; `false` when it already has.
pub(crate) fn die_with_parent(parent: u32) -> bool {
    let armed = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).is_ok();
    // The parent may have died before the call: then we have been given to another one.
    armed
        && rustix::process::getppid()
            .is_some_and(|p| p.as_raw_nonzero().get().cast_unsigned() == parent)
}

/// Ends this process as the death of its parent would have.
pub(crate) fn kill_self() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::KILL);
}

/// One turn of waiting in a spin loop.
pub(crate) fn relax() {
    std::hint::spin_loop();
}

/// Names the calling thread; the main thread's name is the process's.
pub(crate) fn name_thread(name: &str) {
    if let Ok(name) = std::ffi::CString::new(name) {
        // Only for those who look at the process list.
        let _ = rustix::thread::set_name(&name);
    }
}
