//! The JSON document in the page, packed, as a link that downloads it.

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use ungil_measure::Comparison;

/// The document as gzip, in base64.
pub(super) fn packed(comparison: &Comparison) -> serde_json::Result<String> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    serde_json::to_writer(&mut packer, comparison)?;
    Ok(BASE64_STANDARD.encode(packer.finish().map_err(serde_json::Error::io)?))
}

/// The link; without a script the browser saves the packed document, with one the plain one.
pub(super) fn write(packed: Option<&String>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<section>\n<h2>Everything as JSON</h2>\n")?;
    match packed {
        Some(packed) => writeln!(
            out,
            "<p><a id=\"json\" download=\"compare.json.gz\" href=\"data:application/gzip;base64,{packed}\">Download the \
             document</a>, with every sample. It is what <code>ungil compare --json=FILE</code> writes, and what \
             <code>--baseline</code> reads.</p>",
        )?,
        None => out.write_all(
            b"<p>The document is too large for this page: <code>ungil compare --json=FILE</code> writes it.</p>\n",
        )?,
    }
    out.write_all(b"</section>\n")
}
