//! `--timeout` for a task in the calling thread, which nobody else can stop.
//!
//! At the deadline the watchdog does what Ctrl-C does: it sends the process a SIGINT, which ends Python
//! code and most system calls in the main thread. What does not even react to that hangs in C code; the
//! command line then ends the program, a library must not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use rustix::process::{Signal, getpid, kill_process};
use ungil_pool::quiet;

use crate::batch::duration;
use crate::process_end;

/// How long the main thread has to react.
const GRACE: Duration = Duration::from_secs(1);

/// Guards one task after the other; without a limit, or off the main thread, it does nothing.
pub(crate) struct Watchdog {
    orders: Option<Sender<Order>>,
    bitten: Arc<AtomicBool>,
}

#[derive(PartialEq)]
enum Order {
    /// A task begins; its description.
    Guard(String),
    /// It has ended.
    Rest,
}

impl Watchdog {
    /// A watchdog that lets a task run for `limit_s` seconds.
    pub(crate) fn new(py: Python<'_>, limit_s: Option<f64>) -> PyResult<Self> {
        let bitten = Arc::new(AtomicBool::new(false));
        let threading = py.import("threading")?;
        let here = threading.call_method0("current_thread")?;
        let on_main = here.is(&threading.call_method0("main_thread")?);
        let Some(limit_s) = limit_s.filter(|_| on_main) else {
            return Ok(Self {
                orders: None,
                bitten,
            });
        };
        let (orders, received) = channel();
        let bite = Arc::clone(&bitten);
        quiet::start_quietly(|| {
            thread::spawn(move || {
                while let Ok(Order::Guard(place)) = received.recv() {
                    if received.recv_timeout(duration(limit_s)) != Err(RecvTimeoutError::Timeout) {
                        continue;
                    }
                    bite.store(true, Ordering::SeqCst);
                    // Sending a signal to ourselves cannot fail.
                    let _ = kill_process(getpid(), Signal::INT);
                    if received.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
                        process_end::end_hanging(&format!(
                            "{place} was still running after {limit_s} s (--timeout) and did not react \
                         to an interruption; the program ends"
                        ));
                    }
                }
            })
        });
        Ok(Self {
            orders: Some(orders),
            bitten,
        })
    }

    /// A task begins.
    pub(crate) fn arm(&self, place: String) {
        self.order(Order::Guard(place));
    }

    /// It has ended; whether it had to be stopped.
    pub(crate) fn disarm(&self) -> bool {
        self.order(Order::Rest);
        self.bitten.load(Ordering::SeqCst)
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // The watchdog lives as long as we do.
            let _ = orders.send(order);
        }
    }
}
