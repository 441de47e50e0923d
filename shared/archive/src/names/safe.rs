//! One name between slashes, made safe.

use std::ops::RangeInclusive;

use domain::photo::FileType;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Longest name in bytes. File systems end at 255 bytes or UTF-16 units; this leaves room for what a browser or a
/// copying user appends.
pub(super) const MAX_NAME_BYTES: usize = 200;

/// Longest extension, in bytes without its dot, that is kept when a name is cut.
const MAX_EXTENSION_BYTES: usize = 16;

/// Device names of Windows, which it finds in any folder and before any extension:
/// <https://learn.microsoft.com/windows/win32/fileio/naming-a-file>. It takes superscript digits for digits.
const DEVICES: &[&str] = &["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

/// Makes `raw` safe; `fallback` is its stem if nothing is left. Applied to its own result, changes nothing.
pub(super) fn file_name(raw: &str, fallback: &str, content_type: Option<&str>) -> String {
    // Normalized before, so that a mark over a forbidden character is taken with it; and behind, because what is left
    // out may have stood between a letter and its mark.
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
    // An underscore in front ends the danger: nothing behind it can make a device again.
    if is_device(&name) { fitted(&format!("_{stem}"), "", extension) } else { name }
}

/// `name (2).jpg`, with the stem cut where it would become too long.
pub(super) fn numbered(name: &str, number: u32) -> String {
    let (stem, extension) = split_extension(name);
    fitted(stem, &format!(" ({number})"), extension)
}

/// The character, an underscore for one that would be dangerous, or nothing for one that can't be seen.
fn safe_char(c: char) -> Option<char> {
    match c {
        c if is_forbidden(c) => Some('_'),
        c if c.is_control() || is_invisible(c) => None,
        c => Some(c),
    }
}

/// What separates folders, or is refused by Windows, or may become one of these on the way.
fn is_forbidden(c: char) -> bool {
    const WINDOWS: &[char] = &['/', '\\', '<', '>', ':', '"', '|', '?', '*'];
    // Slashes of other scripts: Windows turns some of them into slashes where an extractor isn't Unicode.
    const SLASHES: &[char] = &['⁄', '∕', '∖', '⧵', '⧸', '⧹', '﹨', '／', '＼'];
    // Where macOS and Cygwin keep the characters that Windows refuses: U+F022 comes out as a colon.
    const KEPT_FOR_WINDOWS: RangeInclusive<char> = '\u{F000}'..='\u{F0FF}';
    WINDOWS.contains(&c) || SLASHES.contains(&c) || KEPT_FOR_WINDOWS.contains(&c)
}

/// Formatting characters, among them those that turn the direction of writing, and all else that Unicode calls
/// ignorable (`Default_Ignorable_Code_Point`, general categories Cf but for the visible ones, Zl, Zp) or no character.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{070F}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FDD0}'..='\u{FDEF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}

/// Hides a file in front, is dropped by Windows behind.
fn is_edge(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

/// Stem and extension without its dot; an empty one if what follows the last dot does not look like one.
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

/// Whether the extension is one of another kind of file, with which viewers would not open it. RAW formats count as one kind,
/// since vendors share extensions, and so do the videos that are ISO base media files.
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

/// Joins the three, shortening the stem so that the whole keeps to the limit.
fn fitted(stem: &str, suffix: &str, extension: &str) -> String {
    let dot = if extension.is_empty() { "" } else { "." };
    let room = MAX_NAME_BYTES - suffix.len() - dot.len() - extension.len();
    let stem = if stem.len() > room { cut(stem, room) } else { stem };
    format!("{stem}{suffix}{dot}{extension}")
}

/// At most `room` bytes of a longer `text`, not cut between a letter and its marks, and without dots or spaces where it
/// was cut.
fn cut(text: &str, room: usize) -> &str {
    let boundary = text.floor_char_boundary(room);
    let mut end = boundary;
    while end > 0 && text[end..].starts_with(extends_the_letter_before) {
        end = text.floor_char_boundary(end - 1);
    }
    // Nothing but marks up to here: then one letter loses some of them.
    let end = if end == 0 { boundary } else { end };
    text[..end].trim_end_matches(is_edge)
}

fn extends_the_letter_before(c: char) -> bool {
    is_combining_mark(c) || matches!(c, '\u{1F3FB}'..='\u{1F3FF}') // skin tones
}

/// Windows looks at what stands before the first dot, and overlooks spaces behind that.
pub(super) fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    DEVICES.contains(&stem.as_str())
        || port.is_some_and(|number| {
            let mut digits = number.chars();
            matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
}
