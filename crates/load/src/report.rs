//! Tables as text and Markdown, and the few sums of statistics they need.

/// Rows of cells under a header. The first cells are names, the others numbers.
#[derive(Debug, Clone)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// How many columns hold names and are aligned left.
    names: usize,
}

impl Table {
    /// A table without rows.
    pub fn new(names: usize, header: &[&str]) -> Self {
        let header = header.iter().map(|&cell| cell.to_owned()).collect();
        Self { header, rows: Vec::new(), names }
    }

    /// Adds a row, which must have a cell for each column.
    pub fn push(&mut self, row: Vec<String>) {
        assert_eq!(row.len(), self.header.len(), "a row needs a cell for each column");
        self.rows.push(row);
    }

    /// Columns aligned with blanks.
    pub fn to_text(&self) -> String {
        let lines = std::iter::once(&self.header).chain(&self.rows);
        lines.map(|row| self.aligned(row, "  ").trim_end().to_owned() + "\n").collect()
    }

    /// A Markdown table, also readable as text.
    pub fn to_markdown(&self) -> String {
        let rule: Vec<String> = (0..self.header.len())
            .map(|column| {
                let width = self.width(column);
                if column < self.names { "-".repeat(width) } else { "-".repeat(width - 1) + ":" }
            })
            .collect();
        [&self.header, &rule]
            .into_iter()
            .chain(&self.rows)
            .map(|row| format!("| {} |\n", self.aligned(row, " | ")))
            .collect()
    }

    fn width(&self, column: usize) -> usize {
        let rows = std::iter::once(&self.header).chain(&self.rows);
        rows.map(|row| row[column].chars().count()).max().unwrap_or(0).max(3)
    }

    fn aligned(&self, row: &[String], separator: &str) -> String {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| {
                let width = self.width(column);
                if column < self.names {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect();
        cells.join(separator)
    }
}

/// The middle value; 0 of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// Half the distance of the extremes, as a percentage of the median: how far to trust it.
pub fn spread_percent(values: &[f64]) -> f64 {
    let highest = values.iter().copied().fold(f64::MIN, f64::max);
    let lowest = values.iter().copied().fold(f64::MAX, f64::min);
    let middle = median(values.iter().copied());
    if middle > 0.0 { (highest - lowest) / 2.0 / middle * 100.0 } else { 0.0 }
}

/// Half the distance of the quartiles, as a percentage of the median: for so many values that the
/// extremes say nothing.
pub fn quartile_spread_percent(values: &[f64]) -> f64 {
    let middle = median(values.iter().copied());
    let distance = quantile(values, 0.75) - quantile(values, 0.25);
    if middle > 0.0 { distance / 2.0 / middle * 100.0 } else { 0.0 }
}

/// The value below which this share of the values lies; 0 of nothing.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

/// A whole number with commas: 1,234,567.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_aligned_right_and_names_left() {
        let mut table = Table::new(1, &["name", "value"]);
        table.push(vec!["a".to_owned(), "1".to_owned()]);
        table.push(vec!["longer".to_owned(), "1,000".to_owned()]);
        assert_eq!(table.to_text(), "name    value\na           1\nlonger  1,000\n");
        let markdown = table.to_markdown();
        assert!(markdown.starts_with("| name   | value |\n| ------ | ----: |\n| a      |     1 |"));
    }

    #[test]
    fn the_median_ignores_outliers() {
        assert_eq!(median([5.0, 1.0, 100.0]), 5.0);
        assert_eq!(median([4.0, 2.0]), 3.0);
        assert_eq!(median([]), 0.0);
        assert_eq!(spread_percent(&[90.0, 100.0, 110.0]), 10.0);
        assert_eq!(quartile_spread_percent(&[0.0, 90.0, 100.0, 110.0, 1000.0]), 10.0);
        assert_eq!(quartile_spread_percent(&[]), 0.0);
        assert_eq!(quantile(&[3.0, 1.0, 2.0, 4.0], 0.5), 3.0);
        assert_eq!(quantile(&[3.0], 1.0), 3.0);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(grouped(100_000.0), "100,000");
    }
}
