//! Parts of a multipart upload of an original.

const MIB: u64 = 1 << 20;

/// S3: each part but the last has at least 5 MiB.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const MIN_PART_BYTES: u64 = 5 * MIB;
/// S3: an upload has at most 10,000 parts (same source).
pub const MAX_PARTS: u64 = 10_000;
/// Number of parts up to which parts stay small: one request signs the URLs of 100 parts.
const FEW_PARTS: u64 = 100;
/// Size of the parts of larger files: 16 MiB take two minutes at 1 Mbit/s, so a cut on a bad line costs no more.
const LARGE_PART_BYTES: u64 = 16 * MIB;

/// Returns the size of the parts of a file, in whole MiB; the last part has the rest.
///
/// Files up to 500 MiB have parts of 5 MiB. The parts of larger files grow to 16 MiB, and further only for files that
/// would have more than 10,000 of these.
pub fn part_size(file_bytes: u64) -> u64 {
    let for_few = whole_mib(file_bytes.div_ceil(FEW_PARTS)).clamp(MIN_PART_BYTES, LARGE_PART_BYTES);
    for_few.max(whole_mib(file_bytes.div_ceil(MAX_PARTS)))
}

/// Returns the number of parts of a file.
pub fn part_count(file_bytes: u64) -> u64 {
    file_bytes.div_ceil(part_size(file_bytes)).max(1)
}

/// Rounds up to whole MiB.
fn whole_mib(bytes: u64) -> u64 {
    bytes.div_ceil(MIB).saturating_mul(MIB)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::photo::MAX_UPLOAD_BYTES;

    /// S3: no part has more than 5 GiB.
    const MAX_PART_BYTES: u64 = 5 << 30;

    #[test]
    fn parts_grow_with_the_file() {
        let sizes = [1, 12 * MIB, 500 * MIB, 500 * MIB + 1, 1_600 * MIB, MAX_UPLOAD_BYTES, 200_000 * MIB];
        let parts = sizes.map(|size| (part_size(size) / MIB, part_count(size)));
        assert_eq!(parts, [(5, 1), (5, 3), (5, 100), (6, 84), (16, 100), (16, 320), (20, 10_000)]);
    }

    proptest! {
        #[test]
        fn parts_meet_the_limits_of_s3(file in 1_u64..=MAX_PARTS * MAX_PART_BYTES) {
            let (size, count) = (part_size(file), part_count(file));
            prop_assert!((MIN_PART_BYTES..=MAX_PART_BYTES).contains(&size) && size % MIB == 0);
            prop_assert!((1..=MAX_PARTS).contains(&count));
            prop_assert!((count - 1) * size < file && file <= count * size, "the parts are the file");
        }

        #[test]
        fn larger_file_has_no_smaller_parts(a in 1_u64..=MAX_UPLOAD_BYTES, b in 1_u64..=MAX_UPLOAD_BYTES) {
            prop_assert!(part_size(a.min(b)) <= part_size(a.max(b)));
        }
    }
}
