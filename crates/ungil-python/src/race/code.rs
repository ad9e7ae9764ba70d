//! The code under test: which of its instructions touch something shared, decoded once per function.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};

use pyo3::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::by_turns::ByTurns;

/// What an instruction does. Numbers are places in the frame: locals first, then the value stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Nothing,
    LoadAttribute {
        owner: usize,
    },
    StoreAttribute {
        owner: usize,
        value: usize,
    },
    LoadGlobal,
    StoreGlobal {
        value: usize,
    },
    LoadCell {
        cell: usize,
    },
    StoreCell {
        cell: usize,
        value: usize,
    },
    LoadItem {
        container: usize,
        key: usize,
    },
    StoreItem {
        container: usize,
        key: usize,
        value: usize,
    },
    Call {
        callable: usize,
        arguments: usize,
    },
    /// `f(*arguments)`.
    CallUnpacked {
        callable: usize,
        arguments: usize,
    },
    Next {
        iterator: usize,
    },
    ReadWhole {
        first: usize,
        count: usize,
    },
    /// `iter()`.
    Iterate {
        source: usize,
    },
    /// Gives what is in there one by one: to variables (0), a set (1), a list (2).
    Unpack {
        source: usize,
        into: usize,
    },
    /// `in`.
    Contains {
        container: usize,
    },
    /// Whether a value is true.
    Truth {
        value: usize,
    },
    WriteWhole {
        container: usize,
    },
    /// `+=` and the like: by the number of `BINARY_OP`.
    InPlace {
        left: usize,
        operator: usize,
    },
    Loop,
    /// 3.11 jumps back on a condition.
    LoopIf {
        value: usize,
    },
    /// `with`.
    Enter {
        object: usize,
    },
}

/// No value: the instruction deletes.
pub(super) const NO_VALUE: usize = usize::MAX;

pub(super) struct Instruction {
    pub(super) does: Does,
    pub(super) name: Option<Py<PyAny>>,
    /// Whether the user has said that races on this name are meant.
    benign: bool,
}

struct Code {
    /// Kept alive, so that its address names nothing else.
    _alive: Py<PyAny>,
    /// By offset in bytes, halved; `None` where it is not under test.
    instructions: Option<Vec<Instruction>>,
    /// The exploration that has met it last.
    met: u64,
    file: CString,
}

/// What tells of code objects.
struct Analyser {
    /// Which instructions of one do what; `None` where it is not under test.
    analyse: Py<PyAny>,
    /// Called once in each exploration for each of those under test.
    watch: Py<PyAny>,
}

/// More code objects than this are forgotten before the next exploration.
const MOST_CODES: usize = 10_000;

static CODES: ByTurns<RefCell<FxHashMap<usize, Code>>> =
    ByTurns::new(RefCell::new(FxHashMap::with_hasher(FxBuildHasher)));
/// What `CODES` are true for.
static SCOPE: ByTurns<RefCell<Option<Py<PyAny>>>> = ByTurns::new(RefCell::new(None));
static ANALYSER: ByTurns<RefCell<Option<Analyser>>> = ByTurns::new(RefCell::new(None));
static EXPLORATION: ByTurns<Cell<u64>> = ByTurns::new(Cell::new(0));

/// An exploration begins. What was learnt in an earlier one is kept where `scope` is the same.
pub(super) fn begin(analyse: Py<PyAny>, watch: Py<PyAny>, scope: Bound<'_, PyAny>) -> PyResult<()> {
    let before = SCOPE.with_borrow(|before| before.as_ref().map(|it| it.clone_ref(scope.py())));
    let same = match before {
        Some(before) => scope.eq(before)?,
        None => false,
    };
    if !same || CODES.with_borrow(FxHashMap::len) > MOST_CODES {
        drop(CODES.take());
        SCOPE.set(Some(scope.unbind()));
    }
    EXPLORATION.set(EXPLORATION.get() + 1);
    ANALYSER.set(Some(Analyser { analyse, watch }));
    Ok(())
}

/// It has ended.
pub(super) fn end() {
    ANALYSER.set(None);
}

type Row = (usize, u8, isize, isize, isize, Option<Py<PyAny>>, bool);

/// What the numbers of `python/ungil/race/_code.py` mean.
fn decoded(kind: u8, a: usize, b: usize, c: usize) -> Does {
    match kind {
        1 => Does::LoadAttribute { owner: a },
        2 => Does::StoreAttribute { owner: a, value: b },
        3 => Does::LoadGlobal,
        4 => Does::StoreGlobal { value: b },
        5 => Does::LoadCell { cell: a },
        6 => Does::StoreCell { cell: a, value: b },
        7 => Does::LoadItem {
            container: a,
            key: b,
        },
        8 => Does::StoreItem {
            container: a,
            key: b,
            value: c,
        },
        9 => Does::Call {
            callable: a,
            arguments: b,
        },
        10 => Does::Next { iterator: a },
        11 => Does::ReadWhole { first: a, count: b },
        12 => Does::WriteWhole { container: a },
        13 => Does::InPlace {
            left: a,
            operator: b,
        },
        14 => Does::Loop,
        15 => Does::LoopIf { value: a },
        16 => Does::Enter { object: a },
        17 => Does::CallUnpacked {
            callable: a,
            arguments: b,
        },
        18 => Does::Contains { container: a },
        19 => Does::Truth { value: a },
        20 => Does::Iterate { source: a },
        21 => Does::Unpack { source: a, into: b },
        _ => Does::Nothing,
    }
}

