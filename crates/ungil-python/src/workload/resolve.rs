//! From what the user wrote to a workload.

use std::path::Path;

use pyo3::exceptions::{PyKeyboardInterrupt, PyModuleNotFoundError};
use pyo3::prelude::*;

use super::reference::Reference;
use super::{Calls, Workload, builtin, check, file, travel};
use crate::error::{Error, Result};
use crate::suggest;

/// The workload called `io`, `cpu`, `module:function` or `path/to/file.py:function`.
pub(crate) fn from_text(py: Python<'_>, text: &str) -> Result<Workload> {
    if let Some(workload) = builtin::named(py, text)? {
        return Ok(workload);
    }
    let (reference, module) = locate(py, text)?;
    let function = attribute(&module, &reference.attribute, text)?;
    check::is_function(&function, text)?;
    Ok(Workload {
        name: text.to_owned(),
        function: function.unbind(),
        calls: Calls::Plain,
        travel: travel::of_reference(py, &reference)?,
        module: Some(module.into_any().unbind()),
    })
}

/// The workload that is this callable.
pub(crate) fn from_callable(function: &Bound<'_, PyAny>) -> Result<Workload> {
    let py = function.py();
    let name = name_of(function);
    check::is_function(function, &name)?;
    let module = function
        .getattr("__module__")
        .and_then(|module| py.import("sys")?.getattr("modules")?.get_item(module))
        .ok();
    Ok(Workload {
        name,
        calls: Calls::Plain,
        travel: travel::of_callable(function)?,
        module: module.map(Bound::unbind),
        function: function.clone().unbind(),
    })
}

fn name_of(function: &Bound<'_, PyAny>) -> String {
    let attribute = |name: &str| {
        function
            .getattr(name)
            .and_then(|name| name.extract::<String>())
    };
    match (attribute("__module__"), attribute("__qualname__")) {
        (Ok(module), Ok(name)) if module != "__main__" => format!("{module}:{name}"),
        (_, Ok(name)) => name,
        _ => function
            .get_type()
            .name()
            .map_or_else(|_| "callable".into(), |name| name.to_string()),
    }
}

/// What `module:attribute` or `file.py:attribute` names, as an object.
pub(crate) fn object<'py>(py: Python<'py>, text: &str) -> Result<Bound<'py, PyAny>> {
    let (reference, module) = locate(py, text)?;
    attribute(&module, &reference.attribute, text)
}

fn locate<'py>(py: Python<'py>, text: &str) -> Result<(Reference, Bound<'py, PyModule>)> {
    let (place, attribute) = match text.rsplit_once(':') {
        Some((place, attribute)) if !place.is_empty() && !attribute.is_empty() => {
            (place, attribute)
        }
        _ => return Err(unknown(text)),
    };
    let is_file = place.contains('/') || Path::new(place).extension().is_some_and(|e| e == "py");
    let reference = if is_file {
        file::reference(py, place, attribute)?
    } else {
        Reference {
            search: std::env::current_dir().unwrap_or_default(),
            module: place.to_owned(),
            file: None,
            attribute: attribute.to_owned(),
        }
    };
    match reference.import(py) {
        Ok(module) => Ok((reference, module)),
        Err(error) => Err(import_failure(py, place, &reference, error)),
    }
}

fn import_failure(py: Python<'_>, place: &str, reference: &Reference, error: PyErr) -> Error {
    if error.is_instance_of::<PyKeyboardInterrupt>(py) {
        return error.into();
    }
    let missing = error
        .is_instance_of::<PyModuleNotFoundError>(py)
        .then(|| {
            error
                .value(py)
                .getattr("name")
                .and_then(|name| name.extract::<String>())
                .ok()
        })
        .flatten();
    match missing {
        Some(name) if is_or_contains(&name, &reference.module) => {
            let neighbours = importable_here();
            Error::Usage(format!(
                "there is no module \"{name}\" (looked in the current directory and on sys.path).{}",
                suggest::did_you_mean(&name, neighbours.iter().map(String::as_str)),
            ))
        }
        _ => Error::UserCode {
            what: format!("importing \"{place}\""),
            source: error,
        },
    }
}

/// Whether `module` is `name` or inside the package `name`.
fn is_or_contains(name: &str, module: &str) -> bool {
    module
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn importable_here() -> Vec<String> {
    let Ok(entries) = Path::new(".").read_dir() else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_module = path.extension().is_some_and(|extension| extension == "py")
                || path.join("__init__.py").is_file();
            is_module
                .then(|| path.file_stem()?.to_str().map(str::to_owned))
                .flatten()
        })
        .collect()
}

fn attribute<'py>(
    module: &Bound<'py, PyModule>,
    path: &str,
    text: &str,
) -> Result<Bound<'py, PyAny>> {
    let mut object = module.clone().into_any();
    for name in path.split('.') {
        object = object
            .getattr(name)
            .or_else(|_| no_attribute(&object, name, path, text))?;
    }
    Ok(object)
}

fn no_attribute<T>(object: &Bound<'_, PyAny>, name: &str, path: &str, text: &str) -> Result<T> {
    let names: Vec<String> = object
        .dir()?
        .iter()
        .filter_map(|name| name.extract::<String>().ok())
        .filter(|name| !name.starts_with("__"))
        .collect();
    let place = text.rsplit_once(':').map_or(text, |(place, _)| place);
    Err(Error::Usage(format!(
        "\"{place}\" has no \"{path}\".{}",
        suggest::did_you_mean(name, names.iter().map(String::as_str)),
    )))
}

fn unknown(text: &str) -> Error {
    let path = Path::new(text);
    let is_result = path.extension().is_some_and(|extension| {
        ["json", "csv", "md"]
            .iter()
            .any(|known| extension == *known)
    });
    if is_result {
        return Error::Usage(format!(
            "\"{text}\" is no workload. The file for a result is given with an equals sign, as in \
             --json={text}."
        ));
    }
    let place = text.trim_end_matches(':');
    let module = place.replace('.', "/") + ".py";
    for (file, what) in [(place, "file"), (module.as_str(), "module")] {
        if Path::new(file).is_file() {
            return function_missing(place, what, &functions_in(Path::new(file)));
        }
    }
    Error::Usage(format!(
        "unknown workload \"{text}\": it is io, cpu, module:function or path/to/file.py:function.{}",
        suggest::did_you_mean(text, builtin::NAMES),
    ))
}

fn function_missing(place: &str, what: &str, functions: &[String]) -> Error {
    let example = functions.first().map_or("function", String::as_str);
    let list = if functions.is_empty() {
        String::new()
    } else {
        format!(" It defines: {}.", functions.join(", "))
    };
    Error::Usage(format!(
        "\"{place}\" is a {what}: name the function too, as {place}:{example}.{list}"
    ))
}

/// The functions at the top level of a source file, by their `def` lines.
fn functions_in(file: &Path) -> Vec<String> {
    let source = std::fs::read_to_string(file).unwrap_or_default();
    source
        .lines()
        .filter_map(|line| line.strip_prefix("def ")?.split_once('('))
        .map(|(name, _)| name.trim().to_owned())
        .collect()
}
