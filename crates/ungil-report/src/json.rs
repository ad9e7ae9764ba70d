//! The JSON document: everything that was measured and everything that follows from it.

use serde::Serialize;
use ungil_measure::Comparison;
use ungil_measure::comparison::SCHEMA_VERSION;

use crate::Error;

/// The comparison as indented JSON with a final newline. Its layout is documented by
/// `docs/schema/compare-1.schema.json` and versioned by `schema_version`.
///
/// # Errors
/// [`Error::Json`] when a value has no JSON form; none of ours has.
pub fn json(comparison: &Comparison) -> Result<String, Error> {
    pretty(comparison)
}

/// The comparison that [`json`] has written.
///
/// # Errors
/// [`Error::NoComparison`], which says what it is instead.
pub fn read_json(text: &[u8]) -> Result<Comparison, Error> {
    let told = |why: String| Error::NoComparison(why);
    let document: serde_json::Value = serde_json::from_slice(text)
        .map_err(|error| told(format!("it is no JSON document ({error})")))?;
    match document
        .get("schema_version")
        .map(serde_json::Value::as_u64)
    {
        Some(Some(version)) if version == u64::from(SCHEMA_VERSION) => {}
        Some(Some(version)) if version > u64::from(SCHEMA_VERSION) => {
            return Err(told(format!(
                "its layout is version {version}, and this ungil knows those up to {SCHEMA_VERSION}: a newer one reads it"
            )));
        }
        _ => return Err(told("it has no schema_version".to_owned())),
    }
    serde_json::from_value(document)
        .map_err(|error| told(format!("it is incomplete or damaged ({error})")))
}

/// A document as indented JSON with a final newline.
pub(crate) fn pretty(document: &impl Serialize) -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    Ok(text)
}
