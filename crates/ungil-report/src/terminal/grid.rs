//! Text in columns.

use comfy_table::{Cell as Field, CellAlignment, ContentArrangement, Table, presets};

/// A table without rules: names on the left, figures aligned right, two blanks between.
pub(super) struct Grid(Table);

impl Grid {
    pub(super) fn new() -> Self {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        Self(table)
    }

    pub(super) fn row(&mut self, name: String, figures: impl Iterator<Item = String>) {
        let figures = figures.map(|text| Field::new(text).set_alignment(CellAlignment::Right));
        self.0
            .add_row(std::iter::once(Field::new(name)).chain(figures));
        for (at, column) in self.0.column_iter_mut().enumerate() {
            column.set_padding((if at == 0 { 0 } else { 2 }, 0));
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }
}
