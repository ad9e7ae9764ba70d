//! The page of a finding of `ungil race`.

mod support;

use support::assert_golden;
use ungil_report::{RaceFinding, race_page};

fn finding(source: &str) -> RaceFinding {
    let step = |thread: usize, verb: &str, value: &str, line: u32| {
        serde_json::json!({
            "thread": thread, "verb": verb, "what": "x", "value": value,
            "file": "/home/ada/bank.py", "line": line, "source": source,
        })
    };
    let document = serde_json::json!({
        "kind": "atomicity violation",
        "sentence": "Lost update of x: Thread-1 read it, Thread-2 wrote it.",
        "model": "/home/ada/bank.py::model",
        "python": "3.13.0",
        "threads": ["MainThread", "Thread-1", "Thread-2"],
        "steps": [
            step(1, "reads", "0", 7), step(2, "reads", "0", 7), step(2, "reads", "0", 7),
            step(2, "writes", "1", 7), step(1, "writes", "1", 7),
        ],
        "waiting": [step(0, "joins", "Thread-1", 12)],
    });
    serde_json::from_value(document).unwrap()
}

fn page(finding: &RaceFinding) -> String {
    let mut page = Vec::new();
    race_page(finding, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

/// What is inside of `<main>`: the frame has tests of its own.
fn main_of(page: &str) -> &str {
    let begin = page.find("<main>").unwrap();
    &page[begin..page.find("</main>").unwrap()]
}

#[test]
fn threads_are_columns_and_switches_are_rows() {
    assert_golden("race.html", main_of(&page(&finding("x += 1"))));
}

#[test]
fn source_is_no_markup() {
    let page = page(&finding("print('</code><script>')"));
    assert!(!main_of(&page).contains("<script>"));
}
