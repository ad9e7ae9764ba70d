//! The pool with real worker processes, forked from the test and running a loop in Rust.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use ungil_pool::process::{
    CrashPolicy, Forker, Options, Outcome, Place, ProcessPool, StartMethod, Task, Terms, Worker,
    WorkerSeat,
};
use ungil_pool::{ExitStatus, SubmitError};

#[path = "process_pool/priorities.rs"]
mod priorities;
#[path = "process_pool/stopping.rs"]
mod stopping;

/// What a task "nap" takes.
const NAP: Duration = Duration::from_millis(2);

/// A worker that answers each payload with itself; "die" kills it, "exit" ends it, "stop" hangs.
struct EchoForker;

impl Forker for EchoForker {
    fn fork(&self, seat: WorkerSeat) -> io::Result<u32> {
        // SAFETY: the child touches nothing that a thread of the test may have locked but the
        // allocator, which glibc keeps usable across a fork.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => echo(seat),
            pid => Ok(pid.cast_unsigned()),
        }
    }
}

fn echo(seat: WorkerSeat) -> ! {
    // SAFETY: asks the kernel to kill this process with the test.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    let mut worker = Worker::join(seat).expect("the segment can be mapped");
    worker.ready();
    loop {
        let Some(task) = worker.poll() else {
            if worker.closing() {
                break;
            }
            worker.park(None);
            continue;
        };
        let message = worker.payload(&task).expect("a readable payload");
        match message.head() {
            // SAFETY: a signal to ourselves.
            b"die" => unsafe {
                libc::kill(libc::getpid(), libc::SIGKILL);
            },
            // SAFETY: ends the process.
            b"exit" => unsafe { libc::_exit(7) },
            b"stop" => std::thread::sleep(Duration::from_hours(1)),
            b"nap" => std::thread::sleep(NAP),
            _ => {}
        }
        let buffers: Vec<&[u8]> = (0..message.buffers())
            .map(|i| {
                let (start, len) = message.buffer(i);
                // SAFETY: the message lives until the reply is sent.
                unsafe { std::slice::from_raw_parts(start, len) }
            })
            .collect();
        worker
            .reply(&task, &[message.head()], &buffers)
            .expect("room for the answer");
    }
    // SAFETY: ends the process without the test's exit handlers.
    unsafe { libc::_exit(0) }
}

/// Collects what tasks came to.
#[derive(Default)]
struct Ledger {
    ended: Mutex<Vec<(usize, Ended)>>,
    changed: Condvar,
}

#[derive(Debug, PartialEq)]
enum Ended {
    Answer(Vec<u8>, Vec<Vec<u8>>),
    Crashed(ExitStatus),
    TimedOut(Duration),
    Cancelled,
    Other(String),
}

struct Entry {
    number: usize,
    ledger: Arc<Ledger>,
    place: Mutex<Option<Place>>,
}

impl Task for Entry {
    fn publish(&self, place: Place) -> bool {
        *self.place.lock().unwrap() = Some(place);
        true
    }

    fn withdraw(&self, take_back: &dyn Fn() -> bool) -> bool {
        let mut place = self.place.lock().unwrap();
        let withdrawn = take_back();
        if withdrawn {
            *place = None;
        }
        withdrawn
    }

    fn finish(&self, outcome: Outcome) {
        let ended = match outcome {
            Outcome::Finished(message) => {
                let buffers = (0..message.buffers())
                    .map(|i| {
                        let (start, len) = message.buffer(i);
                        // SAFETY: the message lives until the end of this arm.
                        unsafe { std::slice::from_raw_parts(start, len) }.to_vec()
                    })
                    .collect();
                Ended::Answer(message.head().to_vec(), buffers)
            }
            Outcome::Crashed(crash) => Ended::Crashed(crash.status),
            Outcome::TimedOut(stopped) => Ended::TimedOut(stopped.limit),
            Outcome::Cancelled => Ended::Cancelled,
            other => Ended::Other(format!("{other:?}")),
        };
        self.ledger.ended.lock().unwrap().push((self.number, ended));
        self.ledger.changed.notify_all();
    }
}

struct Bench {
    pool: ProcessPool,
    ledger: Arc<Ledger>,
    submitted: usize,
}

impl Bench {
    fn new(workers: u32) -> Self {
        Self::with(workers, CrashPolicy::default(), None)
    }

