//! A call on its way to a worker: the function and its arguments as bytes and buffers.
//!
//! ```text
//! | function kind: u8 | function length: u32 | function pickle | arguments kind: u8 | arguments |
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyFunction, PyTuple};

use super::codec;
use super::outcome::{pickling_error, with_note};
use super::payload::Payload;
use super::pickling;
use super::shared::collecting;
use crate::once::name;

/// How the function is written.
pub(super) mod function {
    /// By its module and name: equal bytes mean the same function, so a worker may remember it.
    pub(crate) const NAMED: u8 = 0;
    /// By value, in the arguments' pickle, so that what it holds travels like arguments.
    pub(crate) const BY_VALUE: u8 = 1;
}

/// How the arguments are written.
pub(super) mod arguments {
    /// A plain tuple, no keywords.
    pub(crate) const PLAIN: u8 = 0;
    /// The pickle of (function or None, args, kwargs). The function comes first: reading it may
    /// be what makes the arguments' classes importable.
    pub(crate) const PICKLED: u8 = 1;
    /// The same, and something in it may be the main module's.
    pub(crate) const PICKLED_OF_MAIN: u8 = 2;
}

/// The functions seen last, pickled: a pool is mostly fed with the same one.
#[derive(Default)]
pub(super) struct FunctionCache(Mutex<Vec<Known>>);

struct Known {
    function: Py<PyAny>,
    pickle: Arc<[u8]>,
    label: Arc<str>,
}

/// A function remembers this many others.
const KNOWN: usize = 8;

/// An encoded call.
pub(super) struct Call<'py> {
    pub(super) label: Arc<str>,
    /// What has to be sent besides the head.
    pub(super) payload: Option<Payload<'py>>,
    /// Shared memory that must stay until the task has ended.
    pub(super) held: Vec<Py<PyAny>>,
}

impl FunctionCache {
    /// Writes the call into `head`.
    pub(super) fn encode<'py>(
        &self,
        func: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
        head: &mut Vec<u8>,
    ) -> PyResult<Call<'py>> {
        head.clear();
        let (label, named) = self.put_function(func, head)?;
        let kwargs = kwargs.filter(|kwargs| !kwargs.is_empty());
        head.push(arguments::PLAIN);
        if named
            && kwargs.is_none()
            && let Some(large) = codec::encode(args.as_any(), head)
        {
            return Ok(Call {
                label,
                payload: (!large.is_empty()).then(|| Payload::of_pieces(large)),
                held: Vec::new(),
            });
        }
        head.pop();
        let (mut payload, memories) = collecting(|| {
            if named {
                pickle_arguments(&label, args, kwargs)
            } else {
                pickle_call(&label, func, args, kwargs)
            }
        })?;
        head.push(if payload.mentions_main() {
            arguments::PICKLED_OF_MAIN
        } else {
            arguments::PICKLED
        });
        payload.put(head)?;
        Ok(Call {
            label,
            payload: Some(payload),
            held: memories,
        })
    }

    /// Writes the function; whether it is by name, or else to go with the arguments.
    fn put_function(
        &self,
        func: &Bound<'_, PyAny>,
        head: &mut Vec<u8>,
    ) -> PyResult<(Arc<str>, bool)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.iter().rev().find(|known| known.function.is(func)) {
            put(head, function::NAMED, &known.pickle);
            return Ok((Arc::clone(&known.label), true));
        }
        drop(known);
        let label: Arc<str> = label(func).into();
        let Some(pickle) = pickle_by_name(func)? else {
            put(head, function::BY_VALUE, &[]);
            return Ok((label, false));
        };
        put(head, function::NAMED, &pickle);
        let known = Known {
            function: func.clone().unbind(),
            pickle: pickle.into(),
            label: Arc::clone(&label),
        };
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = (cache.len() == KNOWN).then(|| cache.remove(0));
        cache.push(known);
        drop(cache);
        drop(forgotten);
        Ok((label, true))
    }
}

fn put(head: &mut Vec<u8>, kind: u8, pickle: &[u8]) {
    head.push(kind);
    head.extend_from_slice(&(pickle.len() as u32).to_ne_bytes());
    head.extend_from_slice(pickle);
}

