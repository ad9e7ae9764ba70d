//! How a worker process is started, and what is said over the control socket for it.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::os;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

/// How workers come to life.
#[derive(Clone)]
pub enum StartMethod {
    /// The calling process forks: quick, and unsafe where other threads hold locks.
    Fork(Arc<dyn Forker>),
    /// A small, single-threaded server process forks them.
    ForkServer(Interpreter),
    /// Each is a fresh interpreter.
    Spawn(Interpreter),
}

/// Forks this process and becomes a worker in the child.
pub trait Forker: Send + Sync {
    /// Gives the child's pid in the parent; does not return in the child.
    fn fork(&self, seat: WorkerSeat) -> io::Result<u32>;
}

/// The command that starts a process which calls [`crate::process::enter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// What a new worker process needs to join its pool.
#[derive(Debug)]
pub struct WorkerSeat {
    /// The pool's segment.
    pub segment: OwnedFd,
    /// The worker's number in the pool.
    pub index: u32,
    /// The process whose death ends the worker.
    pub parent: u32,
    /// What [`super::Options::descriptors`] named, in that order.
    pub descriptors: Vec<OwnedFd>,
}

/// A message over the control socket; descriptors travel beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) kind: Kind,
    /// Which launch it is about.
    pub(crate) token: u64,
    /// The worker's number, its pid, or an error number.
    pub(crate) value: i64,
    /// The owner's pid, or the exit status' value.
    pub(crate) extra: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// To a server: fork a worker (value: index; descriptor: segment).
    Fork = 1,
    /// To a fresh process: be a worker yourself (value: index, extra: parent; descriptor: segment).
    Work = 2,
    /// From a server: the worker lives (value: pid; descriptor: pidfd).
    Started = 3,
    /// From a server: it could not be forked (value: errno).
    Refused = 4,
    /// From a server: the worker ended with a code (value: pid, extra: code).
    Exited = 5,
    /// From a server: a signal ended the worker (value: pid, extra: signal).
    Killed = 6,
}

const NOTE: usize = 32;

impl Note {
    fn encode(self) -> [u8; NOTE] {
        let mut bytes = [0; NOTE];
        bytes[0] = self.kind as u8;
        bytes[8..16].copy_from_slice(&self.token.to_ne_bytes());
        bytes[16..24].copy_from_slice(&self.value.to_ne_bytes());
        bytes[24..32].copy_from_slice(&self.extra.to_ne_bytes());
        bytes
    }

    fn decode(bytes: &[u8; NOTE]) -> Option<Self> {
        let kind = [
            Kind::Fork,
            Kind::Work,
            Kind::Started,
            Kind::Refused,
            Kind::Exited,
            Kind::Killed,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == bytes[0])?;
        let word = |at: usize| bytes[at..at + 8].try_into().unwrap_or_default();
        Some(Self {
            kind,
            token: u64::from_ne_bytes(word(8)),
            value: i64::from_ne_bytes(word(16)),
            extra: i64::from_ne_bytes(word(24)),
        })
    }
}

/// The most descriptors that a pool can hand to its workers: what the kernel takes in one
/// message (`SCM_MAX_FD`, unix(7)), less the segment's.
pub const MAX_DESCRIPTORS: usize = 253 - 1;

/// Sends a note, with the descriptors it is about.
pub(crate) fn send(socket: BorrowedFd<'_>, note: Note, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let bytes = note.encode();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS + 1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(fds));
    }
    rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(
            socket,
            &[IoSlice::new(&bytes)],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        )
    })?;
    Ok(())
}

/// Receives a note; `None` at the end of the conversation.
pub(crate) fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<(Note, Vec<OwnedFd>)>> {
    let mut bytes = [0; NOTE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS + 1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let got = rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )
    });
    let got = match got {
        Err(rustix::io::Errno::CONNRESET) => return Ok(None),
        other => other?,
    };
    if got.bytes == 0 {
        return Ok(None);
    }
    let mut fds = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            fds.extend(some);
        }
    }
    let fds = fds
        .into_iter()
        .map(os::off_standard_streams)
        .collect::<io::Result<Vec<_>>>()?;
    let note = Note::decode(&bytes)
        .filter(|_| got.bytes == NOTE)
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "garbled note on the control socket",
            )
        })?;
    Ok(Some((note, fds)))
}

impl WorkerSeat {
    /// Ties the calling process to its parent: the kernel ends it when the parent dies. `false`
    /// when the parent is dead already.
    #[must_use]
    pub fn follow_parent(&self) -> bool {
        os::die_with_parent(self.parent)
    }

    /// From a `Fork` or `Work` note.
    pub(crate) fn from_note(note: Note, fds: Vec<OwnedFd>, parent: u32) -> io::Result<Self> {
        let mut fds = fds.into_iter();
        let segment = fds.next().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "no segment came with the note")
        })?;
        Ok(Self {
            segment,
            index: note.value as u32,
            parent,
            descriptors: fds.collect(),
        })
    }
}

/// The two ends of a control conversation.
pub(crate) fn control_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = rustix::net::socketpair(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::SEQPACKET,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )?;
    Ok((
        os::off_standard_streams(ours)?,
        os::off_standard_streams(theirs)?,
    ))
}

/// Starts an interpreter whose standard input is its end of a control conversation.
pub(crate) fn start(interpreter: &Interpreter) -> io::Result<(std::process::Child, OwnedFd)> {
    let (ours, theirs) = control_pair()?;
    let child = std::process::Command::new(&interpreter.program)
        .args(&interpreter.args)
        .stdin(theirs)
        .spawn()
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot start {}: {error}", interpreter.program.display()),
            )
        })?;
    Ok((child, ours))
}

/// The control socket of a process started by [`start`], moved away from standard input,
/// which becomes empty.
pub(crate) fn take_control() -> io::Result<OwnedFd> {
    let control = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let null = rustix::fs::open(
        "/dev/null",
        rustix::fs::OFlags::RDONLY,
        rustix::fs::Mode::empty(),
    )?;
    rustix::stdio::dup2_stdin(null.as_fd())?;
    Ok(control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_and_its_descriptors_arrive_as_they_were_sent() {
        let (a, b) = control_pair().unwrap();
        let note = Note {
            kind: Kind::Started,
            token: 7,
            value: 4242,
            extra: -3,
        };
        let many = vec![b.as_fd(); MAX_DESCRIPTORS + 1];
        send(a.as_fd(), note, &many).unwrap();
        let (got, fds) = receive(b.as_fd()).unwrap().unwrap();
        assert_eq!(got, note);
        assert_eq!(fds.len(), many.len());
        drop(a);
        drop(fds);
        assert!(
            receive(b.as_fd()).unwrap().is_none(),
            "a closed peer ends the conversation"
        );
    }

    #[test]
    fn a_note_of_the_wrong_size_is_an_error_not_a_guess() {
        let (a, b) = control_pair().unwrap();
        rustix::io::write(&a, b"short").unwrap();
        assert!(receive(b.as_fd()).is_err());
    }
}
