//! A finding as a page.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ungil_report::RaceFinding;

/// The page of a finding's JSON, whose steps have the `source` of their lines besides.
#[pyfunction]
pub(super) fn page(finding: &str) -> PyResult<String> {
    let finding: RaceFinding =
        serde_json::from_str(finding).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let mut page = Vec::new();
    ungil_report::race_page(&finding, &mut page)?;
    Ok(String::from_utf8(page)?)
}
