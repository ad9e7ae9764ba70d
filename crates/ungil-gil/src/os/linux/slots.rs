//! Import slots that lead to our functions while we want it.

use std::ffi::CStr;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::elf::Object;
use super::maps;

/// The import slots of one object for some functions.
pub(crate) struct Slots {
    slots: Vec<Slot>,
    /// Per function: where its calls went before.
    pub(crate) originals: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Slot {
    address: usize,
    /// What it held: the function, or the stub that looks it up on the first call.
    before: usize,
    ours: usize,
}

impl Slots {
    /// Finds the slots, in the object around an address, of each function; `ours` is what they will
    /// lead to. `Err` is the position of a function that has none.
    pub(crate) fn find(inside: usize, names: &[&CStr], ours: &[usize]) -> Result<Self, usize> {
        let object = Object::around(inside, names).ok_or(0_usize)?;
        let mut slots = Vec::new();
        let mut originals = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let of_name = object.slots.iter().filter(|(name, _)| *name == at);
            let mut original = None;
            for &(_, address) in of_name {
                let before = content(address).load(Ordering::Relaxed);
                slots.push(Slot {
                    address,
                    before,
                    ours: ours[at],
                });
                // A slot that leads out of the object has been bound, perhaps to somebody's wrapper.
                if !object.covers(before) {
                    original = Some(before);
                }
            }
            if !slots.iter().any(|slot| slot.ours == ours[at]) {
                return Err(at);
            }
            originals.push(original.or_else(|| super::symbol(name)).ok_or(at)?);
        }
        Ok(Self { slots, originals })
    }

    /// Leads all of them to us. Also to be called again later: a thread that was just binding a
    /// slot, on its first call, may have overwritten ours.
    pub(crate) fn patch(&self) -> io::Result<()> {
        for slot in &self.slots {
            if content(slot.address).load(Ordering::Relaxed) != slot.ours {
                write(slot.address, slot.ours)?;
            }
        }
        Ok(())
    }

    /// Whether the slots could be written; nothing is.
    pub(crate) fn check_writable(&self) -> io::Result<()> {
        for slot in &self.slots {
            let protection = protection_of(slot.address)?;
            if protection & libc::PROT_WRITE == 0 {
                protect(slot.address, protection | libc::PROT_WRITE)?;
                protect(slot.address, protection)?;
            }
        }
        Ok(())
    }

    /// Leads them back. One that somebody has patched over us is left alone: our functions pass on.
    pub(crate) fn restore(&self) -> io::Result<()> {
        for slot in &self.slots {
            if content(slot.address).load(Ordering::Relaxed) == slot.ours {
                write(slot.address, slot.before)?;
            }
        }
        Ok(())
    }
}

fn content(address: usize) -> &'static AtomicUsize {
    // SAFETY: slots are aligned words of an object that holds the running interpreter and is
    // therefore never unloaded; the linker, too, writes them with single stores.
    unsafe { AtomicUsize::from_ptr(address as *mut usize) }
}

/// Writes a slot; its page gets back the protection that it had. A lazily bound table is writable
/// and has to stay so, one that was bound at start is not.
fn write(address: usize, value: usize) -> io::Result<()> {
    let protection = protection_of(address)?;
    if protection & libc::PROT_WRITE == 0 {
        protect(address, protection | libc::PROT_WRITE)?;
        content(address).store(value, Ordering::Release);
        return protect(address, protection);
    }
    content(address).store(value, Ordering::Release);
    Ok(())
}

fn protect(address: usize, protection: i32) -> io::Result<()> {
    // SAFETY: has no precondition.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let start = address & !(page - 1);
    // SAFETY: the page holds the slot; it only ever gains the right to be written, or gets back
    // the rights that it had.
    if unsafe { libc::mprotect(start as *mut libc::c_void, page, protection) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn protection_of(address: usize) -> io::Result<i32> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    maps::parse(&maps)
        .find(|mapping| (mapping.from..mapping.to).contains(&address))
        .map(|mapping| mapping.protection)
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}
