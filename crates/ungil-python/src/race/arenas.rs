//! Memory that each new thread state asks the system for, and gives back with it: kept from one to the next.
//!
//! The interpreter takes a thread's first piece of frame stack from its arena allocator, which maps and unmaps pages
//! each time. While models run, pieces of that size go through a list of spare ones here.

use std::ffi::c_void;
use std::sync::Mutex;

use pyo3::ffi::{PyObject_GetArenaAllocator, PyObject_SetArenaAllocator, PyObjectArenaAllocator};

/// `DATA_STACK_CHUNK_SIZE` of the interpreter, in bytes.
const PIECE: usize = 16 << 10;
/// A run's threads have one each.
const MOST_SPARE: usize = 64;
/// What is kept for the next exploration.
const KEPT: usize = 8;

/// The interpreter's own allocator, while this one takes its place; and addresses of pieces that it has made.
struct Arenas {
    original: Option<PyObjectArenaAllocator>,
    spare: Vec<usize>,
}

// SAFETY: the allocator's context is a pointer that any thread may pass on.
unsafe impl Send for Arenas {}

static ARENAS: Mutex<Arenas> = Mutex::new(Arenas {
    original: None,
    spare: Vec::new(),
});

extern "C" fn alloc(_: *mut c_void, size: usize) -> *mut c_void {
    let null = std::ptr::null_mut();
    let Ok(mut arenas) = ARENAS.lock() else {
        return null;
    };
    if size == PIECE
        && let Some(piece) = arenas.spare.pop()
    {
        return piece as *mut c_void;
    }
    match &arenas.original {
        Some(PyObjectArenaAllocator {
            ctx,
            alloc: Some(alloc),
            ..
        }) => alloc(*ctx, size),
        _ => null,
    }
}

extern "C" fn free(_: *mut c_void, piece: *mut c_void, size: usize) {
    let Ok(mut arenas) = ARENAS.lock() else {
        return;
    };
    if size == PIECE && arenas.spare.len() < MOST_SPARE {
        arenas.spare.push(piece as usize);
    } else {
        give_back(arenas.original.as_ref(), piece, size);
    }
}

fn give_back(original: Option<&PyObjectArenaAllocator>, piece: *mut c_void, size: usize) {
    if let Some(PyObjectArenaAllocator {
        ctx,
        free: Some(free),
        ..
    }) = original
    {
        free(*ctx, piece, size);
    }
}

const NONE: PyObjectArenaAllocator = PyObjectArenaAllocator {
    ctx: std::ptr::null_mut(),
    alloc: None,
    free: None,
};

/// Takes the place of the interpreter's allocator.
pub(super) fn begin() {
    let mut found = NONE;
    // SAFETY: the GIL is held; what was found gets everything but spare pieces.
    unsafe { PyObject_GetArenaAllocator(&raw mut found) };
    if let Ok(mut arenas) = ARENAS.lock() {
        arenas.original = Some(found);
    }
    let mut ours = PyObjectArenaAllocator {
        alloc: Some(alloc),
        free: Some(free),
        ..NONE
    };
    // SAFETY: as above; pieces in use were made by the original, as ours are.
    unsafe { PyObject_SetArenaAllocator(&raw mut ours) };
}

/// Gives its place back, and most of the memory.
pub(super) fn end() {
    let Ok(mut arenas) = ARENAS.lock() else {
        return;
    };
    let Some(mut original) = arenas.original.take() else {
        return;
    };
    // SAFETY: the GIL is held; it was there before.
    unsafe { PyObject_SetArenaAllocator(&raw mut original) };
    while arenas.spare.len() > KEPT
        && let Some(piece) = arenas.spare.pop()
    {
        give_back(Some(&original), piece as *mut c_void, PIECE);
    }
}
