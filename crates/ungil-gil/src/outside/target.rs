//! A process that is a Python, and where it keeps what one looks for.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::hook::{Identity, Read, running_code};
use crate::layout::{Gils, Interpreters, Layout};
use crate::os::{self, Image, Mapping};

/// Interpreters that are looked at, at most.
const MOST: usize = 256;
/// With this a runtime of 3.13 or newer begins.
const COOKIE: &[u8; 8] = b"xdebugpy";

/// A process to be looked at.
pub struct Target {
    pid: u32,
    version: (u8, u8),
    runtime: usize,
    code_type: Option<usize>,
    pub(super) layout: &'static Layout,
}

/// What was found in one of its files.
struct Found {
    runtime: usize,
    version: Option<usize>,
    code_type: Option<usize>,
}

/// Reads the memory of another process.
#[derive(Clone, Copy)]
pub(super) struct Remote(pub(super) u32);

impl Read for Remote {
    fn word(&self, address: usize) -> Option<usize> {
        let mut bytes = [0; size_of::<usize>()];
        self.fill(address, &mut bytes).ok()?;
        Some(usize::from_ne_bytes(bytes))
    }

    fn byte(&self, address: usize) -> Option<u8> {
        let mut byte = [0];
        self.fill(address, &mut byte).ok()?;
        Some(byte[0])
    }

    fn bytes(&self, address: usize, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.fill(address, &mut bytes).ok()?;
        Some(bytes)
    }
}

impl Remote {
    pub(super) fn fill(self, address: usize, into: &mut [u8]) -> io::Result<()> {
        os::read_memory_of(self.0, address, into)
    }
}

impl Target {
    /// Finds the interpreter in a process.
    pub fn open(pid: u32) -> Result<Self> {
        let maps = maps(pid)?;
        let found = find(pid, &maps)?;
        let memory = Remote(pid);
        let mut table = [[0; 8]; 3];
        memory
            .fill(found.runtime, table.as_flattened_mut())
            .map_err(|error| unreadable(pid, &error))?;
        let has_table = table[0] == *COOKIE;
        let told = found.version.and_then(|address| memory.word(address));
        let hex = match told {
            Some(hex) => hex,
            None if has_table => usize::from_ne_bytes(table[1]),
            None => return Err(Error::VersionUnknown(pid)),
        };
        let version = ((hex >> 24) as u8, (hex >> 16) as u8);
        if has_table && usize::from_ne_bytes(table[2]) != 0 {
            return Err(Error::FreeThreaded);
        }
        let named = format!("{}.{}", version.0, version.1);
        let layout =
            Layout::of(version.0, version.1).ok_or_else(|| Error::UnknownVersion(named.clone()))?;
        let target = Self {
            pid,
            version,
            runtime: found.runtime,
            code_type: found.code_type,
            layout,
        };
        if !target.still_there() {
            return Err(Error::UnknownLayout("the GIL", named));
        }
        Ok(target)
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Major and minor version of its Python.
    pub fn version(&self) -> (u8, u8) {
        self.version
    }

    pub(super) fn memory(&self) -> Remote {
        Remote(self.pid)
    }

    /// The word of the table for debuggers that stands at this place, as an offset.
    pub(super) fn table(&self, at: usize) -> Option<usize> {
        self.memory().word(self.runtime + at)
    }

    /// The addresses of its GILs: the main interpreter's first.
    pub(super) fn gils(&self) -> Vec<usize> {
        if let Gils::One(offset) = self.layout.gils {
            return vec![self.runtime + offset];
        }
        let mut gils = Vec::new();
        let Some(list) = self.list() else {
            return gils;
        };
        for interpreter in self.interpreters() {
            let gil = self.memory().word(interpreter + list.gil);
            if let Some(gil) = gil.filter(|gil| *gil != 0 && !gils.contains(gil)) {
                gils.push(gil);
            }
        }
        gils
    }

    /// The addresses of its interpreters: the main one, which is the oldest, first.
    pub(super) fn interpreters(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let Some(list) = self.list() else {
            return found;
        };
        let mut next = self.memory().word(self.runtime + list.head);
        while let Some(interpreter) = next.filter(|address| *address != 0) {
            if found.len() == MOST || found.contains(&interpreter) {
                break;
            }
            found.push(interpreter);
            next = self.memory().word(interpreter + list.next);
        }
        found.reverse();
        found
    }

    fn list(&self) -> Option<Interpreters> {
        match self.layout.gils {
            Gils::One(_) => None,
            Gils::Interpreters(list) => Some(list),
            Gils::Table(at) => Some(Interpreters {
                head: self.table(at.head)?,
                next: self.table(at.next)?,
                gil: self.table(at.gil)?,
            }),
        }
    }

    /// Whether the process still is the one that was opened: `exec` makes another one of it.
    pub(super) fn still_there(&self) -> bool {
        self.gils().iter().any(|&gil| self.looks_like_a_gil(gil))
    }

    /// Whether a thread of the process held, or holds, what is there.
    fn looks_like_a_gil(&self, gil: usize) -> bool {
        let memory = self.memory();
        let layout = &self.layout.gil;
        let lock = memory.word(gil + layout.locked).map(|word| word as u32);
        let holder = memory.word(gil + layout.last_holder);
        let held_once = holder.is_some_and(|holder| {
            holder == 0
                || memory
                    .word(holder + self.layout.thread.native_thread_id)
                    .is_some()
        });
        // -1 until the GIL is made, then 0 or 1.
        lock.is_some_and(|lock| lock <= 1) && held_once
    }

    /// What a thread runs at this moment: its code object, and the names of it.
    pub(super) fn running(&self, thread_state: usize) -> Option<Identity> {
        let memory = self.memory();
        let code = running_code(thread_state, self.code_type?, self.layout, &memory)?;
        Identity::of(code, self.layout, &memory)
    }
}

/// What is mapped there; why one may not know, else.
fn maps(pid: u32) -> Result<Vec<Mapping>> {
    let read = fs::read_to_string(format!("/proc/{pid}/maps"));
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
    };
    if status.is_empty() {
        return Err(Error::NoProcess(pid));
    }
    if let Some(process) = field("Tgid:")
        .and_then(|of| of.parse().ok())
        .filter(|of| *of != pid)
    {
        return Err(Error::IsThread { tid: pid, process });
    }
    if field("State:").is_some_and(|state| state.starts_with(['Z', 'X'])) {
        return Err(Error::HasEnded(pid));
    }
    match read {
        Ok(text) if text.is_empty() => Err(Error::NotPython {
            pid,
            name: field("Name:").unwrap_or_default(),
        }),
        Ok(text) => Ok(os::parse_maps(&text).collect()),
        Err(error) => Err(unreadable(pid, &error)),
    }
}

