//! Names for clients that read ASCII only.

use std::iter;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{extension, safe};

/// Stem of a file if no letter or digit of its name is in ASCII.
const FILE: &str = "download";

/// Returns a name of [`file_name`](super::file_name) in ASCII, with the same extension: `Koln.zip` for `Köln.zip`.
///
/// The name has at most `length` characters. Letters lose their accents. Other characters become underscores, one for several in a row.
pub fn ascii_name(name: &str, length: usize) -> String {
    let (stem, extension) = extension::split(name);
    let mut plain = String::with_capacity(stem.len());
    for c in stem.chars().filter(|c| !is_combining_mark(*c)) {
        match spelt(c) {
            Some(spelt) => plain.push_str(spelt),
            None if c.is_ascii() => plain.push(c),
            None => iter::once(c).nfkd().filter(|c| !is_combining_mark(*c)).for_each(|c| match c {
                c if c.is_ascii_alphanumeric() => plain.push(c),
                _ if plain.ends_with('_') => {}
                _ => plain.push('_'),
            }),
        }
    }
    if !plain.contains(|c: char| c.is_ascii_alphanumeric()) && plain != stem {
        FILE.clone_into(&mut plain);
    }
    // Letters of a device may be wide (`ＡＵＸ`), and one character may become several.
    let dot = if extension.is_empty() { "" } else { "." };
    let mut name = safe::file_name(&format!("{plain}{dot}{extension}"), None, length);
    // What follows a dot may look like an extension in ASCII only (`a.À`).
    while extension.is_empty()
        && let stem = extension::split(&name).0.len()
        && stem < name.len()
    {
        name.replace_range(stem..=stem, "_");
    }
    name
}

/// Returns how a letter without decomposition is written where it is not available.
fn spelt(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'ẞ' => "SS",
        'æ' => "ae",
        'Æ' => "AE",
        'œ' => "oe",
        'Œ' => "OE",
        'ø' => "o",
        'Ø' => "O",
        'ł' => "l",
        'Ł' => "L",
        'đ' => "d",
        'Đ' => "D",
        'ı' => "i",
        '‐' | '‑' | '‒' | '–' | '—' => "-",
        '‘' | '’' | '‚' => "'",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{OriginalName, file_name};

    #[test]
    fn names_are_readable_in_ascii() {
        for (name, expected) in [
            ("IMG_0001.JPG", "IMG_0001.JPG"),
            ("Köln & Umgebung.zip", "Koln & Umgebung.zip"),
            ("Kuß – Æsir.jpg", "Kuss - AEsir.jpg"),
            ("Łódź 1½.tif", "Lodz 11_2.tif"),
            ("東京 12.jpg", "_ 12.jpg"),
            ("東京.jpg", "download.jpg"),
            ("👨\u{200D}👩.zip", "download.zip"),
            ("می\u{200C}خواهم", "download"),
            ("___.jpg", "___.jpg"),
            ("ＡＵＸ.jpg", "_AUX.jpg"),
            ("…a….jpg", "_a_.jpg"),
            ("a：b.jpg", "a_b.jpg"),
            ("a.À", "a_A"),
        ] {
            assert_eq!(ascii_name(name, 100), expected, "{name}");
        }
        assert_eq!(ascii_name("Köln 0001.jpg", 10), "Koln 0.jpg");
    }

    proptest! {
        #[test]
        fn any_name_is_safe_in_ascii(filename in ".{0,300}", extension in "(\\.jpg|\\.NEF|)", length in 24_usize..200) {
            let filename = format!("{filename}{extension}");
            let name = file_name(OriginalName { filename: &filename, content_type: None });
            let ascii = ascii_name(&name, length);
            prop_assert!(ascii.len() <= length, "{ascii:?}");
            prop_assert!(ascii.bytes().all(|byte| (0x20..0x7F).contains(&byte)), "{ascii:?}");
            prop_assert_eq!(extension::split(&ascii).1, extension::split(&name).1, "{:?} of {:?}", ascii, name);
            let again = file_name(OriginalName { filename: &ascii, content_type: None });
            prop_assert_eq!(&again, &ascii, "safe");
            prop_assert_eq!(ascii_name(&ascii, length), ascii, "idempotent");
        }
    }
}
