//! Signal masks: which signals a thread, and what it starts, lets in.

use std::fmt;

/// What a thread gets itself by a mistake of its own; blocking it would hide the crash.
const FAULTS: [libc::c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGSYS,
];

/// A set of blocked signals.
#[derive(Clone, Copy)]
pub struct SignalMask(libc::sigset_t);

impl SignalMask {
    /// The calling thread's.
    pub fn current() -> Self {
        exchange(libc::SIG_BLOCK, None)
    }

    /// Everything but the faults.
    pub fn quiet() -> Self {
        // SAFETY: plain data, filled before it is read; every signal named exists.
        unsafe {
            let mut set = std::mem::zeroed();
            libc::sigfillset(&raw mut set);
            for fault in FAULTS {
                libc::sigdelset(&raw mut set, fault);
            }
            Self(set)
        }
    }

    /// Ctrl-C alone.
    pub(crate) fn interrupts() -> Self {
        // SAFETY: plain data, filled before it is read; the signal exists.
        unsafe {
            let mut set = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGINT);
            Self(set)
        }
    }

    /// Makes it the calling thread's for good.
    pub(crate) fn set(self) {
        exchange(libc::SIG_SETMASK, Some(self));
    }

    /// Makes it the calling thread's until the guard goes.
    #[must_use]
    pub fn hold(self) -> Held {
        Held(exchange(libc::SIG_SETMASK, Some(self)))
    }
}

/// Gives the mask as it was before.
fn exchange(how: libc::c_int, mask: Option<SignalMask>) -> SignalMask {
    let new = mask
        .as_ref()
        .map_or(std::ptr::null(), |mask| &raw const mask.0);
    // SAFETY: both sets are on the stack, and no pointer outlives the call. It cannot fail: `how`
    // is one of the three.
    unsafe {
        let mut old = std::mem::zeroed();
        libc::pthread_sigmask(how, new, &raw mut old);
        SignalMask(old)
    }
}

impl fmt::Debug for SignalMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: a number of no signal gives -1.
        let blocked =
            (1..=64).filter(|&signal| unsafe { libc::sigismember(&raw const self.0, signal) } == 1);
        f.debug_set().entries(blocked).finish()
    }
}

/// Puts the mask back that a thread had.
#[derive(Debug)]
pub struct Held(SignalMask);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.set();
    }
}
