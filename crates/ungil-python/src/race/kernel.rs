//! What the system says of an OS thread of this process: whether it sleeps, and what it has used of the processor.

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt;

pub(super) struct Kernel {
    stat: File,
    clock: libc::clockid_t,
}

impl Kernel {
    /// Of the OS thread of these two numbers, which has not been joined; `None` where the system does not say.
    pub(super) fn of(thread: libc::pthread_t, number: libc::pid_t) -> Option<Self> {
        let stat = File::open(format!("/proc/self/task/{number}/stat")).ok()?;
        let mut clock = 0;
        // SAFETY: fills what it is given; the thread lives, or is kept by its handle.
        let found = unsafe { libc::pthread_getcpuclockid(thread, &raw mut clock) };
        (found == 0).then_some(Self { stat, clock })
    }

    /// Where it sleeps: how much of the processor it has used so far, in nanoseconds.
    pub(super) fn asleep(&self) -> Option<u64> {
        let mut text = [0u8; 128];
        let length = self.stat.read_at(&mut text, 0).ok()?;
        // Its number, its name in brackets (at most 15 bytes, which may be brackets), its state.
        let name_end = text[..length].iter().rposition(|byte| *byte == b')')?;
        let sleeps = text.get(name_end + 2) == Some(&b'S');
        let mut time = MaybeUninit::<libc::timespec>::zeroed();
        // SAFETY: fills what it is given.
        let (got, time) = unsafe {
            (
                libc::clock_gettime(self.clock, time.as_mut_ptr()),
                time.assume_init(),
            )
        };
        (sleeps && got == 0).then_some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }

    /// Whether it sleeps and goes on to do so: not only between two moments of work.
    pub(super) fn stays_asleep(&self) -> bool {
        let before = self.asleep();
        std::thread::yield_now();
        before.is_some() && before == self.asleep()
    }
}
