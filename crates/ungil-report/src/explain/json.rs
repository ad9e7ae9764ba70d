//! The explanation as JSON.

use serde::Serialize;

use super::Explanation;
use crate::Error;
use crate::json::pretty;

/// Changes when a reader would have to.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    #[serde(flatten)]
    explanation: &'a Explanation,
}

/// All of it as indented JSON with a final newline.
///
/// # Errors
/// [`Error::Json`] when a value has no JSON form; none of ours has.
pub fn explanation_json(explanation: &Explanation) -> Result<String, Error> {
    pretty(&Document {
        schema_version: SCHEMA_VERSION,
        explanation,
    })
}
