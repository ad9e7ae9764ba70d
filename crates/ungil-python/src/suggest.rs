//! "Did you mean ...?"

/// The candidates that look like a misspelling of `word`, best first, at most three.
pub(crate) fn similar<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    const ALIKE: f64 = 0.5;
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (likeness(word, candidate), candidate))
        .filter(|&(score, _)| score >= ALIKE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored
        .into_iter()
        .take(3)
        .map(|(_, candidate)| candidate)
        .collect()
}

/// ` Did you mean "a" or "b"?`, or nothing; to be put behind a sentence.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    let quoted: Vec<String> = similar(word, candidates)
        .iter()
        .map(|candidate| format!("\"{candidate}\""))
        .collect();
    if quoted.is_empty() {
        String::new()
    } else {
        format!(" Did you mean {}?", quoted.join(" or "))
    }
}

/// Between 0 and 1; a swap of neighbours counts as one slip, a shared beginning speaks for a pair.
fn likeness(word: &str, candidate: &str) -> f64 {
    let (word, candidate) = (word.to_lowercase(), candidate.to_lowercase());
    strsim::normalized_damerau_levenshtein(&word, &candidate)
        .max(strsim::jaro_winkler(&word, &candidate) - 0.3)
}
