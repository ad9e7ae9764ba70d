//! What a machine and its Python can do, as JSON.

use serde::Serialize;
use ungil_measure::doctor::Diagnosis;

use crate::Error;
use crate::json::pretty;

/// Changes when a reader would have to.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    ungil: &'static str,
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
}

/// The findings and the facts as indented JSON with a final newline. Sizes are bytes.
///
/// # Errors
/// [`Error::Json`] when a value has no JSON form; none of ours has.
pub fn doctor_json(diagnosis: &Diagnosis) -> Result<String, Error> {
    pretty(&Document {
        schema_version: SCHEMA_VERSION,
        ungil: env!("CARGO_PKG_VERSION"),
        diagnosis,
    })
}
