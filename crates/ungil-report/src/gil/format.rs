//! What a file of a trace is, by the ending of its name.

use std::io::{self, Write};
use std::path::Path;

use ungil_gil::Report;

use super::{page, perfetto};
use crate::Error;

/// A form that the timeline can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// The trace event format, which Perfetto and Chrome read.
    Perfetto,
    /// One page, which a browser shows without a network.
    Html,
}

impl TraceFormat {
    /// The form of a file of this name; a name without an ending (a pipe, a device) gets the trace
    /// event format.
    ///
    /// # Errors
    /// [`Error::Ending`] for any other ending.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let Some(ending) = path.extension() else {
            return Ok(Self::Perfetto);
        };
        match ending.to_string_lossy().to_lowercase().as_str() {
            "json" => Ok(Self::Perfetto),
            "html" | "htm" => Ok(Self::Html),
            _ => Err(Error::Ending(path.display().to_string())),
        }
    }

    /// Writes the timeline. `program` is what was traced, for a heading.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(
        self,
        report: &Report,
        program: Option<&str>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::Perfetto => perfetto::perfetto(report, out),
            Self::Html => page::page(report, program, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_the_name_decides() {
        let format = |name: &str| TraceFormat::of(Path::new(name)).ok();
        assert_eq!(
            ["a.json", "a/b.HTML", "x.htm", "/dev/full", "a.b/c"].map(format),
            [
                TraceFormat::Perfetto,
                TraceFormat::Html,
                TraceFormat::Html,
                TraceFormat::Perfetto,
                TraceFormat::Perfetto
            ]
            .map(Some)
        );
        assert_eq!(["a.txt", "a.json.gz", "a."].map(format), [None; 3]);
    }
}
