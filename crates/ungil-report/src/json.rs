//! The JSON document: everything that was measured and everything that follows from it.

use ungil_measure::Comparison;

use crate::Error;

/// The comparison as indented JSON with a final newline. Its layout is documented by
/// `docs/schema/compare-1.schema.json` and versioned by `schema_version`.
///
/// # Errors
/// [`Error::Json`] when a value has no JSON form; none of ours has.
pub fn json(comparison: &Comparison) -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(comparison)?;
    text.push('\n');
    Ok(text)
}
