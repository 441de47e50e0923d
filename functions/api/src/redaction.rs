//! Bodies of dead letters, as operators see them.

/// Longest body in bytes that is shown. SQS: at most 1 MiB.
const MAX_BODY: usize = 4 << 10;
/// Longest word in characters that is shown. Ids and names are shorter, tokens and encoded data are not.
const MAX_WORD: usize = 200;

/// Returns the body without addresses and without very long words, up to 4 KiB of it.
pub fn redacted(body: &str) -> String {
    let mut shown = String::new();
    let cut = (0..=MAX_BODY.min(body.len())).rev().find(|end| body.is_char_boundary(*end)).unwrap_or(0);
    let mut word = String::new();
    for char in body[..cut].chars() {
        if is_separator(char) {
            push(&mut shown, &word);
            word.clear();
            shown.push(if char.is_control() && char != '\n' { ' ' } else { char });
        } else {
            word.push(char);
        }
    }
    push(&mut shown, &word);
    shown
}

fn is_separator(char: char) -> bool {
    char.is_whitespace() || char.is_control() || "\"'<>(),;:[]{}\\=&?/".contains(char)
}

fn push(shown: &mut String, word: &str) {
    if word.contains('@') {
        shown.push_str("(address)");
    } else if word.chars().count() > MAX_WORD {
        shown.push_str("(long)");
    } else {
        shown.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_tokens_are_not_shown() {
        let body = format!(r#"{{"to":"Eva <eva.m@example.com>","job":"x","token":"{}"}}"#, "a".repeat(300));
        assert_eq!(redacted(&body), r#"{"to":"Eva <(address)>","job":"x","token":"(long)"}"#);
        assert_eq!(redacted("mailto:eva@example.com?subject=Hi"), "mailto:(address)?subject=Hi");
        let job = r#"{"v":1,"job":"send_email","studio":"anna","email":"01923a5c-7b1e-7000-8000-0000000000ff"}"#;
        assert_eq!(redacted(job), job);
    }

    #[test]
    fn large_and_binary_bodies_are_bounded() {
        let large = "ü ".repeat(1 << 19);
        assert!(redacted(&large).len() <= MAX_BODY);
        assert_eq!(redacted("a\u{0}\u{1b}[2Jb\nc"), "a  [2Jb\nc");
        assert_eq!(redacted(""), "");
    }
}
