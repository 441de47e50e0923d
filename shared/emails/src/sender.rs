//! Sender of an email, encoded for a message header.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::customer_text;

/// Largest number of bytes in an encoded word. RFC 2047, section 2: an encoded word has at most 75 characters.
/// `=?UTF-8?B?` and `?=` take 12 of them, and base64 turns three bytes into four.
const MAX_BYTES_OF_WORD: usize = (75 - 12) / 4 * 3;

/// Returns the sender of a studio's emails: the address that SES has verified, under the studio's name, or under its own for
/// a studio without a name.
pub fn mailbox(from: &str, studio: Option<&str>) -> String {
    let Some(name) = studio.map(|name| customer_text(&name.replace('@', " at "))).filter(|name| !name.is_empty())
    else {
        return sender(from);
    };
    let address = from.rsplit_once('<').and_then(|(_, address)| address.strip_suffix('>')).unwrap_or(from.trim());
    sender(&format!("{} <{address}>", name.replace(['<', '>'], "")))
}

/// Encodes a sender such as `Müller & Söhne <photos@example.com>` for SES. An ASCII name with special characters is
/// quoted (RFC 5322, section 3.2.4), and any other name is written in encoded words (RFC 2047). An address without a
/// name stays unchanged.
fn sender(written: &str) -> String {
    let Some((name, address)) = written.trim().rsplit_once('<') else { return written.trim().to_owned() };
    let name = name.trim().trim_matches('"');
    if name.is_empty() {
        return format!("<{address}");
    }
    format!("{} <{address}", phrase(name))
}

fn phrase(name: &str) -> String {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~ ".contains(c);
    // An ASCII name that looks like an encoded word would be decoded.
    if !name.is_ascii() || name.contains("=?") {
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
    fn studio_sends_under_its_name() {
        for (studio, sent) in [
            (None, "Darkroom <p@example.com>"),
            (Some(" "), "Darkroom <p@example.com>"),
            (Some("Foto Anna"), "Foto Anna <p@example.com>"),
            (Some("Anna <boss@evil.example>, Inc."), "\"Anna boss\u{200b}@"),
        ] {
            let mailbox = mailbox("Darkroom <p@example.com>", studio);
            assert!(
                mailbox == sent || mailbox.ends_with("<p@example.com>") && mailbox.matches('<').count() == 1,
                "{mailbox}"
            );
        }
        assert_eq!(mailbox("p@example.com", Some("Anna")), "Anna <p@example.com>");
        let encoded = mailbox("p@example.com", Some("=?UTF-8?Q?boss=40evil?="));
        assert!(encoded.starts_with("=?UTF-8?B?") && !encoded.contains("=40"), "{encoded}");
        assert_eq!(mailbox("p@example.com", Some("boss@evil")), "boss at evil <p@example.com>");
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
