//! The page of a trace: what it says without scripts, against `golden/trace.html`, and that nothing
//! from the traced program can get out of its place.

mod support;

use support::assert_golden;
use ungil_gil::Report;
use ungil_gil::model::{Builder, Counts, Function, Kind, Margins, Method, Record, Sampling};
use ungil_report::TraceFormat;

const START: u64 = 1_000_000_000;
const HOSTILE: &str = "<b onmouseover='alert(1)'>&\"</script><!--";

/// A hog and one that it starves; names as hostile as they come.
fn trace() -> Report {
    let mut builder = Builder::new(START, 1000);
    let hog = builder.thread(1, 101);
    let starved = builder.thread(2, 102);
    let mut time = START;
    for _ in 0..5 {
        builder.add(hog, Record::new(Kind::Held, 0, 2, time, time + 9_000_000));
        builder.add(
            starved,
            Record::new(Kind::Waited, 0, 101, time + 1_000_000, time + 9_000_000),
        );
        builder.add(
            starved,
            Record::new(Kind::Held, 0, 3, time + 9_000_000, time + 10_000_000),
        );
        time += 10_000_000;
    }
    let counts = |held_ns, waited_ns, waits| Counts {
        held_ns,
        waited_ns,
        holds: 5,
        waits,
        ..Counts::default()
    };
    let (hogged, waited) = (5 * 9_000_000, 5 * 8_000_000);
    builder.describe(hog, Some(HOSTILE.to_owned()), counts(hogged, 0, 0));
    builder.describe(
        starved,
        Some("starved".to_owned()),
        counts(5_000_000, waited, 5),
    );
    let function = |name: &str, file: &str| {
        Some(Function {
            name: name.to_owned(),
            file: file.to_owned(),
            line: 7,
        })
    };
    let names = vec![
        None,
        None,
        function(
            "crunch.<locals>.<lambda>",
            "/srv/</script><script>alert(1)/jobs.py",
        ),
        function("answer", "/srv/web.py"),
    ];
    builder.finish(4242, time, names)
}

fn page(report: &Report, program: Option<&str>) -> String {
    let mut written = Vec::new();
    TraceFormat::Html
        .write(report, program, &mut written)
        .expect("memory takes everything");
    String::from_utf8(written).expect("UTF-8")
}

/// The page without the insides of scripts and style sheets.
fn without_code(page: &str) -> String {
    let mut kept = String::new();
    let mut rest = page;
    for (open, close) in [("<style>", "</style>"), ("<script", "</script>")] {
        let mut outside = String::new();
        while let Some((before, after)) = rest.split_once(open) {
            outside.push_str(before);
            rest = after.split_once(close).expect("it is closed").1;
        }
        outside.push_str(rest);
        kept = outside;
        rest = &kept;
    }
    kept.clone()
}

#[test]
fn what_it_says_needs_no_script() {
    let page = without_code(&page(&trace(), Some("jobs.py")));
    let (_, body) = page.split_once("<main>").expect("a main part");
    let body = body.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    assert_golden("trace.html", &format!("<main>{body}"));
    for said in [
        "starves starved",
        "90.0\u{a0}%",
        "8.00\u{a0}ms",
        "jobs.py:7",
        "crunch.&lt;locals&gt;.&lt;lambda&gt;",
    ] {
        assert!(body.contains(said), "{said}");
    }
}

#[test]
fn nothing_from_the_program_is_markup() {
    let page = page(&trace(), Some(HOSTILE));
    let outside = without_code(&page);
    for forbidden in [
        "<b onmouseover",
        "alert(1)'",
        "<lambda>",
        "<!--",
        "<locals>",
    ] {
        assert!(!outside.contains(forbidden), "{forbidden}");
    }
    assert_eq!(page.matches("<script").count(), 3, "about, slices, script");
    assert_eq!(page.matches("</script>").count(), 3);
}

