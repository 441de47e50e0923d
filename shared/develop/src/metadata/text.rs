//! Texts of metadata: conversion of bytes of uncertain encoding to limited lines without control characters.

/// The most bytes of a make, model or lens. A longer text is no name.
const MAX_NAME: usize = 128;

/// Decodes a text up to its first NUL: UTF-8 where it is valid, Windows-1252 otherwise.
pub(super) fn decode(bytes: &[u8]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text.iter().map(|&byte| windows_1252(byte)).collect(),
    }
}

/// Decodes little-endian UTF-16 up to its first NUL, as Windows writes it.
pub(super) fn decode_utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units.take_while(|&unit| unit != 0))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Returns the text as a name, trimmed; `None` for blanks, dashes and binary data.
pub(super) fn name(text: &str) -> Option<String> {
    let text = text.trim_matches(is_blank);
    let is_name = text.chars().any(char::is_alphanumeric)
        && text.len() <= MAX_NAME
        && !text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER);
    is_name.then(|| text.to_owned())
}

/// Returns the text as one trimmed line of at most `max_chars` characters: breaks and tabs become spaces, other control
/// characters are dropped; `None` if nothing is left.
pub(super) fn line(text: &str, max_chars: usize) -> Option<String> {
    let text: String = text
        .trim_matches(is_blank)
        .chars()
        .map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c })
        .filter(|c| !c.is_control())
        .take(max_chars)
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\0'
}

/// Converts a byte of Windows-1252, which is Latin-1 with printable characters in place of the control characters from
/// 0x80 to 0x9F.
fn windows_1252(byte: u8) -> char {
    const REPLACED: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => REPLACED[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encodings_are_distinguished() {
        assert_eq!(decode("Zürich\0rest".as_bytes()), "Zürich");
        assert_eq!(decode(b"Z\xFCrich \x96 \xA9"), "Zürich – ©");
        assert_eq!(decode_utf16(b"Z\0\xFC\0\0\0x\0"), "Zü");
    }

    #[test]
    fn lines_are_trimmed_cut_and_free_of_controls() {
        assert_eq!(line(" \u{7}one\r\ntwo\0 ", 100).as_deref(), Some("one  two"));
        assert_eq!(line("äöü", 2).as_deref(), Some("äö"));
        assert_eq!(line(" \0\t ", 9), None);
    }

    #[test]
    fn names_need_a_letter_or_digit() {
        assert_eq!(name("Canon EOS R5  ").as_deref(), Some("Canon EOS R5"));
        for text in ["", "    ", "----", "a\u{1}b", &"x".repeat(129)] {
            assert_eq!(name(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_within_its_bounds(bytes in prop::collection::vec(any::<u8>(), 0..100), max in 0..20_usize) {
            if let Some(line) = line(&decode(&bytes), max) {
                prop_assert!(line.chars().count() <= max && !line.chars().any(char::is_control));
            }
        }
    }
}
