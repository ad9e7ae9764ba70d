//! The JSON document: everything that was measured and everything that follows from it.

use serde::Serialize;
use ungil_measure::Comparison;

use crate::Error;

/// The comparison as indented JSON with a final newline. Its layout is documented by
/// `docs/schema/compare-1.schema.json` and versioned by `schema_version`.
///
/// # Errors
/// [`Error::Json`] when a value has no JSON form; none of ours has.
pub fn json(comparison: &Comparison) -> Result<String, Error> {
    pretty(comparison)
}

/// A document as indented JSON with a final newline.
pub(crate) fn pretty(document: &impl Serialize) -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    Ok(text)
}