    fn with(workers: u32, on_crash: CrashPolicy, task_limit: Option<Duration>) -> Self {
        let options = Options {
            max_workers: workers,
            method: StartMethod::Fork(Arc::new(EchoForker)),
            on_crash,
            task_limit,
            descriptors: Vec::new(),
        };
        let pool = ProcessPool::new(options, b"").unwrap();
        Self {
            pool,
            ledger: Arc::default(),
            submitted: 0,
        }
    }

    fn submit(&mut self, head: &[u8], buffers: &[&[u8]]) -> Arc<Entry> {
        self.submit_pieces(&[head], buffers, Terms::default())
    }

    fn submit_with(&mut self, head: &[u8], buffers: &[&[u8]], terms: Terms) -> Arc<Entry> {
        self.submit_pieces(&[head], buffers, terms)
    }

    fn submit_pieces(&mut self, head: &[&[u8]], buffers: &[&[u8]], terms: Terms) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            number: self.submitted,
            ledger: Arc::clone(&self.ledger),
            place: Mutex::default(),
        });
        self.submitted += 1;
        self.pool
            .submit_with(head, buffers, Arc::<Entry>::clone(&entry), terms)
            .unwrap();
        entry
    }

    /// Everything that was submitted, in order, once it has ended.
    fn collect(&self) -> Vec<Ended> {
        let deadline = Instant::now() + Duration::from_secs(50);
        let mut ended = self.ledger.ended.lock().unwrap();
        while ended.len() < self.submitted {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "only {} of {} tasks have ended",
                ended.len(),
                self.submitted
            );
            ended = self.ledger.changed.wait_timeout(ended, left).unwrap().0;
        }
        let mut ended = std::mem::take(&mut *ended);
        ended.sort_by_key(|(number, _)| *number);
        ended.into_iter().map(|(_, ended)| ended).collect()
    }

    fn close(self) {
        self.pool.close(false);
        assert!(
            self.pool.wait(Some(Duration::from_secs(20))),
            "the workers end"
        );
    }
}

fn answer(head: &[u8]) -> Ended {
    Ended::Answer(head.to_vec(), Vec::new())
}

/// Where a task is, once a worker is running it.
fn running(bench: &Bench, entry: &Entry) -> Place {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let place: Option<Place> = *entry.place.lock().unwrap();
        if let Some(place) = place.filter(|&place| bench.pool.is_running(place)) {
            return place;
        }
        assert!(Instant::now() < deadline, "the task starts");
        std::thread::yield_now();
    }
}

#[test]
fn every_task_is_answered_once_with_its_own_payload() {
    let mut bench = Bench::new(3);
    let heads: Vec<Vec<u8>> = (0..20_000_u32)
        .map(|i| i.to_ne_bytes().repeat(1 + i as usize % 200))
        .collect();
    for head in &heads {
        bench.submit(head, &[]);
    }
    let answers = bench.collect();
    assert_eq!(answers.len(), heads.len());
    for (got, head) in answers.iter().zip(&heads) {
        assert_eq!(*got, answer(head));
    }
    bench.close();
}

#[test]
fn a_head_in_pieces_arrives_whole() {
    let mut bench = Bench::new(2);
    let pieces: Vec<Vec<u8>> = [0, 1, 200, 0, 70_000, 3]
        .iter()
        .zip(1..)
        .map(|(&size, byte)| vec![byte; size])
        .collect();
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    bench.submit_pieces(&pieces[..3], &[], Terms::default()); // in the slot
    bench.submit_pieces(&pieces, &[], Terms::default()); // in a block
    bench.submit_pieces(&pieces, &[pieces[4]], Terms::default());
    bench.submit_pieces(&[], &[], Terms::default());
    let buffer = Ended::Answer(pieces.concat(), vec![pieces[4].to_vec()]);
    let expected = [
        answer(&pieces[..3].concat()),
        answer(&pieces.concat()),
        buffer,
        answer(b""),
    ];
    assert_eq!(bench.collect(), expected);
    bench.close();
}

#[test]
fn buffers_of_every_size_come_back_as_they_went() {
    let mut bench = Bench::new(2);
    let sizes = [
        0,
        1,
        63,
        64,
        65,
        447,
        448,
        449,
        4096,
        65_535,
        262_144,
        1 << 20,
        (4 << 20) + 3,
    ];
    let buffers: Vec<Vec<u8>> = sizes
        .iter()
        .map(|&size| (0..size).map(|i| (i % 251) as u8).collect())
        .collect();
    for buffer in &buffers {
        bench.submit(b"one", &[buffer]);
    }
    let all: Vec<&[u8]> = buffers.iter().map(Vec::as_slice).collect();
    bench.submit(b"all", &all);
    let answers = bench.collect();
    for (got, buffer) in answers.iter().zip(&buffers) {
        assert_eq!(*got, Ended::Answer(b"one".to_vec(), vec![buffer.clone()]));
    }
    assert_eq!(
        answers[buffers.len()],
        Ended::Answer(b"all".to_vec(), buffers.clone())
    );
    bench.close();
}

