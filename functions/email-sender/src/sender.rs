//! Sender of all emails, encoded for a message header.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Largest number of bytes in an encoded word. RFC 2047, section 2: an encoded word has at most 75 characters.
/// `=?UTF-8?B?` and `?=` take 12 of them, and base64 turns three bytes into four.
const MAX_BYTES_OF_WORD: usize = (75 - 12) / 4 * 3;

/// Encodes a sender such as `Müller & Söhne <photos@example.com>` for SES. An ASCII name with special characters is
/// quoted (RFC 5322, section 3.2.4), and any other name is written in encoded words (RFC 2047). An address without a
/// name stays unchanged.
pub fn sender(written: &str) -> String {
    let Some((name, address)) = written.trim().rsplit_once('<') else { return written.trim().to_owned() };
    let name = name.trim().trim_matches('"');
    if name.is_empty() {
        return format!("<{address}");
    }
    format!("{} <{address}", phrase(name))
}

fn phrase(name: &str) -> String {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~ ".contains(c);
    if !name.is_ascii() {
        return encoded_words(name);
    }
    if name.chars().all(is_atom) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('\\', r"\\").replace('"', r#"\""#))
}

/// Encodes a name in encoded words. Decoders drop the space between two encoded words. No character is split.
fn encoded_words(name: &str) -> String {
    let mut words = vec![String::new()];
    for c in name.chars() {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= MAX_BYTES_OF_WORD => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let words: Vec<_> = words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_quoted_or_encoded() {
        for (written, sent) in [
            ("Darkroom <p@example.com>", "Darkroom <p@example.com>"),
            ("p@example.com", "p@example.com"),
            ("<p@example.com>", "<p@example.com>"),
            ("Black & White <p@example.com>", "Black & White <p@example.com>"),
            ("Smith, Jones & Co. <p@example.com>", "\"Smith, Jones & Co.\" <p@example.com>"),
            ("\"Dr. No\" <p@example.com>", "\"Dr. No\" <p@example.com>"),
            ("Müller <p@example.com>", "=?UTF-8?B?TcO8bGxlcg==?= <p@example.com>"),
        ] {
            assert_eq!(sender(written), sent);
        }
    }

    #[test]
    fn long_names_are_split_between_characters() {
        let name = "Fotostudio Ä".repeat(12);
        let sent = sender(&format!("{name} <p@example.com>"));
        let words: Vec<_> = sent.split(' ').filter(|word| word.starts_with("=?")).collect();
        assert!(words.len() > 2 && words.iter().all(|word| word.len() <= 75), "{sent}");
        let decoded = words.iter().map(|word| {
            String::from_utf8(STANDARD.decode(&word[10..word.len() - 2]).expect("base64")).expect("whole characters")
        });
        assert_eq!(decoded.collect::<String>(), name);
    }
}
