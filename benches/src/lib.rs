//! Comparisons with peers: see `README.md` here. Each is a bench target of its own; what they share is here.

pub mod peers;
pub mod quality;
pub mod watch;

/// Is this one of those that were asked for by name? All are, where none was.
pub fn chosen(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|asked| asked == name)
}

/// The middle one; of an even number the lower of the two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}