#[test]
fn a_dead_worker_loses_its_task_and_nothing_else() {
    let mut bench = Bench::new(2);
    for round in 0..200_u32 {
        match round % 20 {
            3 => bench.submit(b"die", &[]),
            11 => bench.submit(b"exit", &[]),
            _ => bench.submit(&round.to_ne_bytes(), &[]),
        };
    }
    for (round, ended) in bench.collect().into_iter().enumerate() {
        match round % 20 {
            3 => assert_eq!(ended, Ended::Crashed(ExitStatus::Signal(libc::SIGKILL))),
            11 => assert_eq!(ended, Ended::Crashed(ExitStatus::Code(7))),
            _ => assert_eq!(ended, answer(&(round as u32).to_ne_bytes())),
        }
    }
    bench.close();
}

#[test]
fn the_time_of_the_claim_is_known_while_a_task_runs_and_only_then() {
    let mut bench = Bench::new(1);
    let begin = monotonic_ns();
    let stopped = bench.submit(b"stop", &[]);
    let waiting = bench.submit(b"next", &[]);
    let place = |entry: &Entry| entry.place.lock().unwrap().expect("published");
    let deadline = Instant::now() + Duration::from_secs(20);
    let since = loop {
        if let Some(since) = bench.pool.running_since(place(&stopped)) {
            break since;
        }
        assert!(Instant::now() < deadline, "the first task starts");
        std::thread::yield_now();
    };
    assert!((begin..=monotonic_ns()).contains(&since));
    assert_eq!(bench.pool.running_since(place(&waiting)), None);
    bench.pool.kill();
    bench.collect();
    assert_eq!(bench.pool.running_since(place(&stopped)), None);
    bench.close();
}

fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

#[test]
fn a_task_taken_back_never_runs_and_the_rest_does() {
    let mut bench = Bench::new(1);
    let stopped = bench.submit(b"stop", &[]);
    let entries: Vec<_> = (0..100_u32)
        .map(|i| bench.submit(&i.to_ne_bytes(), &[&[0_u8; 5000]]))
        .collect();
    let place = |entry: &Entry| entry.place.lock().unwrap().expect("published");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !bench.pool.is_running(place(&stopped)) {
        assert!(Instant::now() < deadline, "the first task starts");
        std::thread::yield_now();
    }
    assert!(
        !bench.pool.take_back(place(&stopped)),
        "a running task cannot be taken back"
    );
    for entry in &entries {
        assert!(bench.pool.take_back(place(entry)));
        bench.pool.taken_back(place(entry));
    }
    bench.pool.kill();
    assert!(bench.pool.wait(Some(Duration::from_secs(20))));
    let ended = bench.ledger.ended.lock().unwrap();
    assert_eq!(
        *ended,
        [(0, Ended::Crashed(ExitStatus::Signal(libc::SIGKILL)))]
    );
}

#[test]
fn closing_finishes_what_was_accepted_or_drops_it_when_told() {
    let mut bench = Bench::new(1);
    for i in 0..3000_u32 {
        bench.submit(&i.to_ne_bytes(), &[]);
    }
    bench.pool.close(false);
    let entry = Arc::new(Entry {
        number: 0,
        ledger: Arc::clone(&bench.ledger),
        place: Mutex::default(),
    });
    assert!(matches!(
        bench.pool.submit(&[b"late"], &[], entry),
        Err(SubmitError::Closed)
    ));
    assert!(
        bench
            .collect()
            .iter()
            .all(|ended| matches!(ended, Ended::Answer(..)))
    );
    assert!(bench.pool.wait(Some(Duration::from_secs(20))));

    let mut bench = Bench::new(1);
    bench.submit(b"stop", &[]);
    for i in 0..3000_u32 {
        bench.submit(&i.to_ne_bytes(), &[]);
    }
    bench.pool.kill();
    let ended = bench.collect();
    assert!(ended[1..].iter().all(|ended| *ended == Ended::Cancelled));
    assert!(bench.pool.wait(Some(Duration::from_secs(20))));
}
