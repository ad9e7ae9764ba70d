//! `ungil doctor`'s text and JSON.

use ungil_measure::doctor::{Diagnosis, Facts, Finding, Status, Topic, diagnose};
use ungil_report::{ColorChoice, TerminalOptions, doctor, doctor_json};

fn text(diagnosis: &Diagnosis, width: usize, color: ColorChoice) -> String {
    doctor(diagnosis, &TerminalOptions { width, color })
}

fn one(status: Status) -> Diagnosis {
    Diagnosis {
        healthy: status != Status::Broken,
        findings: vec![Finding {
            topic: Topic::Machine,
            name: "shared memory",
            status,
            text: "no anonymous segments: Operation not permitted".into(),
            remedy: Some("Allow memfd_create in the sandbox's seccomp profile, please.".into()),
        }],
        facts: Facts::default(),
    }
}

#[test]
fn a_finding_is_a_line_and_what_to_do_hangs_below_it() {
    let expected = "Machine
  BROKEN  shared memory    no anonymous segments: Operation not permitted
                           Allow memfd_create in the sandbox's seccomp profile,
                           please.
";
    let text = text(&one(Status::Broken), 80, ColorChoice::Never);
    assert_eq!(&text[..expected.len()], expected);
    assert!(text.ends_with("\nungil cannot do its work here: shared memory.\n"));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let long = diagnose(Facts::default());
    for width in [24, 40, 59, 60, 80, 300] {
        for line in text(&long, width, ColorChoice::Never).lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn colour_only_adds_to_the_text() {
    for status in [Status::Ok, Status::Note, Status::Missing, Status::Broken] {
        let plain = text(&one(status), 80, ColorChoice::Never);
        let painted = text(&one(status), 80, ColorChoice::Always);
        assert_ne!(plain, painted);
        let mut kept = String::new();
        let mut parts = painted.split('\x1b');
        kept.push_str(parts.next().unwrap());
        parts.for_each(|part| kept.push_str(part.split_once('m').unwrap().1));
        assert_eq!(kept, plain);
    }
}

#[test]
fn json_has_the_findings_and_the_facts() {
    let document = doctor_json(&one(Status::Missing)).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["healthy"], true);
    assert_eq!(document["findings"][0]["status"], "missing");
    assert_eq!(document["findings"][0]["topic"], "machine");
    assert!(document["facts"]["machine"]["usable_cpus"].is_u64());
}
