//! Which thread the interpreter takes for the main one: only that one ends a system call when a signal comes.
//!
//! A call that waits (`read`, `recv`, `waitpid`) goes on after a signal unless the signal's handler in Python raises, and
//! handlers run on the main thread alone. So a thread of a model that blocks at the end of a run is taken for the main
//! one for a moment. The interpreter keeps its number in a word of `_PyRuntime`, which is looked for once.

use std::ffi::{c_int, c_ulong};
use std::sync::OnceLock;

/// `_PyRuntime` is longer in all versions, and has the word near its beginning.
const SEARCHED_BYTES: usize = 8 << 10;

/// The word's address, where it has been found.
static PLACE: OnceLock<Option<usize>> = OnceLock::new();

/// Looks for the word, where the caller is the main thread; with the GIL.
pub(super) fn prepare() {
    // SAFETY: looks names up in what is loaded; the function of that name has that type.
    unsafe {
        let runtime = libc::dlsym(libc::RTLD_DEFAULT, c"_PyRuntime".as_ptr());
        let is_main = libc::dlsym(libc::RTLD_DEFAULT, c"_PyOS_IsMainThread".as_ptr());
        if runtime.is_null() || is_main.is_null() {
            return;
        }
        let is_main =
            std::mem::transmute::<*mut libc::c_void, unsafe extern "C" fn() -> c_int>(is_main);
        if is_main() == 0 {
            return;
        }
        PLACE.get_or_init(|| {
            let words = runtime.cast::<c_ulong>();
            let own = libc::pthread_self();
            (0..SEARCHED_BYTES / size_of::<c_ulong>())
                .map(|at| words.add(at))
                .filter(|word| word.read_volatile() == own)
                .find(|word| {
                    word.write_volatile(0);
                    let found = is_main() == 0;
                    word.write_volatile(own);
                    found
                })
                .map(|word| word as usize)
        });
    }
}

/// The main thread is another one until this is dropped.
pub(super) struct Pretence {
    word: *mut c_ulong,
    before: c_ulong,
}

impl Pretence {
    /// Takes an OS thread for the main one; `None` where that cannot be done. With the GIL, as its end.
    pub(super) fn begin(thread: libc::pthread_t) -> Option<Self> {
        let word = PLACE.get().copied().flatten()? as *mut c_ulong;
        // SAFETY: `prepare` has found it; the interpreter reads it with the GIL.
        unsafe {
            let before = word.read_volatile();
            word.write_volatile(thread);
            Some(Self { word, before })
        }
    }
}

impl Drop for Pretence {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { self.word.write_volatile(self.before) };
    }
}
