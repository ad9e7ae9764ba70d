//! `_ungil.WithBlock`: the end of an executor's `with` block, which Ctrl-C cannot slip past.

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// So many Ctrl-C in a row are heard while an executor is interrupted.
const INTERRUPTIONS: usize = 3;

/// Gives an executor `__exit__`.
///
/// It is native since `CPython` may raise `KeyboardInterrupt` at the very start of a Python function,
/// before any `try` of its own: endless tasks would then outlive the block that has to end them.
#[pyclass(module = "ungil._ungil", subclass, frozen)]
pub struct WithBlock;

#[pymethods]
impl WithBlock {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyAny>, _kwargs: Option<&Bound<'_, PyAny>>) -> Self {
        Self
    }

    /// Waits for the tasks; Ctrl-C, before or meanwhile, ends them.
    #[pyo3(signature = (exc_type, _exc_val, _exc_tb, /))]
    fn __exit__(
        slf: &Bound<'_, Self>,
        exc_type: Option<&Bound<'_, PyType>>,
        _exc_val: &Bound<'_, PyAny>,
        _exc_tb: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let interrupted = match exc_type {
            Some(raised) => raised.is_subclass_of::<PyKeyboardInterrupt>()?,
            None => false,
        };
        let ended = if interrupted {
            interrupt(slf)
        } else {
            slf.call_method1("shutdown", (true,))
                .map(drop)
                .or_else(|error| {
                    interrupt(slf)?;
                    Err(error)
                })
        };
        slf.call_method0("_close_bars")?;
        ended.map(|()| false)
    }
}

fn interrupt(executor: &Bound<'_, WithBlock>) -> PyResult<()> {
    let mut left = INTERRUPTIONS;
    loop {
        left -= 1;
        match executor.call_method0("_interrupt") {
            Err(error)
                if left > 0 && error.is_instance_of::<PyKeyboardInterrupt>(executor.py()) => {}
            ended => return ended.map(drop),
        }
    }
}