/// The pickle of a function that a worker can import; `None` for any other callable.
fn pickle_by_name(func: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
    let py = func.py();
    // Only these are pickled by name for sure, whatever their class does.
    let named =
        func.is_exact_instance_of::<PyFunction>() || func.is_exact_instance_of::<PyCFunction>();
    if !named || is_of_interactive_main(func) {
        return Ok(None);
    }
    match pickling::dump(func) {
        // A built-in method of an object has that object in its pickle.
        Ok(pickle) => Ok(pickle.whole()),
        Err(error) if pickling::is_unpicklable(py, &error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The pickle of a function that goes by value, and of its arguments.
fn pickle_call<'py>(
    label: &str,
    func: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Payload<'py>> {
    let py = func.py();
    let all = (func, args, kwargs).into_pyobject(py)?.into_any();
    let error = match pickling::dump_any(&all) {
        Ok(pickle) => return Ok(self_contained(pickle, &all)),
        Err(error) if !pickling::is_unpicklable(py, &error) => return Err(error),
        Err(error) => error,
    };
    if pickling::dump_any(func).is_ok() {
        return Err(pickle_arguments(label, args, kwargs).err().unwrap_or(error));
    }
    let message = format!(
        "{label} cannot be pickled for a worker process: {}. Move the function to the top level of a \
         module, or install cloudpickle (pip install cloudpickle), which also takes lambdas and closures",
        error.value(py)
    );
    let refused = pickling_error(py, &message);
    refused.set_cause(py, Some(error));
    Err(refused)
}

/// Whether a function was defined in a `__main__` that workers cannot import.
fn is_of_interactive_main(func: &Bound<'_, PyAny>) -> bool {
    let py = func.py();
    let in_main = func
        .getattr_opt(name!(py, "__module__"))
        .ok()
        .flatten()
        .is_some_and(|module| {
            module
                .extract::<&str>()
                .is_ok_and(|name| name == "__main__")
        });
    in_main && main_is_interactive(py)
}

/// Whether the main module is not a file: a prompt, `-c`, standard input, a notebook.
fn main_is_interactive(py: Python<'_>) -> bool {
    py.import("ungil._set_up")
        .and_then(|module| module.call_method0("main_module")?.is_truthy())
        .is_ok_and(|found| !found)
}

/// The pickle, or one by value where it names what was typed into a session, be it inside of a
/// `functools.partial`: a worker cannot import that.
fn self_contained<'py>(pickle: Payload<'py>, object: &Bound<'py, PyAny>) -> Payload<'py> {
    if pickle.mentions_main()
        && main_is_interactive(object.py())
        && let Some(Ok(by_value)) = pickling::cloud_dump(object)
    {
        return by_value;
    }
    pickle
}

fn pickle_arguments<'py>(
    label: &str,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Payload<'py>> {
    let py = args.py();
    let both = (py.None(), args, kwargs).into_pyobject(py)?.into_any();
    let error = match pickling::dump(&both) {
        Ok(pickle) => return Ok(self_contained(pickle, &both)),
        Err(error) if pickling::is_unpicklable(py, &error) => error,
        Err(error) => {
            return Err(with_note(
                py,
                error,
                &format!("raised while the arguments of {label} were pickled"),
            ));
        }
    };
    let error = match pickling::forking_dump(&both) {
        Ok(pickle) => return Ok(pickle),
        // It knows better why a lock of multiprocessing's cannot travel.
        Err(better) if error.is_instance_of::<PyRuntimeError>(py) => better,
        Err(_) => error,
    };
    if let Some(Ok(pickle)) = pickling::cloud_dump(&both) {
        return Ok(pickle);
    }
    let culprit = pickling::culprit(args, kwargs).unwrap_or_else(|| "an argument".into());
    let message = format!(
        "{culprit} of {label} cannot be pickled for a worker process: {}. Pass plain data instead (a path rather \
         than an open file, say), or use a thread pool, which needs no pickling",
        error.value(py)
    );
    let refused = pickling_error(py, &message);
    refused.set_cause(py, Some(error));
    Err(refused)
}

/// A function's name for messages: `module.qualified_name`; for a wrapper that of what it wraps.
pub(super) fn label(func: &Bound<'_, PyAny>) -> String {
    let py = func.py();
    let wrapped = func.getattr_opt(name!(py, "__wrapped__")).ok().flatten();
    let func = wrapped.as_ref().unwrap_or(func);
    let text = |name| {
        func.getattr_opt(name)
            .ok()
            .flatten()
            .and_then(|value| value.extract::<String>().ok())
    };
    match (
        text(name!(py, "__module__")),
        text(name!(py, "__qualname__")),
    ) {
        (Some(module), Some(name)) if module != "builtins" => format!("{module}.{name}"),
        (_, Some(name)) => name,
        _ => pickling::type_name(func),
    }
}
