//! The frame of a function that is about to run an instruction: its places, locals first, then the value stack.

use pyo3::ffi;

use super::touch::Object;

/// `_PyInterpreterFrame.localsplus`.
pub(super) const LOCALS: usize = if cfg!(Py_3_14) { 80 } else { 72 };
/// `PyFrameObject.f_frame`, likewise.
const INNER_FRAME: usize = 24;

/// `_PyInterpreterFrame.f_executable` and `.instr_ptr` (3.12 calls them otherwise), in words.
pub(super) const EXECUTABLE: usize = 0;
pub(super) const INSTRUCTION: usize = 7;

/// The object in a place of a frame. From 3.14 on the lowest two bits tell what kind of reference it is; with both
/// set it is a number of the interpreter's own.
#[inline]
pub(super) fn referred(place: usize) -> Object {
    match (cfg!(Py_3_14), place & 3) {
        (true, 3) => std::ptr::null_mut(),
        (true, _) => (place & !3) as Object,
        (false, _) => place as Object,
    }
}

/// Whether a place's reference is not the frame's own: from 3.14 on there are such.
#[inline]
pub(super) fn is_borrowed(place: usize) -> bool {
    cfg!(Py_3_14) && place & 1 == 1
}

/// A field of an object of the interpreter.
#[inline]
pub(super) unsafe fn read<T: Copy>(base: *const u8, offset: usize) -> T {
    // SAFETY: the caller's: a field of that type lies there.
    unsafe { *base.add(offset).cast::<T>() }
}

/// A frame whose thread waits to run its next instruction, with the GIL.
pub(super) struct Frame {
    frame: *mut ffi::PyFrameObject,
    inner: *mut u8,
}

impl Frame {
    /// # Safety
    /// The frame is live, and of the Python that this is built for.
    pub(super) unsafe fn new(frame: *mut ffi::PyFrameObject) -> Self {
        // SAFETY: the caller's.
        let inner = unsafe { read(frame.cast(), INNER_FRAME) };
        Self { frame, inner }
    }

    unsafe fn slot(&self, at: usize) -> *mut usize {
        // SAFETY: the caller's: the frame has this place.
        unsafe { self.inner.add(LOCALS + at * size_of::<Object>()).cast() }
    }

    /// What is in a place of it, borrowed; null if nothing is.
    ///
    /// # Safety
    /// The frame has this place.
    #[inline]
    pub(super) unsafe fn place(&self, at: usize) -> Object {
        // SAFETY: the caller's.
        referred(unsafe { *self.slot(at) })
    }

    /// Puts an object, whose reference is taken over, in a place of the value stack.
    ///
    /// # Safety
    /// The frame has this place, and the instruction takes any object there.
    pub(super) unsafe fn replace(&self, at: usize, object: Object) {
        // SAFETY: the caller's.
        unsafe {
            let slot = self.slot(at);
            let before = std::mem::replace(&mut *slot, object as usize);
            if !is_borrowed(before) {
                ffi::Py_XDECREF(referred(before));
            }
        }
    }

    /// Its globals, borrowed.
    pub(super) fn globals(&self) -> Option<Object> {
        // SAFETY: a live frame keeps its globals alive.
        unsafe {
            let globals = ffi::PyFrame_GetGlobals(self.frame);
            ffi::Py_XDECREF(globals);
            (!globals.is_null()).then_some(globals)
        }
    }
}
