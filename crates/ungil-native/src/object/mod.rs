//! Loads the object file that LLVM makes, so that cached code runs without LLVM.
//!
//! The sections go into one mapping, with a stub and an address for each function outside; relocations are
//! applied while it is writable, and then it is made executable and stays so.

mod mapping;
mod relocation;

use std::collections::HashMap;

use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget};
use object::{SectionFlags, elf};

use mapping::Mapping;

/// Why an object file cannot be loaded.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LoadError {
    /// It is not an object file, or for another kind of machine.
    #[error("the object file cannot be read: {0}")]
    Unreadable(String),
    /// It calls what nobody knows.
    #[error("the machine code calls `{0}`, which is not there")]
    UnknownSymbol(String),
    /// It has a relocation that this loader does not know.
    #[error("the machine code has a relocation of unknown type {0}")]
    UnknownRelocation(u32),
    /// The operating system gives no memory for it.
    #[error("no executable memory: {0}")]
    Memory(String),
}

impl From<object::Error> for LoadError {
    fn from(error: object::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Machine code in memory, for as long as this lives.
#[derive(Debug)]
pub struct Code {
    mapping: Mapping,
    entry: usize,
}

impl Code {
    /// The address of the function that was asked for.
    pub fn entry(&self) -> usize {
        self.mapping.address() + self.entry
    }

    /// Bytes of memory that it takes.
    pub fn size(&self) -> usize {
        self.mapping.size()
    }
}

/// A stub that jumps to an address beside it, and the address.
const STUB: usize = 16;

/// Loads an object file; `symbol` knows the addresses of what is outside of it.
pub fn load(
    bytes: &[u8],
    entry: &str,
    symbol: impl Fn(&str) -> Option<usize>,
) -> Result<Code, LoadError> {
    let file = ElfFile64::<Endianness>::parse(bytes)?;
    relocation::check_machine(&file)?;
    let mut size = 0;
    let mut places = HashMap::new();
    for section in file.sections() {
        if !is_loaded(&section) {
            continue;
        }
        let align = usize::try_from(section.align()).unwrap_or(1).max(1);
        size = usize::next_multiple_of(size, align);
        places.insert(section.index(), size);
        size += usize::try_from(section.size()).unwrap_or(usize::MAX / 2);
        if size > bytes.len() + (1 << 20) {
            return Err(LoadError::Unreadable("its sections are too large".into()));
        }
    }
    // What is outside: for each name a stub and an address.
    let mut outside = HashMap::new();
    size = size.next_multiple_of(STUB);
    for undefined in file.symbols().filter(ObjectSymbol::is_undefined) {
        let name = undefined.name()?;
        if name.is_empty() {
            continue;
        }
        let address = symbol(name).ok_or_else(|| LoadError::UnknownSymbol(name.to_owned()))?;
        outside.insert(undefined.index(), (size, address));
        size += STUB;
    }
    let mut mapping = Mapping::new(size)?;
    for section in file.sections() {
        if let Some(&place) = places.get(&section.index()) {
            mapping.write(place, section.data()?)?;
        }
    }
    for &(place, address) in outside.values() {
        mapping.write(place, &relocation::stub(address))?;
    }
    for section in file.sections() {
        let Some(&place) = places.get(&section.index()) else {
            continue;
        };
        for (offset, relocation) in section.relocations() {
            let RelocationFlags::Elf { r_type } = relocation.flags() else {
                return Err(LoadError::Unreadable(
                    "its relocations are not ELF's".into(),
                ));
            };
            let RelocationTarget::Symbol(index) = relocation.target() else {
                return Err(LoadError::UnknownRelocation(r_type.0));
            };
            let target = if let Some(&(stub, _)) = outside.get(&index) {
                relocation::Target::Outside { stub }
            } else {
                let symbol = file.symbol_by_index(index)?;
                let section = symbol.section_index().and_then(|at| places.get(&at));
                let Some(start) = section else {
                    return Err(LoadError::UnknownSymbol(symbol.name()?.to_owned()));
                };
                relocation::Target::Inside(start + symbol.address() as usize)
            };
            let at = place + offset as usize;
            relocation::apply(&mut mapping, r_type.0, at, target, relocation.addend())?;
        }
    }
    let found = file
        .symbols()
        .find(|symbol| symbol.name() == Ok(entry) && symbol.is_definition())
        .ok_or_else(|| LoadError::UnknownSymbol(entry.to_owned()))?;
    let start = found.section_index().and_then(|index| places.get(&index));
    let entry = start.copied().unwrap_or(0) + found.address() as usize;
    mapping.make_executable()?;
    Ok(Code { mapping, entry })
}

fn is_loaded<'data>(section: &impl ObjectSection<'data>) -> bool {
    let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
        return false;
    };
    // Unwinding tables are for exceptions, which there are none of.
    sh_flags.contains(elf::SHF_ALLOC) && section.name() != Ok(".eh_frame") && section.size() > 0
}
