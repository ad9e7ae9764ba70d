//! Threads and the clock.

use std::mem::MaybeUninit;

/// The kernel's number of the calling thread.
pub(crate) fn gettid() -> u32 {
    // SAFETY: has no precondition.
    unsafe { libc::gettid() as u32 }
}

/// `CLOCK_MONOTONIC`, in nanoseconds: no system call, and one clock for all processes.
#[inline]
pub(crate) fn monotonic_ns() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the clock exists on every Linux and the call then fills the structure.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr());
        time.assume_init()
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// While it lives, the calling thread takes no signal, nor do the threads that it starts.
pub(crate) struct SignalsBlocked(libc::sigset_t);

/// Keeps signals for the program's own threads.
pub(crate) fn protect_from_signals() -> SignalsBlocked {
    // SAFETY: both sets are ours; the first is filled before it is used, the second by the call.
    unsafe {
        let mut all = MaybeUninit::uninit();
        libc::sigfillset(all.as_mut_ptr());
        let mut old = MaybeUninit::zeroed();
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), old.as_mut_ptr());
        SignalsBlocked(old.assume_init())
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the set is the one that the kernel gave us.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut())
        };
    }
}

/// The kernel's name of a thread of this process.
pub(crate) fn thread_name(tid: u32) -> Option<String> {
    let name = std::fs::read(format!("/proc/self/task/{tid}/comm")).ok()?;
    let name = String::from_utf8_lossy(&name).trim_end().to_owned();
    (!name.is_empty()).then_some(name)
}
