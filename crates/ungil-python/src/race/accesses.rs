//! From the instruction about to run to the shared things that it touches.

use pyo3::ffi;
use smallvec::SmallVec;
use ungil_race::{Access, Kind, ObjectId, Part};

use super::attributes::{is_fixed, load_attribute, store_attribute};
use super::called::{called, resolve};
use super::calls;
use super::code::{Does, NO_VALUE};
use super::containers::{container_of, element, is_container};
use super::engine::{CELL, CONTAINER, inside};
use super::followers;
use super::frame::Frame;
use super::free_threaded::{self, Before};
use super::step::{Went, access, operation, step};
use super::touch::{Accesses, Label, Object, Touch, note};

/// Makes the running thread stop before this instruction; whether it may go on.
///
/// A `benign` access is meant to be one atomic step that orders threads.
///
/// # Safety
/// A thread of the model runs `frame`, with the GIL, and is about to run an instruction that does this.
pub(super) unsafe fn before(
    frame: *mut ffi::PyFrameObject,
    does: Does,
    name: Object,
    benign: bool,
) -> bool {
    // SAFETY: the frame's layout is that of the Python that this is built for (the session refuses unknown
    // ones); places come from the code object's own analysis.
    unsafe {
        let frame = Frame::new(frame);
        if let Does::LoadAttribute { owner: object } | Does::Enter { object } = does
            && !followers::meets(frame.place(object))
        {
            return false;
        }
        if let Does::Call { callable, .. } | Does::CallUnpacked { callable, .. } = does
            && !followers::meets_call(&frame, callable)
        {
            return false;
        }
        if free_threaded::is_on() {
            match free_threaded::before(&frame, does) {
                Before::Nothing => {}
                Before::All => return true,
                Before::Raised => return false,
            }
        }
        let Some(touch) = decode(&frame, does, name) else {
            return true;
        };
        let locks = if free_threaded::is_on() {
            free_threaded::locks_of(&frame, does, &touch.accesses)
        } else {
            SmallVec::new()
        };
        make(&touch, benign, &locks)
    }
}

/// Makes the running thread stop before it touches this, which is alive; whether it may go on.
///
/// `locks` are waited for first.
pub(super) fn make(touch: &Touch, benign: bool, locks: &[ObjectId]) -> bool {
    let Some(engine) = inside() else { return true };
    let mut accesses: SmallVec<[Access; 2]> = locks
        .iter()
        .map(|lock| access(*lock, Part::Whole, false))
        .collect();
    accesses.extend(
        touch
            .accesses
            .iter()
            .map(|(object, part, of, write)| access(engine.object(*object, *part), *of, *write)),
    );
    let object = accesses.get(locks.len()).map(|access| access.object);
    let kind = if benign { Kind::Atomic } else { touch.kind };
    let mut wish = operation(kind, accesses);
    wish.blocking = !locks.is_empty();
    let went = step(wish, None, || note(object, touch));
    !matches!(went, Went::Away)
}

