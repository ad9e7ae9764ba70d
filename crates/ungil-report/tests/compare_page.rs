//! The page of a comparison and its pictures: what they say without scripts, and that nothing from the user gets out of
//! its place.

mod example;
mod support;

use std::io::Read;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::read::GzDecoder;
use support::assert_golden;
use ungil_measure::Comparison;
use ungil_report::{Format, PICTURES, compare_page, png, svg};

fn page() -> String {
    compare_page(&example::comparison()).expect("plain data")
}

/// The page without style sheets, scripts and the packed document.
fn body(page: &str) -> String {
    let (_, body) = page.split_once("<main>").expect("a main part");
    let (body, _) = body.split_once("</main>").expect("its end");
    let (before, after) = body.split_once("base64,").expect("the document");
    let (_, after) = after.split_once('"').expect("its end");
    format!("<main>{before}base64,...\"{after}</main>")
}

#[test]
fn what_it_says_needs_no_script() {
    let text = body(&page()).replace(env!("CARGO_PKG_VERSION"), "VERSION");
    assert_golden("compare-page.html", &text);
    let comparison = example::comparison();
    for work in &comparison.workloads {
        for sentence in &work.verdict.sentences {
            let sentence = sentence
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('\'', "&#39;");
            assert!(text.contains(&sentence), "{sentence}");
        }
    }
}

#[test]
fn every_run_and_every_task_is_in_it() {
    let comparison = example::comparison();
    let text = body(&page());
    let cells = comparison.workloads.iter().flat_map(|work| {
        std::iter::once(&work.serial).chain(work.kinds.iter().flat_map(|curve| &curve.cells))
    });
    let runs: usize = cells.map(|cell| cell.runs.len()).sum();
    assert_eq!(text.matches("<td class=\"tasks\">").count(), runs);
    assert!(
        text.contains("<td class=\"number\">1900.0*</td>"),
        "an outlier is marked"
    );
}

#[test]
fn the_document_in_it_is_the_comparison() {
    let page = page();
    let (_, rest) = page
        .split_once("data:application/gzip;base64,")
        .expect("a link");
    let (packed, _) = rest.split_once('"').expect("its end");
    let packed = BASE64_STANDARD.decode(packed).expect("base64");
    let mut text = String::new();
    GzDecoder::new(packed.as_slice())
        .read_to_string(&mut text)
        .expect("gzip");
    let back: Comparison = serde_json::from_str(&text).expect("our own document");
    assert_eq!(back, example::comparison());
}

#[test]
fn nothing_from_the_user_is_markup_and_no_control_character_stays() {
    let page = page();
    for forbidden in ["<b>ule", "<lambda>", "\u{1b}"] {
        assert!(!page.contains(forbidden), "{forbidden:?}");
    }
    assert_eq!(page.matches("<script").count(), 1);
}

#[test]
fn it_refers_to_nothing_outside_of_itself() {
    let page = page();
    assert!(page.contains("default-src 'none'"));
    let foreign = page.replace("http://www.w3.org/2000/svg", "");
    for reference in [
        "http:", "https:", "src=", "url(", "@import", "fetch(", "import(",
    ] {
        assert!(!foreign.contains(reference), "{reference}");
    }
}