/// Why memory of a process could not be read.
pub(super) fn unreadable(pid: u32, error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::ESRCH) => Error::HasEnded(pid),
        Some(libc::ENOSYS) => Error::NoReading(io::Error::from_raw_os_error(libc::ENOSYS)),
        _ if !os::exists(pid) => Error::NoProcess(pid),
        _ => Error::not_permitted(pid),
    }
}

/// Looks for an interpreter in the executable, then in the libraries that may be one.
fn find(pid: u32, maps: &[Mapping]) -> Result<Found> {
    let executable = fs::read_link(format!("/proc/{pid}/exe"))
        .map_err(|error| unreadable(pid, &error))?
        .to_string_lossy()
        .into_owned();
    let is_library = |path: &&str| name_of(path).starts_with("libpython");
    let mut seen = HashSet::new();
    let libraries = maps
        .iter()
        .filter_map(|mapping| mapping.path.as_deref())
        .filter(is_library);
    let mut blank = None;
    for path in std::iter::once(executable.as_str()).chain(libraries) {
        // `libpython3.so` is a shim.
        if !seen.insert(path) || name_of(path).starts_with("libpython3.so") {
            continue;
        }
        if let Some(found) = look_into(pid, path, path == executable, maps) {
            return Ok(found);
        }
        if name_of(path).contains("python") {
            blank = Some(path.to_owned());
        }
    }
    Err(match blank {
        // A link or a launcher that starts the real one is another process.
        Some(path) if maps.iter().any(|mapping| mapping.path.is_some()) => {
            Error::NoSymbols { pid, path }
        }
        _ => Error::NotPython {
            pid,
            name: name_of(&executable).to_owned(),
        },
    })
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Where a file's interpreter lies in the process, if the file has one.
fn look_into(pid: u32, path: &str, is_executable: bool, maps: &[Mapping]) -> Option<Found> {
    let image = image(pid, path, is_executable, maps)?;
    let names = ["_PyRuntime", "Py_Version", "PyCode_Type"];
    let [runtime, version, code_type] = image.symbols(names).ok()?;
    // Stripped of its symbols it still has the section that debuggers look for.
    let runtime = match runtime {
        Some(address) => address,
        None => image.section(".PyRuntime").ok()??,
    };
    let page = !0xfff;
    let (offset, address) = image.first;
    let loaded = maps
        .iter()
        .find(|mapping| mapping.path.as_deref() == Some(path) && mapping.offset == offset & page)?;
    let base = if image.is_fixed {
        0
    } else {
        loaded.from - (address & page) as usize
    };
    let at = |address: u64| base + address as usize;
    Some(Found {
        runtime: at(runtime),
        version: version.map(at),
        code_type: code_type.map(at),
    })
}

/// Opens a file as the process sees it, even if it has been replaced since.
fn image(pid: u32, path: &str, is_executable: bool, maps: &[Mapping]) -> Option<Image> {
    let mut places = Vec::new();
    if is_executable {
        places.push(PathBuf::from(format!("/proc/{pid}/exe")));
    } else if path.ends_with(" (deleted)") {
        let mapping = maps.iter().find(|m| m.path.as_deref() == Some(path))?;
        let range = format!("{:x}-{:x}", mapping.from, mapping.to);
        places.push(PathBuf::from(format!("/proc/{pid}/map_files/{range}")));
    } else {
        places.push(PathBuf::from(format!("/proc/{pid}/root{path}")));
        places.push(PathBuf::from(path));
    }
    let open = |place: &PathBuf| Image::open(Path::new(place)).ok();
    places.iter().find_map(open)
}