#[test]
fn elements_are_closed() {
    let page = without_code(&page(&trace(), None));
    for tag in [
        "html", "head", "body", "main", "header", "footer", "section", "dialog", "table", "thead",
        "tbody", "tr", "th", "td", "caption", "dl", "dt", "dd", "div", "ul", "li", "p", "span",
        "button", "h1", "h2", "b", "kbd", "code", "canvas", "noscript", "output", "form",
    ] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn it_refers_to_nothing_outside_of_itself() {
    let page = page(&trace(), None);
    assert!(page.contains("default-src 'none'"));
    for reference in [
        "http:", "https:", "src=", "href=", "url(", "@import", "fetch(", "import(",
    ] {
        assert!(!page.contains(reference), "{reference}");
    }
}

#[test]
fn a_trace_of_nothing_is_a_page_too() {
    let empty = Builder::new(START, 1000).finish(1, START, Vec::new());
    let page = page(&empty, None);
    assert!(page.contains("Nothing to say: no thread held the GIL"));
    assert!(!page.contains("NaN"));
}

#[test]
fn a_thousand_threads_have_a_short_table_and_all_their_slices() {
    let mut builder = Builder::new(START, 100_000);
    for serial in 0..1000_u32 {
        let thread = builder.thread(serial.into(), serial + 1);
        let start = START + u64::from(serial) * 1000;
        builder.add(thread, Record::new(Kind::Held, 0, 0, start, start + 1000));
        let counts = Counts {
            held_ns: 1000,
            holds: 1,
            ..Counts::default()
        };
        builder.describe(thread, Some(format!("thread-{serial}")), counts);
    }
    let page = page(&builder.finish(1, START + 1_000_000, Vec::new()), None);
    assert_eq!(page.matches("<tr data-thread").count(), 500);
    assert!(page.contains("And 500 more threads, which held it 50.0\u{a0}% and waited 0.0\u{a0}%"));
    assert!(page.contains("\"thread-999\""), "the script knows it");
}

#[test]
fn processes_that_it_started_have_tables_and_rows_too() {
    let (mut parent, mut child) = (trace(), trace());
    (child.pid, child.parent) = (5000, parent.pid);
    child.start_ns += 25_000_000;
    parent.children.push(child);
    let page = page(&parent, None);
    assert!(page.contains("<h2>Process 5000, started by 4242</h2>"));
    assert!(page.contains("<tr data-thread=\"3\"><th scope=\"row\">starved</th>"));
    let (_, about) = page.split_once("id=\"trace-about\">").expect("the names");
    let (about, _) = about.split_once("</script>").expect("an end");
    let about: serde_json::Value = serde_json::from_str(about).expect("JSON");
    assert_eq!(
        about["gils"],
        serde_json::json!(["GIL holder", "GIL holder of 5000"])
    );
    assert_eq!(about["threads"][3][0], "5000, starved");
    assert_eq!(
        about["duration"], 75_000_000,
        "until the end of the last one"
    );
}

#[test]
fn a_trace_by_sampling_says_how_far_off_it_may_be_and_nothing_of_single_holds() {
    let mut report = trace();
    let margins = Margins {
        held: 0.021,
        waited: 0.034,
    };
    report.method = Method::Sampled(Sampling {
        samples: 617,
        rate: 882.0,
        margins,
        overhead: 0.01,
        why: "it was asked for".to_owned(),
    });
    report.threads[0].margins = margins;
    let page = without_code(&page(&report, None));
    for said in [
        "looked at 617 times",
        "± 2.1, in 95",
        "Approximate: ",
        ">3.4</td>",
    ] {
        assert!(page.contains(said), "{said}");
    }
    for unknown in ["Longest hold", "hold p50", "nobody waited"] {
        assert!(!page.contains(unknown), "{unknown}");
    }
}

#[test]
fn slices_drawn_as_one_are_told() {
    let mut builder = Builder::new(START, 16);
    let thread = builder.thread(1, 1);
    for at in 0..1000 {
        let start = START + at * 2000;
        builder.add(thread, Record::new(Kind::Held, 0, 0, start, start + 1000));
    }
    let page = page(&builder.finish(1, START + 2_000_000, Vec::new()), None);
    assert!(page.contains("draws neighbours as one where they take less than"));
    assert!(!self::page(&trace(), None).contains("draws neighbours as one"));
}

#[test]
fn a_full_disk_is_an_error() {
    let error = TraceFormat::Html
        .write(&trace(), None, &mut Full(5000))
        .expect_err("no room");
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}

/// Takes so many bytes and no more.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
