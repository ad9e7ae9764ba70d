//! Whether something can be a task at all; asked before anything is measured.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::{Error, Result};

/// Refuses what is not a function that does its work when it is called.
pub(super) fn is_function(object: &Bound<'_, PyAny>, name: &str) -> Result<()> {
    if !object.is_callable() {
        let kind = object.get_type().name()?.to_string();
        let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        return Err(Error::WrongType(format!(
            "\"{name}\" is {article} {kind}, not a function: a workload has to be callable."
        )));
    }
    let inspect = object.py().import("inspect")?;
    let is = |question: &str| inspect.call_method1(question, (object,))?.is_truthy();
    if is("iscoroutinefunction")? || is("isasyncgenfunction")? {
        let attribute = name
            .rsplit_once(':')
            .map_or(name, |(_, attribute)| attribute);
        return Err(Error::WrongType(format!(
            "\"{name}\" is an async function: calling it runs nothing. Give a function that calls \
             `asyncio.run({attribute}(...))`."
        )));
    }
    if is("isgeneratorfunction")? {
        return Err(Error::WrongType(format!(
            "\"{name}\" is a generator function: calling it runs nothing. Give a function that \
             consumes it, for example with `list(...)`."
        )));
    }
    Ok(())
}

/// Refuses a function that needs arguments.
pub(super) fn takes_none(function: &Bound<'_, PyAny>, name: &str) -> Result<()> {
    match misfit(function, PyTuple::empty(function.py()))? {
        None => Ok(()),
        Some(reason) => Err(Error::WrongType(format!(
            "\"{name}\" cannot be called without arguments ({reason}). Give it one per task with \
             --items, for example --items 'range(100)', or wrap it in a function that takes none."
        ))),
    }
}

/// Refuses a function that does not take one item.
pub(super) fn takes_one(
    function: &Bound<'_, PyAny>,
    name: &str,
    item: Bound<'_, PyAny>,
) -> Result<()> {
    match misfit(function, (item,).into_pyobject(function.py())?)? {
        None => Ok(()),
        Some(reason) => Err(Error::WrongType(format!(
            "\"{name}\" cannot be called with one item ({reason}). A function fed by --items takes \
             exactly one argument."
        ))),
    }
}

/// Why these arguments do not fit the signature; `None` also where there is no signature to ask.
fn misfit(function: &Bound<'_, PyAny>, arguments: Bound<'_, PyTuple>) -> Result<Option<String>> {
    let Ok(signature) = function
        .py()
        .import("inspect")?
        .call_method1("signature", (function,))
    else {
        return Ok(None);
    };
    let bound = signature.call_method("bind", arguments, None);
    Ok(bound
        .err()
        .map(|error| error.value(function.py()).to_string()))
}
