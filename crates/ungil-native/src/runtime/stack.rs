//! Where a thread's stack ends.

use std::cell::Cell;

/// Stack that is left to what machine code calls.
const MARGIN: usize = 128 << 10;

thread_local! {
    static LIMIT: Cell<usize> = const { Cell::new(0) };
}

/// The address that the stack of this thread must not grow below.
pub fn limit() -> usize {
    LIMIT.with(|known| {
        if known.get() == 0 {
            known.set(find());
        }
        known.get()
    })
}

fn find() -> usize {
    let mut address = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: the attributes are initialised by the first call, read, and destroyed.
    let found = unsafe {
        let mut attributes = std::mem::zeroed::<libc::pthread_attr_t>();
        if libc::pthread_getattr_np(libc::pthread_self(), &raw mut attributes) != 0 {
            false
        } else {
            let result =
                libc::pthread_attr_getstack(&raw const attributes, &raw mut address, &raw mut size);
            libc::pthread_attr_destroy(&raw mut attributes);
            result == 0
        }
    };
    if found {
        // A quarter is kept where a thread has little.
        return address as usize + MARGIN.min(size / 4);
    }
    // Not known: what is surely there.
    let local = 0_u8;
    (&raw const local as usize).saturating_sub(64 << 10)
}
