//! What a file of a comparison is, and its bytes.

use std::path::Path;

use ungil_measure::Comparison;

use crate::{Error, compare_page, csv, json, markdown, png, svg};

/// A form that a comparison can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Everything, raw samples included.
    Json,
    /// A row per cell.
    Csv,
    /// Tables and verdicts.
    Markdown,
    /// One page, which a browser shows without a network.
    Html,
    /// Pictures that can be scaled.
    Svg,
    /// Pictures of pixels.
    Png,
}

impl Format {
    /// The form of a file of this name.
    ///
    /// # Errors
    /// [`Error::ComparisonEnding`] for an ending that tells none.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        Ok(match ending.to_lowercase().as_str() {
            "json" => Self::Json,
            "csv" => Self::Csv,
            "md" => Self::Markdown,
            "html" | "htm" => Self::Html,
            "svg" => Self::Svg,
            "png" => Self::Png,
            _ => return Err(Error::ComparisonEnding(path.display().to_string())),
        })
    }

    /// The bytes of a file; `pictures` are the names of those that SVG and PNG show.
    ///
    /// # Errors
    /// Those of the form.
    pub fn bytes(self, comparison: &Comparison, pictures: &[&str]) -> Result<Vec<u8>, Error> {
        Ok(match self {
            Self::Json => json(comparison)?.into_bytes(),
            Self::Csv => csv(comparison)?.into_bytes(),
            Self::Markdown => markdown(comparison).into_bytes(),
            Self::Html => compare_page(comparison)?.into_bytes(),
            Self::Svg => svg(comparison, pictures)?.into_bytes(),
            Self::Png => png(comparison, pictures)?,
        })
    }
}

/// The names of the pictures that SVG and PNG can show; the first is shown where none is asked for.
pub const PICTURES: &[&str] = &["speedup", "time", "memory", "latency", "gil", "timeline"];

/// The picture of this name.
///
/// # Errors
/// [`Error::NoSuchPicture`].
pub fn picture(name: &str) -> Result<&'static str, Error> {
    let mut known = PICTURES.iter().copied();
    known
        .find(|known| *known == name)
        .ok_or_else(|| Error::NoSuchPicture(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_the_name_decides() {
        let format = |name: &str| Format::of(Path::new(name)).ok();
        assert_eq!(
            ["a.json", "a.CSV", "b/a.md", "a.html", "a.svg", "x.PNG"].map(format),
            [
                Format::Json,
                Format::Csv,
                Format::Markdown,
                Format::Html,
                Format::Svg,
                Format::Png
            ]
            .map(Some)
        );
        assert_eq!(["a", "a.pdf", "a.json.gz", ".svg"].map(format), [None; 4]);
    }
}
