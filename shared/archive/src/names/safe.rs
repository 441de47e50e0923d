//! Sanitizing of one name between slashes.

use std::{borrow::Cow, ops::RangeInclusive};

use domain::photo::FileType;
use unicode_normalization::UnicodeNormalization;

use super::{
    extension, joiners,
    length::{cut, fitted, is_edge},
};

/// Name of a file if no character of its name can be kept.
const FILE: &str = "photo";

const IDEOGRAPHIC_SPACE: char = '\u{3000}';

/// Device names of Windows, which are reserved in any folder and with any extension:
/// <https://learn.microsoft.com/windows/win32/fileio/naming-a-file>. Superscript digits count as digits.
const DEVICES: &[&str] = &["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

/// Returns the name of a file of this content type, with at most `room` UTF-16 code units. The function is idempotent.
pub(super) fn file_name(raw: &str, content_type: Option<&str>, room: usize) -> String {
    let visible = visible(raw);
    let visible = replaced(last_segment(visible.trim()));
    let name = without_edges(&visible);
    // `.jpg` is an extension without a name, not a file called jpg.
    let only_extension = visible.starts_with('.') && FileType::of_extension(name).is_some();
    let (stem, extension) = match (only_extension, extension::split(name)) {
        (true, _) => (FILE, name),
        (false, ("", _)) => (FILE, ""),
        (false, split) => split,
    };
    let (stem, extension) = extension::corrected(stem, extension, content_type);
    joined(&stem, extension, room)
}

/// Returns `raw` as the name of a folder, or as the first part of a file name, with about `bytes`, and at most `room`
/// UTF-16 code units: the underscore of a device comes on top. It is empty if no character can be kept.
/// The function is idempotent.
pub(super) fn part(raw: &str, bytes: usize, room: usize) -> String {
    let part = visible(raw);
    joined(&cut(without_edges(&replaced(&part)), bytes, room), "", room)
}

/// Returns `name (2).jpg`, with a shortened stem if necessary.
pub(super) fn numbered(name: &str, number: u32, room: usize) -> String {
    let (stem, extension) = extension::split(name);
    fitted(stem, &format!(" ({number})"), extension, room)
}

/// Joins stem and extension to a name that is no device, and that Chromium does not change: it replaces a tilde at the
/// start or the end, which marks temporary files.
fn joined(stem: &str, extension: &str, room: usize) -> String {
    let mut name = fitted(stem, "", extension, room);
    // An underscore at the start is enough: no name that begins with it is a device.
    if is_device(&name) {
        name = fitted(&format!("_{stem}"), "", extension, room);
    }
    if name.starts_with('~') {
        name.replace_range(..1, "_");
    }
    if name.ends_with('~') {
        name.replace_range(name.len() - 1.., "_");
    }
    name
}

/// Removes characters that are invisible and shape nothing, and composes the rest (NFC). Spaces of all kinds become one
/// simple space, as browsers make them, but for the one between ideographs.
fn visible(raw: &str) -> String {
    let kept: String = raw.nfc().filter(|c| joiners::is_joiner(*c) || !(c.is_control() || is_invisible(*c))).collect();
    let mut spaced = String::with_capacity(kept.len());
    // Composed again, because a removed character may have separated a letter from its mark.
    for c in joiners::without_strays(&kept).nfc() {
        match c {
            c if !c.is_whitespace() => spaced.push(c),
            _ if spaced.ends_with(char::is_whitespace) => {}
            IDEOGRAPHIC_SPACE => spaced.push(c),
            _ => spaced.push(' '),
        }
    }
    spaced
}

/// Returns the last segment of a path on the client's machine, which old browsers and some tools send as the file's
/// name: `C:\Users\anna\Tulips.jpg`, `\\server\share\Tulips.jpg`, `/home/anna/Tulips.jpg`. Other slashes belong to the
/// name.
fn last_segment(name: &str) -> &str {
    let path = match *name.as_bytes() {
        [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic() => &name[2..],
        [b'/' | b'\\', ..] => name,
        _ => return name,
    };
    path.rsplit(['/', '\\']).find(|segment| !segment.is_empty()).unwrap_or_default()
}

/// Replaces forbidden characters by underscores.
fn replaced(name: &str) -> Cow<'_, str> {
    if name.contains(is_forbidden) { name.replace(is_forbidden, "_").into() } else { name.into() }
}

fn without_edges(name: &str) -> &str {
    name.trim_matches(is_edge)
}

/// Returns whether a character separates folders, is refused by Windows, or may be converted to such a character. So is a
/// percent sign: Firefox and wget decode `%2F` in a name, and Firefox replaces the other ones.
fn is_forbidden(c: char) -> bool {
    const WINDOWS: &[char] = &['/', '\\', '<', '>', ':', '"', '|', '?', '*'];
    // Slashes of other scripts. Windows converts some of them to slashes if an extractor is not Unicode-aware.
    const SLASHES: &[char] = &['⁄', '∕', '∖', '⧵', '⧸', '⧹', '﹨', '／', '＼'];
    // Code points to which macOS and Cygwin map the characters that Windows refuses: U+F022 is displayed as a colon.
    const KEPT_FOR_WINDOWS: RangeInclusive<char> = '\u{F000}'..='\u{F0FF}';
    c == '%' || WINDOWS.contains(&c) || SLASHES.contains(&c) || KEPT_FOR_WINDOWS.contains(&c)
}

/// Returns whether a character is invisible: formatting characters, including those that change the direction of
/// writing, other characters that Unicode calls ignorable (`Default_Ignorable_Code_Point`, general categories Cf except
/// visible ones, Zl, Zp), and noncharacters.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{070F}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FDD0}'..='\u{FDEF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}

/// Returns whether Windows treats a name as a device. Windows compares the text before the first dot, without spaces at
/// its end.
pub(super) fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    DEVICES.contains(&stem.as_str())
        || port.is_some_and(|number| {
            let mut digits = number.chars();
            matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
}
