//! Memory that is written, then executed, never both.
#![allow(unsafe_code)]

use super::LoadError;

#[derive(Debug)]
pub(super) struct Mapping {
    address: *mut u8,
    size: usize,
}

// SAFETY: the memory is not changed once it is executable, and freed by the owner alone.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(super) fn new(size: usize) -> Result<Self, LoadError> {
        let size = size.max(1);
        // SAFETY: a fresh anonymous mapping touches no other memory.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(LoadError::Memory(
                std::io::Error::last_os_error().to_string(),
            ));
        }
        Ok(Self {
            address: address.cast(),
            size,
        })
    }

    pub(super) fn address(&self) -> usize {
        self.address as usize
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Copies bytes to a place, before it is made executable.
    pub(super) fn write(&mut self, place: usize, bytes: &[u8]) -> Result<(), LoadError> {
        let end = place.checked_add(bytes.len());
        if end.is_none_or(|end| end > self.size) {
            return Err(LoadError::Unreadable(
                "a place in it is outside of it".to_owned(),
            ));
        }
        // SAFETY: within the mapping, which is writable until `make_executable`; the source is not in it.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.address.add(place), bytes.len());
        }
        Ok(())
    }

    pub(super) fn make_executable(&mut self) -> Result<(), LoadError> {
        // SAFETY: the mapping's own pages.
        let result = unsafe {
            libc::mprotect(
                self.address.cast(),
                self.size,
                libc::PROT_READ | libc::PROT_EXEC,
            )
        };
        if result == 0 {
            return Ok(());
        }
        Err(LoadError::Memory(
            std::io::Error::last_os_error().to_string(),
        ))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping's own pages, which nobody runs any more: callers hold the code.
        unsafe {
            libc::munmap(self.address.cast(), self.size);
        }
    }
}