#[test]
fn elements_are_closed() {
    let body = body(&page());
    for tag in [
        "section",
        "header",
        "figure",
        "figcaption",
        "svg",
        "g",
        "desc",
        "text",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "caption",
        "dl",
        "dt",
        "dd",
        "div",
        "ul",
        "li",
        "p",
        "details",
        "summary",
        "h1",
        "h2",
        "h3",
        "small",
        "b",
        "a",
        "code",
        "span",
    ] {
        let opened =
            body.matches(&format!("<{tag}>")).count() + body.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, body.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

/// As many samples as fit into no page.
#[test]
fn a_large_comparison_is_a_page_below_a_megabyte() {
    let mut comparison = example::comparison();
    let small = page().len();
    let run = comparison.workloads[0].serial.runs[0].clone();
    let tasks = (0..400_u32).map(|at| {
        let mut task = run.tasks[0];
        task.end_s += f64::from(at.wrapping_mul(2_654_435_769) >> 8) * 1e-9;
        task
    });
    comparison.workloads[0].serial.runs = vec![run.clone(); 40];
    for (at, run) in comparison.workloads[0].serial.runs.iter_mut().enumerate() {
        run.tasks = tasks.clone().collect();
        run.tasks
            .iter_mut()
            .for_each(|task| task.start_s += 1e-7 * at as f64);
    }
    let whole = compare_page(&comparison).expect("plain data");
    assert!(
        whole.len() > small + 100_000 && whole.len() < 1_000_000,
        "{}",
        whole.len()
    );

    let serial = &mut comparison.workloads[0].serial;
    serial.runs = serial.runs.iter().cycle().take(400).cloned().collect();
    for (at, run) in serial.runs.iter_mut().enumerate() {
        run.tasks
            .iter_mut()
            .for_each(|task| task.end_s *= 1.0 + 1e-6 * at as f64);
    }
    let cut = compare_page(&comparison).expect("plain data");
    assert!(cut.len() < 1_000_000, "{}", cut.len());
    assert!(cut.contains("are in the JSON document only"));
    assert!(cut.contains("too large for this page"));
}

#[test]
fn every_point_of_a_curve_is_a_mark_that_tells_itself() {
    let comparison = example::comparison();
    for work in &comparison.workloads {
        let alone = Comparison {
            workloads: vec![work.clone()],
            ..comparison.clone()
        };
        let picture = svg(&alone, &["speedup"]).expect("figures");
        for cell in work.kinds.iter().flat_map(|curve| &curve.cells) {
            let told = picture.contains(&format!("data-say=\"{}: ", cell.label()));
            assert_eq!(told, cell.summary.is_some(), "{}", cell.label());
        }
    }
}

#[test]
fn pictures_stand_on_their_own_in_both_themes() {
    let pictures = svg(&example::comparison(), PICTURES).expect("figures");
    assert!(!pictures.contains("var("));
    assert!(pictures.contains("@media (prefers-color-scheme: dark)"));
    assert_golden("pictures.svg", &pictures);
}

#[test]
fn a_png_is_one_of_the_size_of_the_svg_with_words_in_it() {
    let comparison = example::comparison();
    let image = png(&comparison, &["speedup"]).expect("figures");
    let image = resvg::tiny_skia::Pixmap::decode_png(&image).expect("PNG");
    assert_eq!(
        (image.width(), image.height()),
        (2 * (24 + 3 * 460), 2 * (56 + 22 + 300 + 18 + 30))
    );
    // The first workload's name, above its picture.
    let inked = |pixel: &resvg::tiny_skia::PremultipliedColorU8| pixel.red() < 80;
    let heading = |x: usize, y: usize| (36..140).contains(&x) && (20..54).contains(&y);
    let width = image.width() as usize;
    let pixels = image.pixels().iter().enumerate();
    let ink = pixels
        .filter(|(at, pixel)| heading(at % width, at / width) && inked(pixel))
        .count();
    assert!(ink > 60, "{ink} dark pixels");
}

#[test]
fn a_picture_of_nothing_says_so() {
    let mut comparison = example::comparison();
    comparison.workloads.truncate(1);
    comparison.workloads[0]
        .kinds
        .retain(|curve| curve.kind == "process");
    let error = Format::Svg
        .bytes(&comparison, &["gil"])
        .expect_err("no threads");
    assert!(
        error
            .to_string()
            .starts_with("There is nothing to draw: no cell has figures for a picture of gil.")
    );
}

#[test]
fn a_comparison_without_figures_is_a_page_too() {
    let mut comparison = example::comparison();
    for work in &mut comparison.workloads {
        work.kinds.clear();
        work.serial.runs.clear();
        work.serial.summary = None;
    }
    let page = compare_page(&comparison).expect("plain data");
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}
