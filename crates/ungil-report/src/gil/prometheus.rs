//! The meter's counters in Prometheus' text format.

use ungil_gil::meter::Reading;

/// The counters as `text/plain; version=0.0.4`.
pub fn prometheus(reading: &Reading) -> String {
    let counts = &reading.counts;
    let seconds = |nanoseconds: u64| (nanoseconds as f64 / 1e9).to_string();
    let metrics = [
        (
            "python_gil_observed_seconds_total",
            "Time since the counting began.",
            seconds(reading.elapsed_ns),
        ),
        (
            "python_gil_held_seconds_total",
            "Time that threads held the GIL.",
            seconds(counts.held_ns),
        ),
        (
            "python_gil_waited_seconds_total",
            "Time that threads waited for the GIL, added up over them.",
            seconds(counts.waited_ns),
        ),
        (
            "python_gil_holds_total",
            "Times that a thread held and dropped the GIL.",
            counts.holds.to_string(),
        ),
        (
            "python_gil_waits_total",
            "Times that a thread had to wait for the GIL.",
            counts.waits.to_string(),
        ),
    ];
    let mut text = String::new();
    for (name, help, value) in metrics {
        text.push_str(&format!(
            "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n"
        ));
    }
    text
}
