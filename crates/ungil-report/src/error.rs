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
    /// The ending of a file's name tells no form of a trace.
    #[error(
        "`{0}` does not say what to write there: let it end in .html, for a page that any browser \
         shows, or in .json, for https://ui.perfetto.dev."
    )]
    Ending(String),
}