#[allow(clippy::too_many_lines)] // one arm per kind of instruction
unsafe fn decode(frame: &Frame, does: Does, name: Object) -> Option<Touch> {
    // SAFETY: the caller's: places of this frame.
    let place = |at: usize| unsafe { frame.place(at) };
    let value_at = |at: usize| (at != NO_VALUE).then(|| place(at));
    let one = |kind, access, label, value| {
        Some(Touch {
            kind,
            accesses: SmallVec::from_slice(&[access]),
            label,
            value,
        })
    };
    let reads = |object, at, part, label| one(Kind::Read, (object, at, part, false), label, None);
    let writes =
        |object, at, part, label, value| one(Kind::Write, (object, at, part, true), label, value);
    // SAFETY: `before`.
    unsafe {
        match does {
            Does::Nothing | Does::Loop | Does::LoopIf { .. } | Does::Enter { .. } => None,
            Does::LoadAttribute { owner } => load_attribute(place(owner), name),
            Does::StoreAttribute { owner, value } => {
                store_attribute(place(owner), name, value_at(value))
            }
            Does::LoadGlobal => {
                let globals = frame.globals()?;
                let value = ffi::PyDict_GetItemWithError(globals, name);
                if value.is_null() || is_fixed(value) {
                    return None;
                }
                reads(globals, name as usize, Part::Whole, Label::Name(name))
            }
            Does::StoreGlobal { value } => {
                let globals = frame.globals()?;
                let value = value_at(value);
                writes(
                    globals,
                    name as usize,
                    Part::Whole,
                    Label::Name(name),
                    value,
                )
            }
            Does::LoadCell { cell } => {
                let cell = place(cell);
                let value = ffi::PyCell_Get(cell);
                let fixed = value.is_null() || is_fixed(value);
                ffi::Py_XDECREF(value);
                if fixed {
                    return None;
                }
                reads(cell, CELL, Part::Whole, Label::Name(name))
            }
            Does::StoreCell { cell, value } => {
                let value = value_at(value);
                writes(place(cell), CELL, Part::Whole, Label::Name(name), value)
            }
            Does::LoadItem { container, key } => {
                let (object, key) = (place(container), place(key));
                if !is_container(object) && ffi::PyTuple_Check(object) != 0
                    || ffi::PyUnicode_Check(object) != 0
                    || ffi::PyType_Check(object) != 0
                {
                    return None;
                }
                let part = element(object, key);
                reads(object, CONTAINER, part, Label::Item(object, key))
            }
            Does::StoreItem {
                container,
                key,
                value,
            } => {
                let (object, key, value) = (place(container), place(key), value_at(value));
                let mut part = element(object, key);
                let deletes = value.is_none();
                let is_new = ffi::PyDict_CheckExact(object) != 0
                    && part != Part::Whole
                    && ffi::PyDict_Contains(object, key) != 1;
                if deletes || is_new {
                    part = Part::Whole;
                }
                let kind = if is_new { Kind::Atomic } else { Kind::Write };
                one(
                    kind,
                    (object, CONTAINER, part, true),
                    Label::Item(object, key),
                    value,
                )
            }
            Does::Call {
                callable,
                arguments,
            } => calls::touched(&called(callable, arguments, frame)?),
            Does::CallUnpacked {
                callable,
                arguments,
            } => {
                let given = calls::unpacked(place(arguments));
                calls::touched(&resolve(place(callable), place(callable + 1), given)?)
            }
            Does::Next { iterator } => {
                let iterator = place(iterator);
                let mut accesses: Accesses = SmallVec::new();
                // From 3.15 on a list is gone through without an iterator; one that only this frame has is no
                // concern of others.
                if is_container(iterator) {
                    accesses.push((iterator, CONTAINER, Part::Whole, false));
                } else if ffi::Py_REFCNT(iterator) > 1 {
                    accesses.push((iterator, CONTAINER, Part::Whole, true));
                }
                accesses.extend(calls::gone_through(iterator));
                let shown = accesses.last()?.0;
                let label = Label::Container(shown, None);
                Some(Touch {
                    kind: Kind::Atomic,
                    accesses,
                    label,
                    value: None,
                })
            }
            Does::ReadWhole { .. }
            | Does::Iterate { .. }
            | Does::Unpack { .. }
            | Does::Contains { .. }
            | Does::Truth { .. } => {
                let (first, count) = match does {
                    Does::Iterate { source } | Does::Unpack { source, .. } => (source, 1),
                    Does::Contains { container } => (container - 1, 2),
                    Does::Truth { value } => (value, 1),
                    Does::ReadWhole { first, count } => (first, count),
                    _ => return None,
                };
                let containers = (first..first + count).filter_map(|at| container_of(place(at)));
                let accesses: Accesses = containers
                    .map(|it| (it, CONTAINER, Part::Whole, false))
                    .collect();
                let label = Label::Container(accesses.first()?.0, None);
                Some(Touch {
                    kind: Kind::Atomic,
                    accesses,
                    label,
                    value: None,
                })
            }
            Does::WriteWhole { container } => {
                let object = place(container);
                let label = Label::Container(object, None);
                writes(object, CONTAINER, Part::Whole, label, None)
            }
            Does::InPlace { left, .. } => {
                let (object, right) = (place(left), place(left + 1));
                let mut accesses: Accesses = SmallVec::new();
                if is_container(object) {
                    accesses.push((object, CONTAINER, Part::Whole, true));
                }
                if is_container(right) && right != object {
                    accesses.push((right, CONTAINER, Part::Whole, false));
                }
                let label = Label::Container(accesses.first()?.0, None);
                Some(Touch {
                    kind: Kind::Atomic,
                    accesses,
                    label,
                    value: None,
                })
            }
        }
    }
}
