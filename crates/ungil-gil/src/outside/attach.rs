//! Having the main thread of another Python run a script, as PEP 768 says: what `sys.remote_exec`
//! does, for any version of the one that asks.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::target::{Target, unreadable};
use crate::error::{Error, Result};
use crate::hook::Read;
use crate::os;

/// The bit of `eval_breaker` that makes a thread look.
const PLEASE_STOP: usize = 1 << 5;

/// A script that the main thread shall run, or has begun to run.
pub struct Attachment {
    pid: u32,
    /// Where the process keeps that there is one.
    pending: usize,
}

impl Attachment {
    /// Asks for it. The main thread runs the file between two of its own instructions, as soon as
    /// it runs Python code; by then it must still be there.
    pub fn request(target: &Target, script: &Path) -> Result<Self> {
        let pid = target.pid();
        let (major, minor) = target.version();
        let Some(at) = target.layout.attach else {
            return Err(Error::CannotAttach(format!(
                "Python {major}.{minor} has no way to run code from outside; 3.14 and newer have"
            )));
        };
        let unknown = || Error::UnknownLayout("what PEP 768 needs", format!("{major}.{minor}"));
        let memory = target.memory();
        let entry = |at: usize| target.table(at).ok_or_else(unknown);
        let [eval_breaker, support, enabled, pending, path, room] = {
            let mut entries = [0; 6];
            for (number, found) in entries.iter_mut().enumerate() {
                *found = entry(at.eval_breaker + 8 * number)?;
            }
            entries
        };
        let interpreter = *target.interpreters().first().ok_or_else(unknown)?;
        let main_thread = memory
            .word(interpreter + entry(at.main_thread)?)
            .filter(|address| *address != 0)
            .ok_or_else(unknown)?;
        if memory.word(interpreter + enabled).map(|word| word as u32) != Some(1) {
            return Err(Error::CannotAttach(
                "its Python was told not to run code from outside (PYTHON_DISABLE_REMOTE_DEBUG, -X \
                 disable-remote-debug, or built so)"
                    .to_owned(),
            ));
        }
        let mut text = script.as_os_str().as_bytes().to_vec();
        text.push(0);
        if text.len() > room {
            return Err(Error::CannotAttach(format!(
                "the path of the script is longer than {room} bytes: set TMPDIR to a shorter one"
            )));
        }
        let write = |address: usize, bytes: &[u8]| {
            os::write_memory_of(pid, address, bytes).map_err(|error| unreadable(pid, &error))
        };
        let support = main_thread + support;
        write(support + path, &text)?;
        write(support + pending, &1_i32.to_ne_bytes())?;
        let breaker = main_thread + eval_breaker;
        let bits = memory.word(breaker).ok_or_else(unknown)?;
        write(breaker, &(bits | PLEASE_STOP).to_ne_bytes())?;
        Ok(Self {
            pid,
            pending: support + pending,
        })
    }

    /// Whether the main thread has begun to run it.
    pub fn is_taken(&self) -> Result<bool> {
        let mut flag = [0; 4];
        os::read_memory_of(self.pid, self.pending, &mut flag)
            .map(|()| i32::from_ne_bytes(flag) == 0)
            .map_err(|error| unreadable(self.pid, &error))
    }

    /// Takes the wish back.
    pub fn cancel(&self) -> io::Result<()> {
        os::write_memory_of(self.pid, self.pending, &0_i32.to_ne_bytes())
    }
}
