//! The letters before an instruction, and what they mean.

use super::{Explanation, Instruction};

/// Columns of the marks.
pub(super) const WIDTH: usize = 4;

/// `G` where the GIL can be handed over, `S` for a specialised one, then the reference counts.
pub(super) fn marks(instruction: &Instruction) -> String {
    format!(
        "{}{}{:<2}",
        if instruction.switches { 'G' } else { ' ' },
        if instruction.specialised.is_some() {
            'S'
        } else {
            ' '
        },
        instruction.references
    )
}

type Fits<'a> = &'a dyn Fn(&Instruction) -> bool;

/// Marks and meanings, of those that occur.
pub(super) fn legend(explanation: &Explanation) -> Vec<(&'static str, &'static str)> {
    let occurs = |fits: Fits<'_>| {
        explanation
            .lines
            .iter()
            .flat_map(|line| &line.instructions)
            .any(fits)
    };
    let references =
        |mark: &'static str| move |instruction: &Instruction| instruction.references == mark;
    let all: [(_, _, Fits<'_>); 7] = [
        ("L1", "a label: `to L1` jumps there", &|i| i.label.is_some()),
        (
            "G",
            "another thread can get the GIL here; inside of a call, C code can let go of it besides",
            &|i| i.switches,
        ),
        ("S", "specialised for the types that it has met", &|i| {
            i.specialised.is_some()
        }),
        ("+", "takes a reference: a count goes up", &references("+")),
        (
            "-",
            "drops one: a count goes down, at 0 the object is freed",
            &references("-"),
        ),
        ("+-", "both", &references("+-")),
        (
            "~",
            "does without: borrowed, or never freed",
            &references("~"),
        ),
    ];
    all.into_iter()
        .filter(|(_, _, fits)| occurs(*fits))
        .map(|(mark, meaning, _)| (mark, meaning))
        .collect()
}

/// What the marks of reference counts are worth.
pub(super) const CAUTION: &str = "Marks of reference counts are approximate: they follow from the \
                                  kind of instruction, not from a trace.";
