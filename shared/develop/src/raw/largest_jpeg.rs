//! The JPEGs that a camera embeds in a RAW file.

use std::ops::Range;

use memchr::memmem;

use crate::limits::Limits;

/// The least pixels of the longer side of a JPEG for a preview; thumbnails have 160 to 320.
const LEAST_LONG_SIDE: u32 = 640;
/// The most JPEGs of one file. Cameras write two to five.
const MAX_CANDIDATES: usize = 24;
/// The most segments that are read in one file. Cameras write fewer than a thousand; the limit bounds the time for a
/// crafted file.
const MAX_SEGMENTS: u32 = 1 << 20;

/// Returns the JPEGs outside of `excluded`, which is sorted, that are large enough, with most pixels first. Only their
/// headers are read: the data after them is not checked.
pub(super) fn candidates<'a>(file: &'a [u8], excluded: &[Range<usize>], limits: &Limits) -> Vec<&'a [u8]> {
    let mut found: Vec<(u64, &[u8])> = Vec::new();
    let mut segments_left = MAX_SEGMENTS;
    let mut from = 0;
    let mut excluded = excluded.iter().peekable();
    while let Some(offset) = memmem::find(&file[from..], b"\xFF\xD8\xFF") {
        let at = from + offset;
        from = at + 3;
        while excluded.peek().is_some_and(|range| range.end <= at) {
            excluded.next();
        }
        if let Some(range) = excluded.peek()
            && range.contains(&at)
        {
            from = range.end.min(file.len());
            continue;
        }
        let jpeg = &file[at..];
        if let Some((width, height)) = size(jpeg, &mut segments_left)
            && width.max(height) >= LEAST_LONG_SIDE
            && limits.check_pixels(width, height).is_ok()
        {
            found.push((u64::from(width) * u64::from(height), jpeg));
            if found.len() > MAX_CANDIDATES {
                sort(&mut found);
                found.pop();
            }
        }
        if segments_left == 0 {
            break;
        }
    }
    sort(&mut found);
    found.into_iter().map(|(_, jpeg)| jpeg).collect()
}

/// Sorts by size; of two equal ones the earlier comes first.
fn sort(found: &mut [(u64, &[u8])]) {
    found.sort_by_key(|&(pixels, _)| std::cmp::Reverse(pixels));
}

/// Returns width and height of a JPEG in one of the usual codings, by the segments up to its first scan (ITU-T T.81,
/// annex B.2). Sensor samples are often lossless JPEG.
fn size(jpeg: &[u8], segments_left: &mut u32) -> Option<(u32, u32)> {
    let mut rest = jpeg.get(2..)?;
    let mut size = None;
    loop {
        *segments_left = segments_left.checked_sub(1)?;
        let (&[0xFF, marker], after) = rest.split_first_chunk::<2>()? else { return None };
        if marker == 0xFF {
            rest = &rest[1..];
            continue;
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk::<2>()?));
        let (segment, after) = after.split_at_checked(length)?;
        match marker {
            // Baseline, extended, progressive.
            0xC0..=0xC2 => {
                let &[_, _, _precision, y1, y0, x1, x0] = segment.first_chunk::<7>()?;
                size = Some((u32::from(u16::from_be_bytes([x1, x0])), u32::from(u16::from_be_bytes([y1, y0]))));
            }
            0xDA => return size,
            // Tables, application data, comments.
            0xC4 | 0xDB | 0xDD | 0xE0..=0xEF | 0xFE => {}
            _ => return None,
        }
        if length < 2 {
            return None;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::tests::samples;

    #[test]
    fn lossless_and_excluded_jpegs_are_no_candidates() {
        let small = samples::jpeg(&samples::busy(700, 40));
        let large = samples::jpeg(&samples::busy(900, 60));
        let mut lossless = samples::jpeg(&samples::busy(1000, 80));
        let frame = lossless.windows(2).position(|bytes| bytes == [0xFF, 0xC0]).unwrap();
        lossless[frame + 1] = 0xC3;
        let file = [&small[..], &lossless, &large].concat();
        let all = candidates(&file, &[], &Limits::default());
        assert_eq!(
            all.iter().map(|jpeg| file.len() - jpeg.len()).collect::<Vec<_>>(),
            [small.len() + lossless.len(), 0]
        );
        let sensor = file.len() - large.len()..file.len();
        assert_eq!(candidates(&file, std::slice::from_ref(&sensor), &Limits::default()), [&file[..]]);
    }

    /// Starts of JPEGs inside the segments of others, each a chain of thousands.
    #[test]
    fn nested_starts_are_linear() {
        let nested = b"\xFF\xD8\xFF\xE0\0\x08\0\0\xFF\xE0\0\x04".repeat(16 << 20);
        let started = Instant::now();
        assert!(candidates(&nested, &[], &Limits::default()).is_empty());
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }
}
