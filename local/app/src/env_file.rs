//! Variables of the functions as a file, for `cargo lambda watch --env-file`.

/// Returns the variables by name, one on each line.
pub fn env_file<'a>(variables: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let mut lines: Vec<_> = variables.into_iter().map(|(name, value)| line(name, value)).collect();
    lines.sort();
    lines.concat()
}

/// Returns the line of a variable. The value is in quotes: a sender has spaces and angle brackets, and readers of such
/// files differ in what they take bare. JSON has double quotes, so it is in single ones.
fn line(name: &str, value: &str) -> String {
    let quote = if value.contains('"') { '\'' } else { '"' };
    format!("{name}={quote}{value}{quote}\n")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn values_are_quoted_and_sorted() {
        let variables = [("SOURCES", r#"{"a":1}"#), ("MAIL_FROM", "A <a@b.example>")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let file = env_file(&HashMap::from(variables));
        assert_eq!(file, "MAIL_FROM=\"A <a@b.example>\"\nSOURCES='{\"a\":1}'\n");
    }
}
