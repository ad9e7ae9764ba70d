//! The supervisor: one thread per process that starts, watches and reaps all worker processes.
//!
//! It lives as long as the process does. That matters: the kernel's "kill me when my parent
//! dies" is tied to the thread that started the child, not to the process.
//!
//! What it starts inherits its quiet: Ctrl-C must not hit a worker before it is ready for it. A
//! server lets the other signals in at once, a worker all that its pool's maker does.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Child as Process;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags};
use rustix::time::Timespec;

use super::launch::{self, Interpreter, Kind, Note, StartMethod, WorkerSeat};
use super::shared::Shared;
use crate::exit::ExitStatus;
use crate::os::{self, ProcessHandle};
use crate::quiet;

/// A worker to be started.
pub(crate) struct Launch {
    pub(crate) pool: Arc<Shared>,
    pub(crate) index: u32,
    pub(crate) incarnation: u64,
}

/// The way to the supervisor thread.
struct Desk {
    launches: Mutex<Vec<Launch>>,
    bell: OwnedFd,
}

/// The desk of this process, or null. Leaked: the thread never ends.
static DESK: AtomicPtr<Desk> = AtomicPtr::new(std::ptr::null_mut());
/// To be called in every child made by a plain fork: its pools and its supervisor are gone.
pub fn after_fork_in_child() {
    crate::generation::advance();
    // The thread was not copied. The desk is leaked, for its lock may have been held.
    DESK.store(std::ptr::null_mut(), Ordering::Release);
}

/// Asks for a worker process; the pool is told what becomes of it.
pub(crate) fn launch(launch: Launch) {
    match desk() {
        Ok(desk) => {
            desk.launches
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(launch);
            // The counter cannot overflow, and nothing else can go wrong with an eventfd.
            let _ = rustix::io::write(&desk.bell, &1_u64.to_ne_bytes());
        }
        Err(error) => launch.refused(&error.to_string()),
    }
}

impl Launch {
    /// Sends a note that starts the worker, with the descriptors it needs.
    fn send(&self, control: BorrowedFd<'_>, note: Note) -> io::Result<()> {
        let descriptors = Arc::clone(&self.pool.book().descriptors);
        let fds: Vec<BorrowedFd<'_>> = std::iter::once(self.pool.segment.fd())
            .chain(descriptors.iter().map(AsFd::as_fd))
            .collect();
        launch::send(control, note, &fds)
    }

    fn refused(&self, why: &str) {
        self.pool.worker_refused(self.index, self.incarnation, why);
    }
}

/// This process's desk; starts the supervisor at the first call.
fn desk() -> io::Result<&'static Desk> {
    let pointer = DESK.load(Ordering::Acquire);
    // SAFETY: desks are leaked, so a non-null pointer stays valid.
    if let Some(desk) = unsafe { pointer.as_ref() } {
        return Ok(desk);
    }
    let fresh = Box::into_raw(Box::new(Desk {
        launches: Mutex::new(Vec::new()),
        bell: os::off_standard_streams(rustix::event::eventfd(
            0,
            EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK,
        )?)?,
    }));
    match DESK.compare_exchange(
        std::ptr::null_mut(),
        fresh,
        Ordering::AcqRel,
        Ordering::Acquire,
    ) {
        Ok(_) => {
            // SAFETY: just leaked.
            let desk = unsafe { &*fresh };
            // The stack is a main thread's: the fork start method makes it one.
            let thread = std::thread::Builder::new()
                .name("ungil-supervisor".into())
                .stack_size(8 << 20);
            quiet::spawn(thread, move || Supervisor::default().run(desk)).inspect_err(|_| {
                DESK.store(std::ptr::null_mut(), Ordering::Release);
            })?;
            Ok(desk)
        }
        Err(winner) => {
            // SAFETY: ours was never shared; the winner's is leaked.
            unsafe {
                drop(Box::from_raw(fresh));
                Ok(&*winner)
            }
        }
    }
}

/// A worker process that is watched.
struct Watch {
    launch: Launch,
    token: u64,
    /// `None` until a server has said that it lives.
    handle: Option<Arc<ProcessHandle>>,
    /// The server that reaps it, if it is not our child.
    server: Option<u64>,
    /// A spawned child's object, kept until it is reaped.
    _process: Option<Process>,
    /// A spawned child's control socket: closing it would end a child that still reads its seat.
    _control: Option<OwnedFd>,
}

/// A running fork server.
struct Server {
    id: u64,
    interpreter: Interpreter,
    process: Process,
    control: OwnedFd,
}

