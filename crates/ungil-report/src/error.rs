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
    /// It is no document of a comparison.
    #[error("It is not what `ungil compare --json` writes: {0}.")]
    NoComparison(String),
    /// Nothing was measured that a picture could show.
    #[error(
        "There is nothing to draw: no cell has figures for a picture of {0}. `ungil compare` shows why \
         cells were not measured."
    )]
    NothingToDraw(String),
    /// The ending of a file's name tells no form of a comparison.
    #[error(
        "`{0}` does not say what to write there: let it end in .html, .json, .csv, .md, .svg or .png."
    )]
    ComparisonEnding(String),
    /// No picture has this name.
    #[error(
        "There is no picture named `{0}`: there are speedup, time, memory, latency, gil and timeline."
    )]
    NoSuchPicture(String),
    /// The picture could not be made as PNG.
    #[error("The picture could not be made as PNG ({0}). Write it as SVG.")]
    Png(String),
}
