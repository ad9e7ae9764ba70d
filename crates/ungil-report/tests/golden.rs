//! Every format of one comparison, against files in `golden/`.
//!
//! `UNGIL_BLESS=1 cargo test -p ungil-report` writes them anew; the diff is for a person to judge.

mod example;
mod support;

use support::assert_golden;
use ungil_measure::change::changes;
use ungil_report::{ColorChoice, TerminalOptions, csv, html, json, markdown, terminal};
use unicode_width::UnicodeWidthStr;

fn on_terminal(width: usize, color: ColorChoice) -> String {
    terminal(&example::comparison(), &TerminalOptions { width, color })
}

#[test]
fn terminal_of_40_columns() {
    assert_golden("terminal-40.txt", &on_terminal(40, ColorChoice::Never));
}

#[test]
fn terminal_of_80_columns() {
    assert_golden("terminal-80.txt", &on_terminal(80, ColorChoice::Never));
}

#[test]
fn terminal_of_140_columns() {
    assert_golden("terminal-140.txt", &on_terminal(140, ColorChoice::Never));
}

#[test]
fn terminal_in_colour() {
    for width in [40, 80, 140] {
        let text = on_terminal(width, ColorChoice::Always);
        assert_golden(&format!("terminal-{width}.ansi"), &text);
        assert_eq!(
            without_escapes(&text),
            on_terminal(width, ColorChoice::Never)
        );
    }
}

fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').expect("a complete escape sequence").1;
    }
    plain + rest
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in 36..=180 {
        for line in on_terminal(width, ColorChoice::Never).lines() {
            assert!(line.width() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn no_width_is_too_small_to_try() {
    for width in [0, 1, 10, 33] {
        let text = on_terminal(width, ColorChoice::Never);
        assert!(text.contains("wall") && text.contains("speed-up"), "{text}");
    }
}

#[test]
fn user_text_cannot_colour_the_terminal() {
    assert!(!on_terminal(80, ColorChoice::Never).contains('\u{1b}'));
}

#[test]
fn every_workload_ends_with_its_verdict() {
    let comparison = example::comparison();
    let text = on_terminal(100, ColorChoice::Never).replace('\n', " ");
    for work in &comparison.workloads {
        for sentence in &work.verdict.sentences {
            assert!(text.contains(sentence), "{sentence}");
        }
    }
}

#[test]
fn csv_has_a_row_per_cell() {
    let text = csv(&example::comparison()).expect("plain data");
    assert_golden("compare.csv", &text);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().expect("a header").clone();
    let column = |name: &str| names.iter().position(|other| other == name).expect(name);
    let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 9 + 7 + 4);
    let winners = rows
        .iter()
        .filter(|row| &row[column("winner")] == "true")
        .count();
    let comparison = example::comparison();
    assert_eq!(
        winners,
        comparison
            .workloads
            .iter()
            .filter(|w| w.verdict.winner.is_some())
            .count()
    );
    let speedup: f64 = rows[7][column("speedup")].parse().expect("a number");
    let expected = comparison.workloads[0].kinds[1].cells[2]
        .summary
        .as_ref()
        .expect("figures");
    assert_eq!(Some(speedup), expected.speedup);
}

#[test]
fn markdown_tables_have_as_many_fields_as_their_header() {
    let text = markdown(&example::comparison());
    assert_golden("compare.md", &text);
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut width = None;
    for line in text.lines() {
        if line.starts_with('|') {
            assert_eq!(*width.get_or_insert(bars(line)), bars(line), "{line}");
        } else {
            width = None;
        }
    }
    assert!(!text.contains("<b>"), "user text is escaped");
}

#[test]
fn html_is_escaped_and_free_of_scripts() {
    let text = html(&example::comparison());
    assert_golden("compare.html", &text);
    assert!(
        !text.contains("<b>ule") && !text.contains("<lambda>"),
        "user text is escaped"
    );
    for forbidden in [
        "<script",
        "<style",
        "http",
        "color:#",
        "color:black",
        "background:white",
    ] {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
    for tag in [
        "div", "p", "h4", "table", "thead", "tbody", "tr", "th", "td", "b",
    ] {
        let opened =
            text.matches(&format!("<{tag}>")).count() + text.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, text.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn json_reads_back() {
    let comparison = example::comparison();
    let text = json(&comparison).expect("plain data");
    let back: ungil_measure::Comparison = serde_json::from_str(&text).expect("our own document");
    assert_eq!(back, comparison);
}

/// The figures of all cells with the first run of each: the whole document is long.
/// `tests/test_schema.py` validates it.
#[test]
fn json_is_indented_and_complete() {
    let mut comparison = example::comparison();
    let before = example::comparison();
    comparison.machine.usable_cpus = 8;
    comparison.change = Some(changes(&before, &comparison, "earlier.json"));
    for work in &mut comparison.workloads {
        let cells = work.kinds.iter_mut().flat_map(|curve| &mut curve.cells);
        for cell in cells.chain([&mut work.serial]) {
            cell.runs.truncate(1);
            cell.runs.iter_mut().for_each(|run| run.tasks.truncate(1));
            cell.memory.truncate(1);
        }
    }
    assert_golden("compare.json", &json(&comparison).expect("plain data"));
}
