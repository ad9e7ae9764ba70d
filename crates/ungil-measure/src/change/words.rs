//! The changes as one sentence.

use super::{CellChange, Direction, WorkloadChange};

/// `2 cells are slower (worst: cpu, thread x4, by 24 %), 1 is faster, 10 show no clear change.`
pub(super) fn sentence(workloads: &[WorkloadChange]) -> String {
    let cells: Vec<(&str, &CellChange)> = workloads
        .iter()
        .flat_map(|work| work.cells.iter().map(|cell| (work.name.as_str(), cell)))
        .collect();
    if cells.is_empty() {
        return "There is nothing that was measured both times.".to_owned();
    }
    let of = |direction: Direction| {
        let cells = cells
            .iter()
            .filter(move |(_, cell)| cell.direction == direction);
        cells.copied().collect::<Vec<_>>()
    };
    let mut parts = Vec::new();
    for (direction, word, most) in [
        (Direction::Slower, "slower", "worst"),
        (Direction::Faster, "faster", "best"),
    ] {
        let mut changed = of(direction);
        changed.sort_by(|(_, a), (_, b)| b.ratio.ln().abs().total_cmp(&a.ratio.ln().abs()));
        if let Some((work, cell)) = changed.first() {
            parts.push(format!(
                "{} {word} ({most}: {work}, {}, by {:.0} %)",
                count(changed.len(), "is", "are"),
                cell.label(),
                (cell.ratio - 1.0).abs() * 100.0
            ));
        }
    }
    let unclear = of(Direction::Unclear).len() + of(Direction::TooFewRuns).len();
    if unclear > 0 {
        parts.push(format!(
            "{} no clear change",
            count(unclear, "shows", "show")
        ));
    }
    format!("{}.", parts.join(", "))
}

fn count(cells: usize, one: &str, many: &str) -> String {
    match cells {
        1 => format!("1 cell {one}"),
        _ => format!("{cells} cells {many}"),
    }
}