/// So many requests wait in a server's socket at most. Without a limit a large pool fills it
/// with questions while the server fills the other direction with answers that nobody reads.
const UNANSWERED: usize = 16;

const NOW: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};
/// The pause between two looks where it cannot be slept until something happens.
const LATER: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Supervisor {
    watches: Vec<Watch>,
    /// Workers to be started when the servers have caught up.
    waiting: VecDeque<Launch>,
    servers: Vec<Server>,
    /// The last number given to a token or a server.
    last: u64,
}

/// What a look at the descriptors found.
enum News {
    Launches,
    Server(u64),
    Ended(u64),
}

impl Supervisor {
    fn run(mut self, desk: &'static Desk) {
        loop {
            for news in self.wait(desk) {
                match news {
                    News::Launches => {
                        let _ = rustix::io::read(&desk.bell, &mut [0_u8; 8]);
                        let launches = std::mem::take(
                            &mut *desk.launches.lock().unwrap_or_else(PoisonError::into_inner),
                        );
                        self.waiting.extend(launches);
                    }
                    News::Server(id) => self.hear(id),
                    News::Ended(token) => self.ended(token, None),
                }
            }
            while self.unanswered() < UNANSWERED
                && let Some(launch) = self.waiting.pop_front()
            {
                self.start(launch);
            }
        }
    }

    /// Sleeps until something happens, and says what.
    fn wait(&self, desk: &Desk) -> Vec<News> {
        let mut fds = vec![PollFd::new(&desk.bell, PollFlags::IN)];
        let mut news = vec![News::Launches];
        for server in &self.servers {
            fds.push(PollFd::new(&server.control, PollFlags::IN));
            news.push(News::Server(server.id));
        }
        for watch in &self.watches {
            // A server's child is reaped by the server, whose note tells how it ended.
            let server_lives = watch
                .server
                .is_some_and(|id| self.servers.iter().any(|server| server.id == id));
            if let (Some(handle), false) = (&watch.handle, server_lives) {
                fds.push(PollFd::new(&**handle, PollFlags::IN));
                news.push(News::Ended(watch.token));
            }
        }
        if rustix::event::poll(&mut fds, None).is_err() {
            // The limit on descriptors was lowered below what is open: one by one, now and then.
            for fd in &mut fds {
                let _ = rustix::event::poll(std::slice::from_mut(fd), Some(&NOW));
            }
            std::thread::sleep(LATER);
        }
        fds.iter()
            .zip(news)
            .filter(|(fd, _)| !fd.revents().is_empty())
            .map(|(_, news)| news)
            .collect()
    }

