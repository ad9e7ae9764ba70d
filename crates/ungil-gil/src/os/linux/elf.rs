//! The import slots of a loaded object, from the tables that the dynamic linker uses itself.

use std::ffi::{CStr, c_int, c_void};

/// What `dl_iterate_phdr` is asked to find.
struct Search<'a> {
    /// An address inside of the object.
    inside: usize,
    names: &'a [&'a CStr],
    found: Option<Object>,
}

/// A loaded object with its import slots for some functions.
pub(super) struct Object {
    /// The addresses that it covers, one range per segment.
    segments: Vec<(usize, usize)>,
    /// Slots: the position of the name among those asked for, and the slot's address.
    pub(super) slots: Vec<(usize, usize)>,
}

impl Object {
    /// The object around an address, with its slots for the functions of these names.
    pub(super) fn around(inside: usize, names: &[&CStr]) -> Option<Self> {
        let mut search = Search {
            inside,
            names,
            found: None,
        };
        // SAFETY: the callback gets the pointer to `search`, which lives until the call returns.
        unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
        search.found
    }

    /// Whether an address lies in the object.
    pub(super) fn covers(&self, address: usize) -> bool {
        self.segments
            .iter()
            .any(|&(from, to)| (from..to).contains(&address))
    }
}

unsafe extern "C" fn visit(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    data: *mut c_void,
) -> c_int {
    // SAFETY: the linker passes a valid description, and `data` as `around` gave it.
    let (info, search) = unsafe { (&*info, &mut *data.cast::<Search<'_>>()) };
    // SAFETY: the linker describes `dlpi_phnum` headers of a mapped object.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let base = info.dlpi_addr as usize;
    let of_type = |kind| headers.iter().filter(move |header| header.p_type == kind);
    let segments: Vec<(usize, usize)> = of_type(libc::PT_LOAD)
        .map(|header| {
            let from = base + header.p_vaddr as usize;
            (from, from + header.p_memsz as usize)
        })
        .collect();
    let mut object = Object {
        segments,
        slots: Vec::new(),
    };
    if !object.covers(search.inside) {
        return 0;
    }
    if let Some(dynamic) = of_type(libc::PT_DYNAMIC).next() {
        let table = (base + dynamic.p_vaddr as usize) as *const [usize; 2];
        // SAFETY: the dynamic segment of a loaded object is mapped, and ends with DT_NULL.
        let tables = unsafe { Tables::read(table, base) };
        object.slots = tables.slots(base, search.names);
    }
    search.found = Some(object);
    1
}

const DT_NULL: usize = 0;
const DT_PLTRELSZ: usize = 2;
const DT_STRTAB: usize = 5;
const DT_SYMTAB: usize = 6;
const DT_RELA: usize = 7;
const DT_RELASZ: usize = 8;
const DT_JMPREL: usize = 23;

#[cfg(target_arch = "x86_64")]
const IMPORTS: [u32; 2] = [6, 7]; // R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT
#[cfg(target_arch = "aarch64")]
const IMPORTS: [u32; 2] = [1025, 1026]; // R_AARCH64_GLOB_DAT, R_AARCH64_JUMP_SLOT

#[derive(Default)]
struct Tables {
    strings: usize,
    symbols: usize,
    relocations: [(usize, usize); 2],
}

impl Tables {
    /// # Safety
    /// `entry` is the dynamic section of an object loaded at `base`.
    unsafe fn read(mut entry: *const [usize; 2], base: usize) -> Self {
        // glibc stores addresses here, other linkers offsets.
        let absolute = |value: usize| if value < base { base + value } else { value };
        let mut tables = Self::default();
        loop {
            // SAFETY: the section has entries up to its DT_NULL.
            let [tag, value] = unsafe { *entry };
            match tag {
                DT_NULL => return tables,
                DT_STRTAB => tables.strings = absolute(value),
                DT_SYMTAB => tables.symbols = absolute(value),
                DT_JMPREL => tables.relocations[0].0 = absolute(value),
                DT_PLTRELSZ => tables.relocations[0].1 = value,
                DT_RELA => tables.relocations[1].0 = absolute(value),
                DT_RELASZ => tables.relocations[1].1 = value,
                _ => {}
            }
            // SAFETY: this was not the last entry.
            entry = unsafe { entry.add(1) };
        }
    }

    fn slots(&self, base: usize, names: &[&CStr]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        if self.strings == 0 || self.symbols == 0 {
            return found;
        }
        for &(table, bytes) in self.relocations.iter().filter(|(table, _)| *table != 0) {
            let count = bytes / size_of::<libc::Elf64_Rela>();
            // SAFETY: the linker has read this table of the loaded object itself.
            let relocations =
                unsafe { std::slice::from_raw_parts(table as *const libc::Elf64_Rela, count) };
            for relocation in relocations {
                if !IMPORTS.contains(&(relocation.r_info as u32)) {
                    continue;
                }
                let symbol = self.symbols as *const libc::Elf64_Sym;
                // SAFETY: the index is that of a symbol of this object, its name a C string.
                let name = unsafe {
                    let symbol = &*symbol.add((relocation.r_info >> 32) as usize);
                    CStr::from_ptr((self.strings + symbol.st_name as usize) as *const _)
                };
                if let Some(at) = names.iter().position(|known| *known == name) {
                    found.push((at, base + relocation.r_offset as usize));
                }
            }
        }
        found
    }
}
