//! What a one-argument function is fed with.

use pyo3::exceptions::{PyKeyboardInterrupt, PyNameError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::resolve;
use crate::error::{Error, Result};

/// Items taken from an iterable whose length nobody gave.
const MOST: usize = 10_000;

/// The arguments of the tasks, at least one.
pub(crate) struct Items {
    values: Vec<Py<PyAny>>,
    /// Whether the iterable had more than were taken.
    pub(crate) truncated: bool,
}

/// Where items come from.
pub(crate) enum ItemsSource<'py> {
    /// The text of `--items`.
    Text(&'py str),
    /// Any iterable.
    Object(Bound<'py, PyAny>),
}

impl ItemsSource<'_> {
    /// How the result names them.
    pub(crate) fn label(&self) -> String {
        match self {
            ItemsSource::Text(text) => (*text).to_owned(),
            ItemsSource::Object(object) => object
                .get_type()
                .name()
                .map_or_else(|_| "items".into(), |name| name.to_string()),
        }
    }
}

impl Items {
    /// Number of items.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The item of a task.
    pub(super) fn get<'py>(&self, py: Python<'py>, task: usize) -> Bound<'py, PyAny> {
        self.values[task % self.values.len()].bind(py).clone()
    }

    /// The first item.
    pub(super) fn first<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.get(py, 0)
    }

    /// The first `tasks` items (without a number all, up to a bound) of `source`, evaluated in the names of
    /// `module`.
    pub(crate) fn take(
        py: Python<'_>,
        source: &ItemsSource<'_>,
        module: Option<&Py<PyAny>>,
        tasks: Option<usize>,
    ) -> Result<Self> {
        let (label, iterable) = match source {
            ItemsSource::Text(text) => (format!("--items {text:?}"), evaluate(py, text, module)?),
            ItemsSource::Object(object) => ("items".to_owned(), object.clone()),
        };
        let iterator = iterable
            .try_iter()
            .map_err(|error| not_iterable(&label, &iterable, error))?;
        let most = tasks.unwrap_or(MOST);
        let mut items = Self {
            values: Vec::new(),
            truncated: false,
        };
        for item in iterator {
            let item = item.map_err(|error| raised(py, &label, error))?;
            if items.values.len() == most {
                items.truncated = tasks.is_none();
                break;
            }
            items.values.push(item.unbind());
        }
        if items.values.is_empty() {
            return Err(Error::Usage(format!(
                "{label} is empty: there is nothing to run."
            )));
        }
        Ok(items)
    }
}

fn evaluate<'py>(
    py: Python<'py>,
    text: &str,
    module: Option<&Py<PyAny>>,
) -> Result<Bound<'py, PyAny>> {
    if is_reference(text) {
        return resolve::object(py, text);
    }
    let names = PyDict::new(py);
    if let Some(module) = module {
        names.update(
            module
                .bind(py)
                .getattr("__dict__")?
                .cast::<PyDict>()
                .map_err(PyErr::from)?
                .as_mapping(),
        )?;
    }
    let builtins = py.import("builtins")?;
    builtins
        .call_method1("compile", (text.trim(), "--items", "eval"))
        .and_then(|code| builtins.call_method1("eval", (code, names)))
        .map_err(|error| raised(py, &format!("--items {text:?}"), error))
}

/// `module:name` or `file.py:name`, and not an expression with a colon in it.
fn is_reference(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(place, name)| {
        let may = |letter: char, more: &str| letter.is_alphanumeric() || more.contains(letter);
        !place.is_empty()
            && place.chars().all(|letter| may(letter, "_./-"))
            && !name.is_empty()
            && name.chars().all(|letter| may(letter, "_."))
    })
}

fn not_iterable(label: &str, object: &Bound<'_, PyAny>, error: PyErr) -> Error {
    let py = object.py();
    if !error.is_instance_of::<PyTypeError>(py) {
        return raised(py, label, error);
    }
    let kind = object
        .get_type()
        .name()
        .map(|name| name.to_string())
        .unwrap_or_default();
    let hint = if object.is_callable() {
        " Call it, as in --items 'name()'."
    } else {
        ""
    };
    Error::WrongType(format!(
        "{label} is not iterable, it is of type {kind}.{hint}"
    ))
}

/// A mistake in the expression itself is explained in a line; the user's code below it shows its traceback.
fn raised(py: Python<'_>, label: &str, error: PyErr) -> Error {
    if error.is_instance_of::<PyKeyboardInterrupt>(py) {
        return error.into();
    }
    let below = error
        .traceback(py)
        .and_then(|frame| frame.getattr("tb_next").ok())
        .is_some_and(|next| !next.is_none());
    if below
        || error
            .traceback(py)
            .is_some_and(|frame| !is_expression(&frame))
    {
        return Error::UserCode {
            what: format!("evaluating {label}"),
            source: error,
        };
    }
    let kind = error
        .get_type(py)
        .name()
        .map(|name| name.to_string())
        .unwrap_or_default();
    let hint = if error.is_instance_of::<PyNameError>(py) {
        " The expression sees the names of the function's module as an import leaves them: not \
         those that are made under `if __name__ == \"__main__\":`."
    } else {
        ""
    };
    Error::Usage(format!("{label}: {kind}: {}.{hint}", error.value(py)))
}

fn is_expression(frame: &Bound<'_, PyAny>) -> bool {
    frame
        .getattr("tb_frame")
        .and_then(|frame| {
            frame
                .getattr("f_code")?
                .getattr("co_filename")?
                .extract::<String>()
        })
        .is_ok_and(|file| file == "--items")
}