    /// How many workers the servers have been asked for and have not answered for.
    fn unanswered(&self) -> usize {
        let asked = |watch: &&Watch| watch.server.is_some() && watch.handle.is_none();
        self.watches.iter().filter(asked).count()
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn start(&mut self, launch: Launch) {
        let method = launch.pool.method.clone();
        let token = self.next();
        let started = match &method {
            StartMethod::Fork(forker) => {
                fork(&launch, &**forker).map(|handle| (Some(handle), None, None, None))
            }
            StartMethod::Spawn(interpreter) => {
                spawn(&launch, interpreter, token).map(|(handle, process, control)| {
                    (Some(handle), None, Some(process), Some(control))
                })
            }
            StartMethod::ForkServer(interpreter) => self
                .ask_server(&launch, interpreter, token)
                .map(|server| (None, Some(server), None, None)),
        };
        match started {
            Ok((handle, server, process, control)) => {
                let handle = handle.map(Arc::new);
                if let Some(handle) = &handle {
                    launch
                        .pool
                        .worker_started(launch.index, launch.incarnation, handle);
                }
                self.watches.push(Watch {
                    launch,
                    token,
                    handle,
                    server,
                    _process: process,
                    _control: control,
                });
            }
            Err(error) => launch.refused(&error.to_string()),
        }
    }

    /// Has a fork server fork the worker; starts the server if none runs this interpreter.
    fn ask_server(
        &mut self,
        launch: &Launch,
        interpreter: &Interpreter,
        token: u64,
    ) -> io::Result<u64> {
        let note = Note {
            kind: Kind::Fork,
            token,
            value: i64::from(launch.index),
            extra: 0,
        };
        if let Some(server) = self
            .servers
            .iter()
            .find(|server| server.interpreter == *interpreter)
        {
            match launch.send(server.control.as_fd(), note) {
                Ok(()) => return Ok(server.id),
                // It has just died: its own end will be heard of; this one gets a new server.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                Err(error) => return Err(error),
            }
        }
        let (process, control) = launch::start(interpreter)?;
        launch.send(control.as_fd(), note)?;
        let id = self.next();
        self.servers.push(Server {
            id,
            interpreter: interpreter.clone(),
            process,
            control,
        });
        Ok(id)
    }

    /// Reads a server's note.
    fn hear(&mut self, id: u64) {
        let Some(server) = self.servers.iter().find(|server| server.id == id) else {
            return;
        };
        let Ok(Some((note, fds))) = launch::receive(server.control.as_fd()) else {
            self.server_gone(id);
            return;
        };
        match note.kind {
            Kind::Started => {
                let Some(fd) = fds.into_iter().next() else {
                    return;
                };
                if let Some(watch) = self
                    .watches
                    .iter_mut()
                    .find(|watch| watch.token == note.token)
                {
                    let handle = Arc::new(ProcessHandle::from_parts(note.value as u32, fd));
                    watch.launch.pool.worker_started(
                        watch.launch.index,
                        watch.launch.incarnation,
                        &handle,
                    );
                    watch.handle = Some(handle);
                }
            }
            Kind::Refused => {
                if let Some(watch) = self.forget(note.token) {
                    let error = io::Error::from_raw_os_error(note.value as i32);
                    watch
                        .launch
                        .refused(&format!("the fork server could not fork: {error}"));
                }
            }
            Kind::Exited => self.ended(note.token, Some(ExitStatus::Code(note.extra as i32))),
            Kind::Killed => {
                let status = if note.extra == 0 {
                    ExitStatus::Unknown
                } else {
                    ExitStatus::Signal(note.extra as i32)
                };
                self.ended(note.token, Some(status));
            }
            Kind::Fork | Kind::Work => {}
        }
    }

    /// A server has died. Its workers die with it; those it never answered for are lost.
    fn server_gone(&mut self, id: u64) {
        let Some(at) = self.servers.iter().position(|server| server.id == id) else {
            return;
        };
        let mut server = self.servers.swap_remove(at);
        let _ = server.process.kill();
        let status = server.process.wait();
        // One that was killed from outside says nothing about the next one.
        let killed = (status.as_ref()).is_ok_and(|status| status.signal().is_some());
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let unanswered: Vec<u64> = self
            .watches
            .iter()
            .filter(|watch| watch.server == Some(id) && watch.handle.is_none())
            .map(|watch| watch.token)
            .collect();
        for token in unanswered {
            if killed {
                self.ended(token, Some(ExitStatus::WithServer));
            } else if let Some(watch) = self.forget(token) {
                watch.launch.refused(&format!(
                    "the fork server ended ({how}); its own message, if any, is on stderr"
                ));
            }
        }
    }

    /// A worker has ended; `status` if its server has told, else it is ours to reap.
    fn ended(&mut self, token: u64, status: Option<ExitStatus>) {
        let Some(watch) = self.forget(token) else {
            return;
        };
        let status = match (status, &watch.handle) {
            (Some(status), _) => status,
            // It was not our child, so only its server's end can have brought us here.
            _ if watch.server.is_some() => ExitStatus::WithServer,
            (None, Some(handle)) => handle.reap(),
            (None, None) => ExitStatus::Unknown,
        };
        watch
            .launch
            .pool
            .worker_ended(watch.launch.index, watch.launch.incarnation, status);
    }

    fn forget(&mut self, token: u64) -> Option<Watch> {
        let at = self.watches.iter().position(|watch| watch.token == token)?;
        Some(self.watches.swap_remove(at))
    }
}

fn fork(launch: &Launch, forker: &dyn launch::Forker) -> io::Result<ProcessHandle> {
    let seat = WorkerSeat {
        segment: launch.pool.segment.fd().try_clone_to_owned()?,
        index: launch.index,
        parent: std::process::id(),
        // The fork copies those that the initializer's arguments have.
        descriptors: Vec::new(),
    };
    ProcessHandle::open(forker.fork(seat)?)
}

fn spawn(
    launch: &Launch,
    interpreter: &Interpreter,
    token: u64,
) -> io::Result<(ProcessHandle, Process, OwnedFd)> {
    let (mut process, control) = launch::start(interpreter)?;
    let note = Note {
        kind: Kind::Work,
        token,
        value: i64::from(launch.index),
        extra: i64::from(std::process::id()),
    };
    let handle = ProcessHandle::open(process.id())
        .and_then(|handle| launch.send(control.as_fd(), note).map(|()| handle));
    match handle {
        Ok(handle) => Ok((handle, process, control)),
        Err(error) => {
            let _ = process.kill();
            let _ = process.wait();
            Err(error)
        }
    }
}
