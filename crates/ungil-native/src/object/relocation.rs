//! Relocations of x86-64 (System V ABI, AMD64 supplement, section 4.4).

use object::read::elf::ElfFile64;
use object::{Architecture, Endianness, Object, elf};

use super::LoadError;
use super::mapping::Mapping;

/// What a relocation points to.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// A place in the mapping.
    Inside(usize),
    /// Something outside, by its stub's place.
    Outside { stub: usize },
}

/// Where in a stub the address is.
const ADDRESS_IN_STUB: usize = 8;

pub(super) fn check_machine(file: &ElfFile64<'_, Endianness>) -> Result<(), LoadError> {
    if file.architecture() == Architecture::X86_64 && cfg!(target_arch = "x86_64") {
        return Ok(());
    }
    Err(LoadError::Unreadable(
        "only code for x86-64 can be loaded so far".to_owned(),
    ))
}

/// `jmp [rip + 2]`, two bytes of filling, the address.
pub(super) fn stub(address: usize) -> [u8; 16] {
    let mut stub = [0xCC; 16];
    stub[..6].copy_from_slice(&[0xFF, 0x25, 2, 0, 0, 0]);
    stub[ADDRESS_IN_STUB..].copy_from_slice(&(address as u64).to_le_bytes());
    stub
}

#[allow(clippy::cast_possible_wrap)] // addresses of user space are far below 2**63
pub(super) fn apply(
    mapping: &mut Mapping,
    kind: u32,
    at: usize,
    target: Target,
    addend: i64,
) -> Result<(), LoadError> {
    let base = mapping.address() as i64;
    let place = base + at as i64;
    let function = match target {
        Target::Inside(offset) => base + offset as i64,
        Target::Outside { stub } => base + stub as i64,
    };
    match kind {
        kind if kind == elf::R_X86_64_64.0 => mapping.write(at, &(function + addend).to_le_bytes()),
        kind if kind == elf::R_X86_64_PC32.0 || kind == elf::R_X86_64_PLT32.0 => {
            relative(mapping, kind, at, function + addend - place)
        }
        kind if kind == elf::R_X86_64_GOTPCREL.0
            || kind == elf::R_X86_64_GOTPCRELX.0
            || kind == elf::R_X86_64_REX_GOTPCRELX.0 =>
        {
            let Target::Outside { stub } = target else {
                return Err(LoadError::UnknownRelocation(kind));
            };
            let slot = base + (stub + ADDRESS_IN_STUB) as i64;
            relative(mapping, kind, at, slot + addend - place)
        }
        kind => Err(LoadError::UnknownRelocation(kind)),
    }
}

fn relative(mapping: &mut Mapping, kind: u32, at: usize, distance: i64) -> Result<(), LoadError> {
    let distance = i32::try_from(distance).map_err(|_| LoadError::UnknownRelocation(kind))?;
    mapping.write(at, &distance.to_le_bytes())
}
