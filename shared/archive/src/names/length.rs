//! Lengths of names.
//!
//! File systems allow names of 255 bytes (Linux) or UTF-16 code units (Windows, macOS), less what browsers or users append.
//! A name has at most [`MAX_NAME_BYTES`], which also bounds the `Content-Disposition` of a presigned URL, in which one byte
//! takes up to five characters.
//!
//! Windows Explorer refuses longer paths than [`MAX_PATH`], and so does much other software on Windows. Its "Extract All"
//! proposes a folder beside the archive with the archive's name, so that the name counts twice:
//!
//! ```text
//! C:\Users\{user}\Downloads\{archive without .zip}\{folder}\{file}
//! ```

use unicode_segmentation::UnicodeSegmentation;

use super::joiners;

/// Longest name in bytes. wget reads no more than 511 bytes of a `Content-Disposition` (measured with 1.21.3), of which the
/// percent-encoded name takes up to three a byte, and the ASCII name the rest.
pub(super) const MAX_NAME_BYTES: usize = 150;

/// Longest part of an order's reference in the names of folder and archive, in UTF-16 code units. Photos of an order with
/// a longer reference need their share of the path.
pub(super) const MAX_REFERENCE_UNITS: usize = 50;

/// Longest part of an order's reference in bytes: ` 100 von 100.zip` follows.
pub(super) const MAX_REFERENCE_BYTES: usize = MAX_NAME_BYTES - 16;

/// Longest path on Windows in UTF-16 code units: `MAX_PATH` is 260 with the null at the end:
/// <https://learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation>.
pub(super) const MAX_PATH: usize = 259;

/// Length of the path of downloads. Names of Windows's users have at most 20 characters:
/// <https://learn.microsoft.com/windows/win32/adschema/a-samaccountname>.
pub(super) const DOWNLOADS: usize = r"C:\Users\".len() + 20 + r"\Downloads\".len();

/// Length that browsers append to the name of an archive that is downloaded again: ` (1)`.
const AGAIN: usize = 4;

/// Returns the longest name of a file in an archive, in UTF-16 code units, so that its extracted path is not too long.
/// `archive` is the archive's name without extension.
pub(super) fn room_for_files(archive: &str, folder: &str) -> usize {
    let folders = units(archive) + AGAIN + r"\".len() + units(folder) + r"\".len();
    MAX_PATH.saturating_sub(DOWNLOADS + folders)
}

/// Returns the length in UTF-16 code units.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Joins the three, and shortens the stem so that the name has at most `room` UTF-16 code units, and no more than
/// [`MAX_NAME_BYTES`].
pub(super) fn fitted(stem: &str, suffix: &str, extension: &str, room: usize) -> String {
    let dot = if extension.is_empty() { "" } else { "." };
    let end = format!("{suffix}{dot}{extension}");
    let stem = cut(stem, MAX_NAME_BYTES.saturating_sub(end.len()), room.saturating_sub(units(&end)));
    stem + &end
}

/// Shortens `text` to at most `bytes` and `room` UTF-16 code units. Keeps letters together with their marks and emoji
/// with their parts, and removes dots and spaces at the cut.
pub(super) fn cut(text: &str, bytes: usize, room: usize) -> String {
    let whole = fitting(text.graphemes(true), bytes, room);
    if whole == text.len() {
        return text.to_owned();
    }
    // If there are only marks before the cut, one letter loses some of them.
    let end = if whole > 0 { whole } else { fitting(text.split_inclusive(|_| true), bytes, room) };
    joiners::without_strays(&text[..end]).trim_end_matches(is_edge).to_owned()
}

/// Returns the length in bytes of the first pieces that fit together.
fn fitting<'a>(pieces: impl Iterator<Item = &'a str>, bytes: usize, room: usize) -> usize {
    let mut end = 0;
    let mut used = 0;
    for piece in pieces {
        used += units(piece);
        if end + piece.len() > bytes || used > room {
            break;
        }
        end += piece.len();
    }
    end
}
/// Returns whether a character hides a file at the start of its name, or is removed by Windows at the end.
pub(super) fn is_edge(c: char) -> bool {
    c == '.' || c.is_whitespace()
}
