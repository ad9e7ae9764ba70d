//! A native function for one list of argument types: its machine code and what that relies on.
#![allow(unsafe_code)]

use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use ungil_native::object::{self, Code};
use ungil_native::runtime::{self, Deferred, Entry};
use ungil_native::{Checks, Fate, FunctionId, Refusal, Site, Type};

use super::environment::{Dependency, Place, PythonEnvironment};
use super::function::NativeFunction;
use super::threads;

/// The function in the object file that is called.
const ENTRY: &str = "ungil_entry";

/// File, line, exception and fate of a check.
pub(super) type ExplainedCheck = (String, u32, String, &'static str);

#[derive(Debug)]
pub(super) struct Specialisation {
    pub(super) arguments: Vec<Type>,
    pub(super) returns: Type,
    pub(super) long: bool,
    pub(super) recursive: bool,
    pub(super) sites: Vec<Site>,
    /// The functions that sites are in, by their number.
    pub(super) functions: Vec<Py<NativeFunction>>,
    pub(super) checks: Checks,
    pub(super) ir: String,
    pub(super) typed: String,
    /// Where the object code was found: compiled, or in the cache.
    pub(super) origin: String,
    dependencies: Vec<Dependency>,
    code: Code,
    /// What is hardly ever needed, and its code once it was.
    deferred: Option<String>,
    deferred_code: OnceLock<Code>,
}

impl Specialisation {
    pub(super) fn new(function: &Bound<'_, NativeFunction>, arguments: &[Type]) -> PyResult<Self> {
        let py = function.py();
        let mut environment = PythonEnvironment::new(function);
        let compiled = ungil_native::compile(&mut environment, FunctionId(0), arguments);
        if let Some(error) = environment.error.take() {
            return Err(error);
        }
        let compiled = compiled.map_err(|refusal| refused(&environment, &refusal))?;
        if compiled.parallel {
            threads::check()?;
        }
        let (code, origin) = machine_code(py, &compiled.ir)?;
        let most = compiled.sites.iter().map(|site| site.function.0).max();
        let functions = (0..=most.unwrap_or(0))
            .map(|id| environment.function_object(FunctionId(id)).clone().unbind())
            .collect();
        Ok(Self {
            arguments: arguments.to_vec(),
            returns: compiled.returns,
            long: compiled.long,
            recursive: compiled.recursive,
            sites: compiled.sites,
            functions,
            checks: compiled.checks,
            ir: compiled.ir,
            typed: compiled.typed,
            origin,
            dependencies: environment.dependencies,
            code,
            deferred: compiled.deferred,
            deferred_code: OnceLock::new(),
        })
    }

    /// What a report tells of it.
    pub(super) fn facts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let facts = PyDict::new(py);
        let types: Vec<String> = self.arguments.iter().map(ToString::to_string).collect();
        facts.set_item("arguments", types)?;
        facts.set_item("returns", self.returns.to_string())?;
        facts.set_item("checks_made", self.checks.made)?;
        facts.set_item("checks_before_loops", self.checks.before_loops)?;
        facts.set_item("checks_proved", self.checks.proved)?;
        facts.set_item("releases_gil", self.long)?;
        facts.set_item("bytes", self.code_size())?;
        facts.set_item("origin", &self.origin)?;
        facts.set_item("typed", &self.typed)?;
        facts.set_item("ir", &self.ir)?;
        Ok(facts)
    }

    /// LLVM IR with lines, and what became of the checks: line, exception, text, fate.
    pub(super) fn explained(
        &self,
        function: &Bound<'_, NativeFunction>,
    ) -> PyResult<(String, Vec<ExplainedCheck>)> {
        let mut environment = PythonEnvironment::new(function);
        let explained = ungil_native::explain(&mut environment, FunctionId(0), &self.arguments);
        if let Some(error) = environment.error.take() {
            return Err(error);
        }
        let explained = explained.map_err(|refusal| refused(&environment, &refusal))?;
        let mut checks = Vec::new();
        for (site, fate) in explained.checks {
            let Some(raise) = site.error else { continue };
            let owner = environment.function_object(site.function).clone();
            let source = &owner.get().source().source;
            let fate = match fate {
                Fate::Made => "made",
                Fate::BeforeLoop => "before the loop",
                Fate::Proved => "proved",
                Fate::Waived => "waived",
            };
            let line = source.place(site.range).line;
            checks.push((source.file.clone(), line, raise.exception, fate));
        }
        Ok((explained.ir, checks))
    }

    pub(super) fn entry(&self) -> Entry {
        // SAFETY: the address of the function of this signature that `emit` writes, alive as `self` is.
        unsafe { std::mem::transmute::<usize, Entry>(self.code.entry()) }
    }

    /// The entry of the loops that were left for later, which are compiled now if they are not yet.
    pub(super) fn deferred(&self, py: Python<'_>) -> PyResult<Deferred> {
        let code = if let Some(code) = self.deferred_code.get() {
            code
        } else {
            // Not while others wait: they may hold what compiling waits for.
            let ir = self.deferred.as_deref().unwrap_or_default();
            let (code, _) = machine_code(py, ir)?;
            self.deferred_code.get_or_init(|| code)
        };
        // SAFETY: the address of the function of this signature that `emit` writes, alive as `self` is.
        Ok(unsafe { std::mem::transmute::<usize, Deferred>(code.entry()) })
    }

    pub(super) fn code_size(&self) -> usize {
        self.code.size()
    }

    /// Whether every global name still stands for the same object.
    pub(super) fn is_current(&self, _py: Python<'_>) -> bool {
        self.dependencies.iter().all(|dependency| {
            let expected = dependency
                .value
                .as_ref()
                .map_or(std::ptr::null_mut(), Py::as_ptr);
            // SAFETY: attached, as the token shows; both calls give borrowed references, which are
            // compared and not kept, and no error for interned keys.
            let found = unsafe {
                match &dependency.place {
                    Place::Names(names, name) => {
                        ffi::PyDict_GetItemWithError(names.as_ptr(), name.as_ptr())
                    }
                    Place::Cell(cell) => {
                        let value = ffi::PyCell_Get(cell.as_ptr());
                        ffi::Py_XDECREF(value);
                        value
                    }
                }
            };
            found == expected
        })
    }
}