/// Learns a code object; whether it is under test.
pub(super) fn learn(code: &Bound<'_, PyAny>) -> PyResult<bool> {
    let key = code.as_ptr() as usize;
    let exploration = EXPLORATION.get();
    let known = CODES.with_borrow_mut(|codes| {
        let known = codes.get_mut(&key)?;
        let first = std::mem::replace(&mut known.met, exploration) != exploration;
        Some((known.instructions.is_some(), first))
    });
    if let Some((under_test, first)) = known
        && !(under_test && first)
    {
        return Ok(under_test);
    }
    let py = code.py();
    let analyser = |of: fn(&Analyser) -> &Py<PyAny>| {
        ANALYSER.with_borrow(|analyser| analyser.as_ref().map(|it| of(it).clone_ref(py)))
    };
    if known.is_some() {
        if let Some(watch) = analyser(|it| &it.watch) {
            watch.call1(py, (code,))?;
        }
        return Ok(true);
    }
    let Some(analyse) = analyser(|it| &it.analyse) else {
        return Ok(false);
    };
    let rows: Option<Vec<Row>> = analyse.call1(py, (code,))?.extract(py)?;
    if rows.is_some()
        && let Some(watch) = analyser(|it| &it.watch)
    {
        watch.call1(py, (code,))?;
    }
    let instructions = rows.map(|rows| {
        let length = rows.iter().map(|row| row.0 / 2 + 1).max().unwrap_or(0);
        let mut instructions: Vec<Instruction> = (0..length)
            .map(|_| Instruction {
                does: Does::Nothing,
                name: None,
                benign: false,
            })
            .collect();
        for (offset, kind, a, b, c, name, benign) in rows {
            let (a, b, c) = (a as usize, b as usize, c as usize);
            let does = decoded(kind, a, b, c);
            // Places that no frame has: what `dis` says of the stack is wrong here.
            let wrong = |place: usize| place > 1 << 20 && place != NO_VALUE;
            let does = if wrong(a) || wrong(b) || wrong(c) {
                Does::Nothing
            } else {
                does
            };
            instructions[offset / 2] = Instruction { does, name, benign };
        }
        instructions
    });
    let under_test = instructions.is_some();
    let file: String = code.getattr("co_filename")?.extract()?;
    let code = Code {
        file: CString::new(file).unwrap_or_default(),
        _alive: code.clone().unbind(),
        instructions,
        met: exploration,
    };
    CODES.with_borrow_mut(|codes| codes.insert(key, code));
    Ok(under_test)
}

/// Whether this code object is known and under test.
pub(super) fn is_under_test(code: *mut pyo3::ffi::PyObject) -> bool {
    CODES.with_borrow(|codes| {
        codes
            .get(&(code as usize))
            .is_some_and(|code| code.instructions.is_some())
    })
}

/// The instruction at an offset (in bytes) of a code object under test: what it does, and the name it
/// uses, borrowed from what is kept until the analyser changes.
pub(super) fn instruction(
    code: *mut pyo3::ffi::PyObject,
    offset: usize,
) -> Option<(Does, *mut pyo3::ffi::PyObject, bool)> {
    CODES.with_borrow(|codes| {
        let instructions = codes.get(&(code as usize))?.instructions.as_ref()?;
        let found = instructions.get(offset / 2)?;
        let name = found.name.as_ref().map_or(std::ptr::null_mut(), Py::as_ptr);
        (!matches!(found.does, Does::Nothing)).then_some((found.does, name, found.benign))
    })
}

/// Whether the running Python function is under test: not the standard library on its behalf.
pub(super) fn called_by_code_under_test(py: Python<'_>) -> bool {
    // SAFETY: the GIL is held; the frame is borrowed from the running thread.
    unsafe {
        let frame = pyo3::ffi::PyEval_GetFrame();
        if frame.is_null() {
            return false;
        }
        let code = Bound::from_owned_ptr(py, pyo3::ffi::PyFrame_GetCode(frame).cast());
        is_under_test(code.as_ptr())
    }
}

/// The file of a code object that is known. Borrowed: as long as nothing new is learnt.
pub(super) fn file(code: *mut pyo3::ffi::PyObject) -> Option<&'static CStr> {
    let codes = CODES.try_borrow().ok()?;
    let found = codes.get(&(code as usize)).map(|it| it.file.as_ptr());
    // SAFETY: a text that lives until its code object is forgotten, after the exploration.
    found.map(|file| unsafe { CStr::from_ptr(file) })
}
