//! Memory that may not be there: of this process, or of another one.

use std::io;

/// Copies from an address into the buffer; an error where nothing is mapped, never a crash.
pub(crate) fn read(address: usize, into: &mut [u8]) -> io::Result<()> {
    read_of(std::process::id(), address, into)
}

/// The same from another process.
pub(crate) fn read_of(pid: u32, address: usize, into: &mut [u8]) -> io::Result<()> {
    let (local, remote) = vectors(into.as_mut_ptr(), address, into.len());
    // SAFETY: the kernel checks the remote range; the local one is the buffer we own.
    let copied = unsafe {
        libc::process_vm_readv(
            pid.cast_signed(),
            &raw const local,
            1,
            &raw const remote,
            1,
            0,
        )
    };
    all(copied, into.len())
}

/// Copies into another process. What that does to it is the caller's affair.
pub(crate) fn write_of(pid: u32, address: usize, from: &[u8]) -> io::Result<()> {
    let (local, remote) = vectors(from.as_ptr().cast_mut(), address, from.len());
    // SAFETY: as above; the local buffer is only read.
    let copied = unsafe {
        libc::process_vm_writev(
            pid.cast_signed(),
            &raw const local,
            1,
            &raw const remote,
            1,
            0,
        )
    };
    all(copied, from.len())
}

fn vectors(local: *mut u8, remote: usize, length: usize) -> (libc::iovec, libc::iovec) {
    let vector = |address: *mut libc::c_void| libc::iovec {
        iov_base: address,
        iov_len: length,
    };
    (vector(local.cast()), vector(remote as *mut libc::c_void))
}

fn all(copied: isize, length: usize) -> io::Result<()> {
    match usize::try_from(copied) {
        Ok(copied) if copied == length => Ok(()),
        Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}
