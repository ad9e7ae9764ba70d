//! Comparing with golden files.

use std::fs;
use std::path::Path;

/// The text is that of a file in `golden/`; with `UNGIL_BLESS` set it becomes that.
#[track_caller]
pub(crate) fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UNGIL_BLESS").is_some() {
        fs::write(&path, text).expect("the golden file is writable");
    }
    let golden = fs::read_to_string(&path).expect("the golden file exists");
    let differs = golden.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert!(
        golden == text,
        "{name} differs from line {:?} on:\n{text}",
        differs.map(|line| line + 1)
    );
}
