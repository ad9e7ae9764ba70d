//! Files that results are written to.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use pyo3::prelude::*;

use super::output;
use crate::error::{Error, Result};

/// Where `--json[=FILE]` puts its document: a file, or stdout (`-`, or nothing named).
pub(super) struct JsonOutput(Option<OutputFile>);

impl JsonOutput {
    /// Opens the file; `None` where no document is wanted.
    pub(super) fn open(target: Option<&str>) -> Result<Option<Self>> {
        Ok(match target {
            None => None,
            Some("-") => Some(Self(None)),
            Some(path) => Some(Self(Some(OutputFile::open(path)?))),
        })
    }

    pub(super) fn write(
        self,
        py: Python<'_>,
        text: std::result::Result<String, ungil_report::Error>,
    ) -> Result<()> {
        let text = output::rendered(text)?;
        match self.0 {
            Some(file) => file.write(text.as_bytes()),
            None => output::print(py, text.as_bytes()),
        }
    }
}

/// A file that is open for the result before there is one. What was in it stays until then; a file that was made for
/// nothing is removed again.
pub(super) struct OutputFile {
    path: PathBuf,
    file: File,
    /// Made by us and still empty.
    is_placeholder: bool,
    /// The process whose it is: not a child's that it forks.
    owner: u32,
}

impl OutputFile {
    /// Opens it for writing.
    pub(super) fn open(path: &str) -> Result<Self> {
        let path = PathBuf::from(path);
        let made = OpenOptions::new().write(true).create_new(true).open(&path);
        let (opened, is_placeholder) = match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                (OpenOptions::new().write(true).open(&path), false)
            }
            made => (made, true),
        };
        match opened {
            Ok(file) => Ok(Self {
                path,
                file,
                is_placeholder,
                owner: std::process::id(),
            }),
            Err(source) => Err(Error::Output { path, source }),
        }
    }

    /// Puts the result in place of what the file held.
    pub(super) fn write(self, bytes: &[u8]) -> Result<()> {
        self.write_with(|file| file.write_all(bytes))
    }

    /// The same for a result that is written bit by bit.
    pub(super) fn write_with(
        mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        let replace = |file: &File| {
            if file.metadata()?.is_file() {
                file.set_len(0)?;
            }
            let mut buffer = BufWriter::new(file);
            write(&mut buffer)?;
            buffer.flush()
        };
        let outcome = replace(&self.file);
        self.is_placeholder &= outcome.is_err();
        outcome.map_err(|source| Error::Output {
            path: self.path.clone(),
            source,
        })
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if self.is_placeholder && self.owner == std::process::id() {
            // It was ours; if it is gone already, all the better.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
