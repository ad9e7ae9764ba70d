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

/// What runs in the place of a code object under test.
struct Code {
    /// Kept alive, so that its address names nothing else.
    alive: Py<PyAny>,
    /// By offset in bytes, halved.
    instructions: Vec<Instruction>,
    file: CString,
}

/// A code object that has been met.
struct Met {
    /// Kept alive, so that its address names nothing else.
    _alive: Py<PyAny>,
    /// The address of what runs in its place: itself where it is not under test, or there is no `sys.monitoring`.
    runs: usize,
    under_test: bool,
    /// The exploration that has met it last.
    exploration: u64,
}

/// What tells of code objects.
struct Analyser {
    /// Which instructions of one do what; `None` where it is not under test.
    analyse: Py<PyAny>,
    /// Called once in each exploration for each of those under test, with what runs in its place; `None` where the
    /// interpreter has no `sys.monitoring`: there it is the code object itself that runs.
    watch: Option<Py<PyAny>>,
}

/// More code objects than this are forgotten before the next exploration.
const MOST_CODES: usize = 10_000;

/// By the address of what runs.
static CODES: ByTurns<RefCell<FxHashMap<usize, Code>>> =
    ByTurns::new(RefCell::new(FxHashMap::with_hasher(FxBuildHasher)));
/// By address.
static MET: ByTurns<RefCell<FxHashMap<usize, Met>>> =
    ByTurns::new(RefCell::new(FxHashMap::with_hasher(FxBuildHasher)));
/// What both are true for.
static SCOPE: ByTurns<RefCell<Option<Py<PyAny>>>> = ByTurns::new(RefCell::new(None));
static ANALYSER: ByTurns<RefCell<Option<Analyser>>> = ByTurns::new(RefCell::new(None));
static EXPLORATION: ByTurns<Cell<u64>> = ByTurns::new(Cell::new(0));

/// An exploration begins. What was learnt in an earlier one is kept where `scope` is the same.
pub(super) fn begin(
    analyse: Py<PyAny>,
    watch: Option<Py<PyAny>>,
    scope: Bound<'_, PyAny>,
) -> PyResult<()> {
    let before = SCOPE.with_borrow(|before| before.as_ref().map(|it| it.clone_ref(scope.py())));
    let same = match before {
        Some(before) => scope.eq(before)?,
        None => false,
    };
    if !same || MET.borrow().len() > MOST_CODES {
        drop(MET.take());
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

/// What runs in the place of a code object; `None` where it has to be learnt first.
pub(super) fn runs_instead(code: *mut pyo3::ffi::PyObject) -> Option<*mut pyo3::ffi::PyObject> {
    MET.with_borrow(|met| {
        let met = met.get(&(code as usize))?;
        let up_to_date = !met.under_test || met.exploration == EXPLORATION.get();
        up_to_date.then_some(met.runs as *mut _)
    })
}

/// Learns a code object; whether it is under test.
pub(super) fn learn(code: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = code.py();
    let watch = || {
        ANALYSER.with_borrow(|analyser| {
            let watch = analyser.as_ref().and_then(|it| it.watch.as_ref());
            watch.map(|it| it.clone_ref(py))
        })
    };
    let known = MET.with_borrow_mut(|all| {
        let met = all.get_mut(&(code.as_ptr() as usize))?;
        let before = std::mem::replace(&mut met.exploration, EXPLORATION.get());
        let watched = !met.under_test || before == EXPLORATION.get();
        Some((met.under_test, met.runs, watched))
    });
    if let Some((under_test, runs, watched)) = known {
        if !watched && let Some(watch) = watch() {
            let runs = CODES.with_borrow(|codes| codes.get(&runs).map(|it| it.alive.clone_ref(py)));
            watch.call1(py, (runs,))?;
        }
        return Ok(under_test);
    }
    let analyse =
        ANALYSER.with_borrow(|analyser| analyser.as_ref().map(|it| it.analyse.clone_ref(py)));
    let Some(analyse) = analyse else {
        return Ok(false);
    };
    let Some(rows) = analyse
        .call1(py, (code,))?
        .extract::<Option<Vec<Row>>>(py)?
    else {
        meet(code, code, false);
        return Ok(false);
    };
    let mut runs = code.clone();
    if let Some(watch) = watch() {
        runs = code.call_method0("replace")?;
        watch.call1(py, (&runs,))?;
    }
    let file: String = code.getattr("co_filename")?.extract()?;
    let kept = Code {
        file: CString::new(file).unwrap_or_default(),
        alive: runs.clone().unbind(),
        instructions: instructions_of(rows),
    };
    CODES.with_borrow_mut(|codes| codes.insert(runs.as_ptr() as usize, kept));
    // A generator's frame keeps what ran in it.
    meet(&runs, &runs, true);
    meet(code, &runs, true);
    Ok(true)
}

fn meet(code: &Bound<'_, PyAny>, runs: &Bound<'_, PyAny>, under_test: bool) {
    let met = Met {
        _alive: code.clone().unbind(),
        runs: runs.as_ptr() as usize,
        under_test,
        exploration: EXPLORATION.get(),
    };
    MET.with_borrow_mut(|all| all.insert(code.as_ptr() as usize, met));
}

fn instructions_of(rows: Vec<Row>) -> Vec<Instruction> {
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
}

/// Whether what runs here is under test.
pub(super) fn is_under_test(code: *mut pyo3::ffi::PyObject) -> bool {
    CODES.with_borrow(|codes| codes.contains_key(&(code as usize)))
}

/// The instruction at an offset (in bytes) of a code object under test: what it does, and the name it
/// uses, borrowed from what is kept until the analyser changes.
pub(super) fn instruction(
    code: *mut pyo3::ffi::PyObject,
    offset: usize,
) -> Option<(Does, *mut pyo3::ffi::PyObject, bool)> {
    CODES.with_borrow(|codes| {
        let found = codes.get(&(code as usize))?.instructions.get(offset / 2)?;
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
