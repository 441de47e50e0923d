//! Comparisons with peers; see `README.md` here. Each is a bench target of its own; this library has their common code.

pub mod peers;
pub mod quality;
pub mod watch;

/// Returns whether `name` is selected: named, or nothing is named.
pub fn chosen(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|asked| asked == name)
}

/// Returns the median; of an even number of values the lower of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}
