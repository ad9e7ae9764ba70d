//! The child's side of the start methods: the fork server, and a spawned worker's first step.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};

use super::launch::{self, Kind, Note, WorkerSeat};
use crate::exit::ExitStatus;
use crate::os::{self, ProcessHandle, SignalMask};

/// Which side of a fork this is.
#[derive(Debug)]
pub enum Fork {
    /// The parent, with the child's pid.
    Parent(u32),
    /// The child.
    Child,
}

/// What a process started by the engine has become.
#[derive(Debug)]
pub enum Role {
    /// A worker: run tasks with this seat.
    Worker(WorkerSeat),
    /// Nothing is left to do: the owner is gone.
    Finished,
}

/// A forked worker as its server watches it.
#[derive(Debug)]
pub struct Child {
    token: u64,
    handle: ProcessHandle,
}

/// Runs a process whose standard input is a control socket of the engine: a spawned worker
/// learns its seat; a fork server serves until its owner is gone, and in each child that
/// `fork` makes, returns that child's seat.
///
/// Of the signals that its starter had blocked only Ctrl-C stays blocked: the worker lifts that
/// when it can handle it. `owner` is the pid of the process that started this one.
pub fn enter(owner: u32, fork: &mut dyn FnMut() -> io::Result<Fork>) -> io::Result<Role> {
    if !os::die_with_parent(owner) {
        return Ok(Role::Finished);
    }
    SignalMask::interrupts().set();
    let control = launch::take_control()?;
    let mut children: Vec<Child> = Vec::new();
    loop {
        wait_for_news(&control, &children)?;
        report_ended(&control, &mut children)?;
        if !ready(&control)? {
            continue;
        }
        let Some((note, fds)) = launch::receive(control.as_fd())? else {
            return Ok(Role::Finished);
        };
        match note.kind {
            Kind::Work => return Ok(Role::Worker(WorkerSeat::from_note(note, fds, owner)?)),
            Kind::Fork => match fork().and_then(|fork| watched(&fork)) {
                Ok(Forked::Child) => {
                    let server = rustix::process::getppid()
                        .map_or(0, |pid| pid.as_raw_nonzero().get().cast_unsigned());
                    let seat = WorkerSeat::from_note(note, fds, server)?;
                    return Ok(if os::die_with_parent(server) {
                        Role::Worker(seat)
                    } else {
                        Role::Finished
                    });
                }
                Ok(Forked::Parent(handle)) => {
                    let started = Note {
                        kind: Kind::Started,
                        token: note.token,
                        value: i64::from(handle.pid),
                        extra: 0,
                    };
                    launch::send(control.as_fd(), started, &[handle.as_fd()])?;
                    children.push(Child {
                        token: note.token,
                        handle,
                    });
                }
                Err(error) => {
                    let errno = i64::from(error.raw_os_error().unwrap_or(0));
                    let refused = Note {
                        kind: Kind::Refused,
                        token: note.token,
                        value: errno,
                        extra: 0,
                    };
                    launch::send(control.as_fd(), refused, &[])?;
                }
            },
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a note that is not for a server",
                ));
            }
        }
    }
}

/// A fork whose child is watched.
enum Forked {
    Parent(ProcessHandle),
    Child,
}

/// Opens a handle on a new child. Without one, for want of descriptors, nobody would hear of
/// its end: then it must not be.
fn watched(fork: &Fork) -> io::Result<Forked> {
    match fork {
        Fork::Child => Ok(Forked::Child),
        Fork::Parent(pid) => ProcessHandle::open(*pid)
            .map(Forked::Parent)
            .inspect_err(|_| os::kill_child(*pid)),
    }
}

/// Sleeps until the owner speaks or a child ends.
fn wait_for_news(control: &OwnedFd, children: &[Child]) -> io::Result<()> {
    let mut fds: Vec<PollFd<'_>> = std::iter::once(PollFd::new(control, PollFlags::IN))
        .chain(
            children
                .iter()
                .map(|child| PollFd::new(&child.handle, PollFlags::IN)),
        )
        .collect();
    rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, None))?;
    Ok(())
}

/// Whether there is something to read, or the process has ended.
fn ready(fd: &impl AsFd) -> io::Result<bool> {
    let mut fds = [PollFd::new(fd, PollFlags::IN)];
    let now = rustix::time::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    Ok(rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, Some(&now)))? > 0)
}

/// Reaps children that have ended and tells the owner how.
fn report_ended(control: &OwnedFd, children: &mut Vec<Child>) -> io::Result<()> {
    let mut alive = Vec::with_capacity(children.len());
    for child in children.drain(..) {
        if !ready(&child.handle)? {
            alive.push(child);
            continue;
        }
        let (kind, extra) = match child.handle.reap() {
            ExitStatus::Code(code) => (Kind::Exited, code),
            ExitStatus::Signal(signal) => (Kind::Killed, signal),
            ExitStatus::Unknown | ExitStatus::WithServer => (Kind::Killed, 0),
        };
        let note = Note {
            kind,
            token: child.token,
            value: i64::from(child.handle.pid),
            extra: i64::from(extra),
        };
        // An owner that has just gone needs no report.
        let _ = launch::send(control.as_fd(), note, &[]);
    }
    *children = alive;
    Ok(())
}

/// Names this process, as `ps` and `top` show it (15 bytes at most).
pub fn name_this_process(name: &str) {
    os::name_thread(name);
}
