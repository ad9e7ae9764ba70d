//! Templates: sentences with words in braces.

/// Replaces every `{word}` by what `word` gives for it. A word that is not known stays as it is;
/// a test makes sure that no table holds one.
pub(super) fn fill(template: &str, word: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, remaining)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        match word(name) {
            Some(value) => filled.push_str(&value),
            None => filled.extend(["{", name, "}"]),
        }
        rest = remaining;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn words_are_replaced_once() {
        let word = |name: &str| (name == "a").then(|| "{a}".to_owned());
        assert_eq!(fill("x {a} y {b} z {", word), "x {a} y {b} z {");
        assert_eq!(fill("", word), "");
    }
}
