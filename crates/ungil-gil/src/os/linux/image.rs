//! The symbols of an executable or a library, from its file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// More than any file's tables take: a damaged one is not read into memory.
const LARGEST: u64 = 1 << 30;

const PT_LOAD: u32 = 1;
const ET_EXEC: u16 = 2;
const SHT_SYMTAB: u32 = 2;
const SHT_DYNSYM: u32 = 11;

/// An ELF file of 64 bits in this machine's byte order.
pub(crate) struct Image {
    file: File,
    /// Whether its addresses are final.
    pub(crate) is_fixed: bool,
    /// Of what is loaded first: where in the file, and at which address.
    pub(crate) first: (u64, u64),
    sections: Vec<Section>,
    /// Which section has the sections' names.
    names: usize,
}

#[derive(Clone, Copy)]
struct Section {
    name: u32,
    kind: u32,
    address: u64,
    offset: u64,
    size: u64,
    link: u32,
}

impl Image {
    /// Reads the headers; `InvalidData` for anything but a 64-bit ELF file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut header = [0; 64];
        file.read_exact_at(&mut header, 0)?;
        let little = if cfg!(target_endian = "little") { 1 } else { 2 };
        if header[..6] != [0x7f, b'E', b'L', b'F', 2, little] {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let read = |offset: u64, size: usize, count: u16| {
            let mut bytes = vec![0; size * usize::from(count)];
            file.read_exact_at(&mut bytes, offset)?;
            io::Result::Ok(bytes)
        };
        let segments = read(u64_at(&header, 32), 56, u16_at(&header, 56))?;
        let sections = read(u64_at(&header, 40), 64, u16_at(&header, 60))?;
        let first = segments
            .chunks_exact(56)
            .find(|segment| u32_at(segment, 0) == PT_LOAD)
            .map(|segment| (u64_at(segment, 8), u64_at(segment, 16)))
            .ok_or(io::ErrorKind::InvalidData)?;
        let section = |entry: &[u8]| Section {
            name: u32_at(entry, 0),
            kind: u32_at(entry, 4),
            address: u64_at(entry, 16),
            offset: u64_at(entry, 24),
            size: u64_at(entry, 32),
            link: u32_at(entry, 40),
        };
        Ok(Self {
            is_fixed: u16_at(&header, 16) == ET_EXEC,
            first,
            sections: sections.chunks_exact(64).map(section).collect(),
            names: u16_at(&header, 62).into(),
            file,
        })
    }

    /// The addresses of symbols, 0-based if the file is not fixed; `None` for those it lacks.
    pub(crate) fn symbols<const N: usize>(&self, names: [&str; N]) -> io::Result<[Option<u64>; N]> {
        let mut found = [None; N];
        let of_kind = |kind| {
            self.sections
                .iter()
                .filter(move |section| section.kind == kind)
        };
        // Those for the linker come first: they are few, and a stripped file has them still.
        for table in of_kind(SHT_DYNSYM).chain(of_kind(SHT_SYMTAB)) {
            let Some(texts) = self.sections.get(table.link as usize) else {
                continue;
            };
            let (table, texts) = (self.content(table)?, self.content(texts)?);
            for symbol in table.chunks_exact(24) {
                let (name, section) = (u32_at(symbol, 0) as usize, u16_at(symbol, 6));
                if section == 0 {
                    continue; // of another file
                }
                let at = names.iter().position(|known| is_text(&texts, name, known));
                if let Some(at) = at {
                    found[at].get_or_insert(u64_at(symbol, 8));
                }
            }
            if found.iter().all(Option::is_some) {
                break;
            }
        }
        Ok(found)
    }

    /// The address of a section.
    pub(crate) fn section(&self, name: &str) -> io::Result<Option<u64>> {
        let Some(names) = self.sections.get(self.names) else {
            return Ok(None);
        };
        let texts = self.content(names)?;
        let mut sections = self.sections.iter();
        let found = sections.find(|section| is_text(&texts, section.name as usize, name));
        Ok(found.map(|section| section.address))
    }

    fn content(&self, section: &Section) -> io::Result<Vec<u8>> {
        if section.size > LARGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; section.size as usize];
        self.file.read_exact_at(&mut bytes, section.offset)?;
        Ok(bytes)
    }
}

/// Whether the text that begins there, up to its zero, is this one.
fn is_text(texts: &[u8], at: usize, text: &str) -> bool {
    let rest = texts
        .get(at..)
        .and_then(|rest| rest.strip_prefix(text.as_bytes()));
    rest.is_some_and(|rest| rest.first() == Some(&0))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_programs_own_symbols_are_found() {
        let image = Image::open(Path::new("/proc/self/exe")).unwrap();
        let [main, none] = image.symbols(["main", "no such symbol"]).unwrap();
        assert!(main.is_some());
        assert_eq!(none, None);
        assert!(image.section(".text").unwrap().is_some());
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let folder = std::env::temp_dir();
        let path = folder.join(format!("ungil-no-image-{}", std::process::id()));
        std::fs::write(&path, [b'#'; 200]).unwrap();
        let refused = Image::open(&path).map(drop);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
