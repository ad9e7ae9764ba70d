//! What differs from an earlier comparison, in every format that tells it.

mod example;
mod support;

use support::assert_golden;
use ungil_measure::Comparison;
use ungil_measure::change::changes;
use ungil_report::{
    ColorChoice, TerminalOptions, compare_page, json, markdown, read_json, terminal,
};

/// The example, measured again: threads by two became slower, processes by four faster, and so much else was different.
fn changed() -> Comparison {
    let before = example::comparison();
    let mut now = example::comparison();
    now.machine.python.version = "3.14.0".into();
    for curve in &mut now.workloads[0].kinds {
        for cell in &mut curve.cells {
            let factor = match (cell.kind.as_str(), cell.workers) {
                ("thread", 2) => 1.24,
                ("process", 4) => 0.8,
                _ => 1.001,
            };
            cell.runs.iter_mut().for_each(|run| run.wall_s *= factor);
        }
    }
    now.change = Some(changes(&before, &now, "old|<b>.json"));
    now
}

fn on_terminal(width: usize) -> String {
    let options = TerminalOptions {
        width,
        color: ColorChoice::Never,
    };
    let text = terminal(&changed(), &options);
    let (_, change) = text.split_once("\nAgainst ").expect("the change");
    format!("Against {change}")
}

#[test]
fn terminal_ends_with_it() {
    assert_golden("change-100.txt", &on_terminal(100));
    assert_golden("change-40.txt", &on_terminal(40));
}

#[test]
fn markdown_has_a_table_of_it() {
    let text = markdown(&changed());
    let (_, change) = text.split_once("## Change").expect("the change");
    assert!(
        change.contains("| thread x2 | 2.45 s | 3.04 s | +24 % | +23 % to +25 % |"),
        "{change}"
    );
    assert!(change.contains("old\\|&lt;b&gt;.json"), "{change}");
}

#[test]
fn the_page_has_a_section_of_it() {
    let page = compare_page(&changed()).expect("plain data");
    assert_eq!(page.matches("<tr class=\"slower\">").count(), 1);
    assert_eq!(page.matches("<tr class=\"faster\">").count(), 1);
    assert!(
        page.contains("was measured by another Python (CPython 3.13.0 then, CPython 3.14.0 now)")
    );
    assert!(!page.contains("<b>.json"));
}

#[test]
fn the_document_keeps_it() {
    let comparison = changed();
    let text = json(&comparison).expect("plain data");
    assert_eq!(
        read_json(text.as_bytes()).expect("our own document"),
        comparison
    );
}

#[test]
fn what_is_no_comparison_is_told_apart() {
    for (text, told) in [
        ("", "it is no JSON document"),
        ("[1, 2]", "it has no schema_version"),
        ("{\"schema_version\": 99}", "a newer one reads it"),
        ("{\"schema_version\": 1}", "it is incomplete or damaged"),
    ] {
        let error = read_json(text.as_bytes())
            .expect_err("no comparison")
            .to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}
