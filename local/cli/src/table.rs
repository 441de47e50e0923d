//! Columns of text.

/// Replaces control characters in external text: line breaks and escape sequences must not reach the terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect()
}

/// A table that grows by rows.
pub struct Table<const COLUMNS: usize> {
    right: [bool; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// Creates a table with these heads. A head that begins with `>` marks a right-aligned column of numbers.
    pub fn new(heads: [&str; COLUMNS]) -> Self {
        let right = heads.map(|head| head.starts_with('>'));
        Self { right, rows: vec![heads.map(|head| head.trim_start_matches('>').to_owned())] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.map(|cell| printable(&cell)));
    }

    /// Returns the lines, each with a line break at its end.
    pub fn render(&self) -> String {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(widths).zip(self.right);
            let cells = cells.map(
                |((cell, width), right)| if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") },
            );
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["queue", ">failed", "why"]);
        table.row(["emails".into(), "0".into(), String::new()]);
        table.row(["längste".into(), "12".into(), "a\u{1b}[2J\nb".into()]);
        assert_eq!(table.render(), "queue    failed  why\nemails        0\nlängste      12  a\u{fffd}[2J\u{fffd}b\n");
    }
}
