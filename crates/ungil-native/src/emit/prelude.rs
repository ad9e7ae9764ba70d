//! The helpers in LLVM IR, as far as a module needs them: what is not there need not be compiled.

/// All of them.
const ALL: &str = include_str!("prelude.ll");

/// Those that a module's text uses, and what these use themselves.
pub(super) fn needed(text: &str) -> String {
    let items: Vec<&str> = items(ALL);
    let mut chosen = vec![false; items.len()];
    let mut open = vec![text];
    while let Some(text) = open.pop() {
        for (item, chosen) in items.iter().zip(&mut chosen) {
            let used = name(item).is_none_or(|name| text.contains(name));
            if used && !*chosen {
                *chosen = true;
                open.push(item);
            }
        }
    }
    items
        .iter()
        .zip(chosen)
        .filter_map(|(item, chosen)| chosen.then_some(*item))
        .collect()
}

/// Declarations, definitions, and all other lines.
fn items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = if rest.starts_with("define") {
            "\n}\n"
        } else {
            "\n"
        };
        let length = rest.find(end).map_or(rest.len(), |at| at + end.len());
        let (item, after) = rest.split_at(length);
        items.push(item);
        rest = after;
    }
    items
}

/// A function's name with the parenthesis after it.
fn name(item: &str) -> Option<&str> {
    if !item.starts_with("declare") && !item.starts_with("define") {
        return None;
    }
    let begin = item.find('@')?;
    let end = begin + item[begin..].find('(')?;
    item.get(begin..=end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_comes_with_what_it_uses() {
        let text = needed("call void @ungil.release(ptr %list)");
        assert!(text.contains("define internal void @ungil.release(ptr"));
        assert!(text.contains("declare void @ungil_list_free(ptr)"));
        assert!(!text.contains("@ungil.ipow") && !text.contains("@sin("));
        assert!(text.contains("attributes #2") && text.contains("!0 = "));
    }
}
