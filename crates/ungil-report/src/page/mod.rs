//! Offline HTML pages: one file, no network, light and dark, readable without JavaScript.
//!
//! ```text
//!  Page (title, styles, scripts) + body -> one document
//!    frame.css   colours of both themes, type, tables, print       frame.js   theme button, sortable tables
//!    table       tables whose columns sort                         escape     text for HTML, JSON for scripts
//! ```
//!
//! A report writes the body, with everything it has to say in it; its own styles and scripts only
//! show more. Scripts run by their hash and nothing is loaded from anywhere, so that text which
//! slipped through unescaped could do nothing.

mod escape;
mod table;

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

pub(crate) use escape::{escape, script_json};
pub(crate) use table::{Cell, Table};

pub(crate) const FRAME_STYLE: &str = include_str!("frame.css");
const FRAME_SCRIPT: &str = include_str!("frame.js");

/// Everything of a document but its body.
pub(crate) struct Page<'a> {
    /// Plain text, also of the tab.
    pub(crate) title: &'a str,
    /// Style sheets, after the frame's own.
    pub(crate) styles: &'a [&'a str],
    /// Parts of one script, in their order; they share a scope of their own.
    pub(crate) scripts: &'a [&'a str],
}

impl Page<'_> {
    /// Writes the document; `body` writes what is inside of `<main>`.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn write(
        &self,
        out: &mut dyn Write,
        body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let script = self.script();
        let title = escape(self.title);
        let version = env!("CARGO_PKG_VERSION");
        writeln!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; script-src '{}'; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"generator\" content=\"ungil {version}\">\n<title>{title}</title>",
            hash(&script)
        )?;
        out.write_all(b"<style>\n")?;
        for style in [FRAME_STYLE].iter().chain(self.styles) {
            out.write_all(style.as_bytes())?;
        }
        out.write_all(b"</style>\n</head>\n<body>\n<main>\n")?;
        body(out)?;
        writeln!(
            out,
            "</main>\n<footer>Written by ungil {version}. This file is complete: it loads nothing \
             and sends nothing.</footer>\n<script>{script}</script>\n</body>\n</html>"
        )?;
        out.flush()
    }

    fn script(&self) -> String {
        let mut script = String::from("\n(() => {\n\"use strict\";\n");
        for part in [FRAME_SCRIPT].iter().chain(self.scripts) {
            script.push_str(part);
        }
        script.push_str("})();\n");
        script
    }
}

/// What a content security policy knows a script by.
fn hash(script: &str) -> String {
    format!(
        "sha256-{}",
        BASE64_STANDARD.encode(Sha256::digest(script.as_bytes()))
    )
}
