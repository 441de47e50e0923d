//! Sanitizing of one name between slashes.

use std::ops::RangeInclusive;

use domain::photo::FileType;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Longest name in bytes. File systems allow 255 bytes or UTF-16 units; the rest is for suffixes that browsers or users
/// append.
pub(super) const MAX_NAME_BYTES: usize = 200;

/// Longest extension, in bytes without its dot, that is kept when a name is shortened.
const MAX_EXTENSION_BYTES: usize = 16;

/// Device names of Windows, which are reserved in any folder and with any extension:
/// <https://learn.microsoft.com/windows/win32/fileio/naming-a-file>. Superscript digits count as digits.
const DEVICES: &[&str] = &["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

/// Makes `raw` safe. `fallback` is the stem if nothing is left. The function is idempotent.
pub(super) fn file_name(raw: &str, fallback: &str, content_type: Option<&str>) -> String {
    // Normalized before, so that a mark on a forbidden character is removed with it, and after, because a removed
    // character may have separated a letter from its mark.
    let kept: String = raw.nfc().filter_map(safe_char).nfc().collect();
    let visible = kept.trim();
    let name = visible.trim_start_matches(is_edge).trim_end_matches(is_edge);

    // `.jpg` is an extension without a name, not a file called jpg.
    let only_extension = visible.starts_with('.') && FileType::of_extension(name).is_some();
    let (stem, extension) = match (only_extension, split_extension(name)) {
        (true, _) => (fallback, name),
        (false, ("", _)) => (fallback, ""),
        (false, split) => split,
    };
    let extension = match content_type {
        Some(content_type) if extension.is_empty() || is_of_another_kind(extension, content_type) => {
            usual_extension(content_type).unwrap_or(extension)
        }
        _ => extension,
    };
    let name = fitted(stem, "", extension);
    // An underscore at the start is enough: no name that begins with it is a device.
    if is_device(&name) { fitted(&format!("_{stem}"), "", extension) } else { name }
}

/// Returns `name (2).jpg`, with a shortened stem if necessary.
pub(super) fn numbered(name: &str, number: u32) -> String {
    let (stem, extension) = split_extension(name);
    fitted(stem, &format!(" ({number})"), extension)
}

/// Returns the character, an underscore for a dangerous one, or `None` for an invisible one.
fn safe_char(c: char) -> Option<char> {
    match c {
        c if is_forbidden(c) => Some('_'),
        c if c.is_control() || is_invisible(c) => None,
        c => Some(c),
    }
}

/// Returns whether a character separates folders, is refused by Windows, or may be converted to such a character.
fn is_forbidden(c: char) -> bool {
    const WINDOWS: &[char] = &['/', '\\', '<', '>', ':', '"', '|', '?', '*'];
    // Slashes of other scripts. Windows converts some of them to slashes if an extractor is not Unicode-aware.
    const SLASHES: &[char] = &['⁄', '∕', '∖', '⧵', '⧸', '⧹', '﹨', '／', '＼'];
    // Code points to which macOS and Cygwin map the characters that Windows refuses: U+F022 is displayed as a colon.
    const KEPT_FOR_WINDOWS: RangeInclusive<char> = '\u{F000}'..='\u{F0FF}';
    WINDOWS.contains(&c) || SLASHES.contains(&c) || KEPT_FOR_WINDOWS.contains(&c)
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

/// Returns whether a character hides a file at the start of its name, or is removed by Windows at the end.
fn is_edge(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

/// Splits a name into stem and extension without its dot. The extension is empty if the text after the last dot does
/// not look like one.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty()
                && (1..=MAX_EXTENSION_BYTES).contains(&extension.len())
                && extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            (stem, extension)
        }
        _ => (name, ""),
    }
}

/// Returns whether an extension belongs to another kind of file, so that viewers would not open it. All RAW formats
/// count as one kind, because vendors share extensions, and so do the videos that are ISO base media files.
fn is_of_another_kind(extension: &str, content_type: &str) -> bool {
    let family = |file_type: &FileType| match file_type.content_type {
        raw if raw.starts_with("image/x-") => "raw",
        "image/heic" | "image/heif" => "heif",
        "video/mp4" | "video/quicktime" | "video/3gpp" => "base media",
        other => other,
    };
    match (FileType::of_extension(extension), FileType::of_content_type(content_type)) {
        (Some(named), Some(actual)) => family(named) != family(actual),
        _ => false,
    }
}

fn usual_extension(content_type: &str) -> Option<&'static str> {
    FileType::of_content_type(content_type)?.extensions.first().copied()
}

/// Joins the three, and shortens the stem so that the name does not exceed the limit.
fn fitted(stem: &str, suffix: &str, extension: &str) -> String {
    let dot = if extension.is_empty() { "" } else { "." };
    let room = MAX_NAME_BYTES - suffix.len() - dot.len() - extension.len();
    let stem = if stem.len() > room { cut(stem, room) } else { stem };
    format!("{stem}{suffix}{dot}{extension}")
}

/// Shortens `text` to at most `room` bytes. Keeps letters together with their marks, and removes dots and spaces at the
/// cut.
fn cut(text: &str, room: usize) -> &str {
    let boundary = text.floor_char_boundary(room);
    let mut end = boundary;
    while end > 0 && text[end..].starts_with(extends_the_letter_before) {
        end = text.floor_char_boundary(end - 1);
    }
    // If there are only marks before the cut, one letter loses some of them.
    let end = if end == 0 { boundary } else { end };
    text[..end].trim_end_matches(is_edge)
}

fn extends_the_letter_before(c: char) -> bool {
    is_combining_mark(c) || matches!(c, '\u{1F3FB}'..='\u{1F3FF}') // skin tones
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
