//! What can go wrong while writing a report.

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The comparison could not be written as JSON.
    #[error("The comparison could not be written as JSON ({0}). Please report this.")]
    Json(#[from] serde_json::Error),
    /// The comparison could not be written as CSV.
    #[error("The comparison could not be written as CSV ({0}). Please report this.")]
    Csv(String),
}
