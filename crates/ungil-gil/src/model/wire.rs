//! A report on its way from the process that it is of to the one that shows it.

use std::io::{self, Write};

use super::report::Report;
use super::verdict::decide;

/// Both sides must be of the same version: fields have no names on the way.
const HEADER: &[u8] = concat!("ungil trace ", env!("CARGO_PKG_VERSION"), "\n").as_bytes();

/// Why what was read is no report.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unreadable {
    /// Another version wrote it.
    #[error(
        "it was written by another version of ungil than {}: install the same on both sides",
        env!("CARGO_PKG_VERSION")
    )]
    OtherVersion,
    /// It is cut off, or something else altogether.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// Writes a report.
///
/// # Errors
/// Those of the writer.
pub fn write(report: &Report, mut out: impl Write) -> io::Result<()> {
    out.write_all(HEADER)?;
    postcard::to_io(report, out)
        .map_err(io::Error::other)?
        .flush()
}

/// Reads it again.
pub fn read(bytes: &[u8]) -> Result<Report, Unreadable> {
    let Some(body) = bytes.strip_prefix(HEADER) else {
        let is_ours = bytes.starts_with(b"ungil trace ");
        return Err(if is_ours {
            Unreadable::OtherVersion
        } else {
            Unreadable::Damaged("it does not begin as a report does".to_owned())
        });
    };
    let mut report: Report =
        postcard::from_bytes(body).map_err(|error| Unreadable::Damaged(error.to_string()))?;
    report.verdict = decide(&report);
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Builder, Counts, Kind, Record};

    fn report() -> Report {
        let mut builder = Builder::new(0, 100);
        let row = builder.thread(1, 7);
        builder.add(row, Record::new(Kind::Held, 0, 0, 5, 900));
        let counts = Counts {
            held_ns: 895,
            holds: 1,
            ..Counts::ZERO
        };
        builder.describe(row, Some("näme".to_owned()), counts);
        builder.finish(3, 1000, vec![None, None])
    }

    #[test]
    fn a_report_arrives_as_it_was() {
        let mut sent = report();
        sent.children.push(report());
        let mut bytes = Vec::new();
        write(&sent, &mut bytes).unwrap();
        let got = read(&bytes).unwrap();
        assert_eq!(got.threads, sent.threads);
        assert_eq!(got.verdict, sent.verdict);
        assert_eq!(got.children[0].gils, sent.gils);
        assert_eq!(
            got.timelines[0].held.slices(),
            sent.timelines[0].held.slices()
        );
    }

    #[test]
    fn what_is_no_report_is_told() {
        let mut bytes = Vec::new();
        write(&report(), &mut bytes).unwrap();
        let cut = read(&bytes[..bytes.len() / 2]).map(drop);
        assert!(matches!(cut, Err(Unreadable::Damaged(_))));
        let other = read(b"ungil trace 0.0.0\nwhatever").map(drop);
        assert_eq!(other, Err(Unreadable::OtherVersion));
        assert!(matches!(read(b""), Err(Unreadable::Damaged(_))));
    }
}
