//! Values made on first use, safely where processes fork.
//!
//! `PyOnceLock` and `intern!` let go of the GIL while they make their value. If another thread
//! forks just then, the child waits for ever for a thread that it does not have. Here a value
//! may be made twice, but nobody ever waits.

use std::sync::OnceLock;

use pyo3::PyTypeCheck;
use pyo3::prelude::*;

/// A cell that is filled once.
pub(crate) struct Once<T>(OnceLock<T>);

impl<T> Once<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The value, if there is one yet.
    pub(crate) fn peek(&self) -> Option<&T> {
        self.0.get()
    }

    /// The value; `make` makes it unless somebody has.
    pub(crate) fn get(&self, _py: Python<'_>, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.0.get() {
            return value;
        }
        let value = make();
        // From here on the GIL is held, so no fork can come between. If another thread was
        // faster, its value stays and this one is dropped.
        self.0.get_or_init(|| value)
    }
}

impl<T: PyTypeCheck> Once<Py<T>> {
    /// An attribute of a module.
    pub(crate) fn import<'py>(
        &self,
        py: Python<'py>,
        module: &str,
        name: &str,
    ) -> PyResult<&Bound<'py, T>> {
        if let Some(value) = self.0.get() {
            return Ok(value.bind(py));
        }
        let value = py.import(module)?.getattr(name)?.cast_into::<T>()?;
        Ok(self.get(py, || value.unbind()).bind(py))
    }
}

/// A Python string that is made once: `name!(py, "append")`.
macro_rules! name {
    ($py:expr, $text:literal) => {{
        static NAME: $crate::once::Once<pyo3::Py<pyo3::types::PyString>> =
            $crate::once::Once::new();
        let py: pyo3::Python<'_> = $py;
        NAME.get(py, || pyo3::types::PyString::intern(py, $text).unbind())
            .bind(py)
    }};
}
pub(crate) use name;