/// Has the LLVM IR compiled, or finds what was compiled before.
fn machine_code(py: Python<'_>, ir: &str) -> PyResult<(Code, String)> {
    let answer = py
        .import("ungil._native.compiler")?
        .call_method1("object_code", (PyString::new(py, ir),))?;
    let (bytes, origin): (Bound<'_, PyBytes>, String) = answer.extract()?;
    let code = object::load(bytes.as_bytes(), ENTRY, runtime::symbol).map_err(|error| {
        pyo3::exceptions::PyRuntimeError::new_err(format!(
            "the compiled code cannot be loaded: {error}. Please report this with the function"
        ))
    })?;
    Ok((code, origin))
}

/// The refusal as Python's exception.
fn refused(environment: &PythonEnvironment<'_>, refusal: &Refusal) -> PyErr {
    let function = environment.function_object(refusal.function);
    let source = function.get().source();
    let text = refusal.diagnostic.render(&source.source);
    let place = source.source.place(refusal.diagnostic.range);
    let title = &refusal.diagnostic.title;
    refusal_error(function.py(), title, &text, &source.source.file, place.line)
}

/// `ungil.native.Refused` with what was found.
pub(super) fn refusal_error(
    py: Python<'_>,
    title: &str,
    text: &str,
    file: &str,
    line: u32,
) -> PyErr {
    let made = py
        .import("ungil._native.errors")
        .and_then(|module| module.call_method1("refused", (title, text, file, line)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}
