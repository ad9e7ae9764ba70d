//! The style sheets of pictures: with variables on a page, with colours in a file of its own.

use crate::page::FRAME_STYLE;

/// The names of the colours that pictures need beside those of pages.
pub(crate) const COLOURS: &str = include_str!("colours.css");
/// What the classes of elements look like.
pub(crate) const RULES: &str = include_str!("chart.css");

/// Which of the two colours of a name.
#[derive(Clone, Copy)]
enum Theme {
    Light,
    Dark,
}

/// The rules for a file of its own: light, and dark where the reader's system is.
pub(super) fn of_a_file() -> String {
    let dark = resolved(Theme::Dark);
    // Only what has a colour differs.
    let dark: Vec<&str> = dark.lines().filter(|line| line.contains('#')).collect();
    format!(
        "{}@media (prefers-color-scheme: dark) {{\n{}\n}}\n",
        of_paper(),
        dark.join("\n")
    )
}

/// The rules in light colours.
pub(super) fn of_paper() -> String {
    resolved(Theme::Light)
}

fn resolved(theme: Theme) -> String {
    let mut rules = RULES.to_owned();
    for (name, light, dark) in colours() {
        let colour = match theme {
            Theme::Light => light,
            Theme::Dark => dark,
        };
        rules = rules.replace(&format!("var(--{name})"), colour);
    }
    rules
}

/// Every `--name: light-dark(#..., #...);`.
fn colours() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let lines = FRAME_STYLE.lines().chain(COLOURS.lines());
    lines.filter_map(|line| {
        let (name, value) = line
            .trim()
            .strip_prefix("--")?
            .split_once(": light-dark(")?;
        let (light, dark) = value.strip_suffix(");")?.split_once(", ")?;
        Some((name, light, dark))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_of_the_rules_is_known() {
        for rules in [of_paper(), of_a_file()] {
            assert!(!rules.contains("var("), "{rules}");
        }
    }

    #[test]
    fn dark_files_differ_in_every_kind() {
        let (_, dark) = of_a_file()
            .split_once("@media")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        for class in [".thread", ".process", ".serial", ".held", ".chart text"] {
            assert!(dark.contains(class), "{class}");
        }
    }
}
