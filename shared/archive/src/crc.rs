//! CRC-32 of a sequence, computed from the CRC-32s of its pieces.

use crc32fast::Hasher;

/// CRC-32 (IEEE 802.3, as used by ZIP and S3) of a sequence of bytes, some of them known by their checksum only.
///
/// Appending `n` bytes multiplies a CRC by x^(8n) modulo the polynomial, which takes one multiplication per set bit of
/// `n`. The checksum of an archive takes microseconds per entry, independent of the entries' sizes.
#[derive(Debug, Clone, Default)]
pub struct RunningCrc32(Hasher);

impl RunningCrc32 {
    /// Creates the CRC of an empty sequence, which is 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Appends `len` bytes that are known by their CRC-32 only.
    pub fn append(&mut self, crc32: u32, len: u64) {
        self.0.combine(&Hasher::new_with_initial_len(crc32, len));
    }

    /// Returns the CRC-32 of all bytes so far.
    pub fn value(&self) -> u32 {
        self.0.clone().finalize()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn check_value_matches_the_standard() {
        let mut crc = RunningCrc32::new();
        crc.update(b"12345");
        crc.append(crc32fast::hash(b"6789"), 4);
        assert_eq!(crc.value(), 0xCBF4_3926);
    }

    #[test]
    fn lengths_beyond_four_gibibytes_combine_correctly() {
        // `zlib.crc32` of 5 GiB + 1 zero bytes, and of the same bytes followed by "tail", computed by reading them.
        let zeros = 5 * (1 << 30) + 1;
        let mut crc = RunningCrc32::new();
        crc.append(ZEROS_5_GIB_1, zeros);
        crc.update(b"tail");
        assert_eq!(crc.value(), ZEROS_5_GIB_1_TAIL);

        let mut crc = RunningCrc32::new();
        crc.update(b"head");
        crc.append(ZEROS_5_GIB_1, zeros);
        assert_eq!(crc.value(), HEAD_ZEROS_5_GIB_1);
    }

    const ZEROS_5_GIB_1: u32 = 0xD076_44BF;
    const ZEROS_5_GIB_1_TAIL: u32 = 0xB103_C329;
    const HEAD_ZEROS_5_GIB_1: u32 = 0xF23C_C9CC;

    proptest! {
        #[test]
        fn bytes_and_checksums_give_the_whole_crc(
            pieces in vec((vec(any::<u8>(), 0..300), any::<bool>()), 0..20)
        ) {
            let mut crc = RunningCrc32::new();
            for (bytes, read) in &pieces {
                if *read { crc.update(bytes) } else { crc.append(crc32fast::hash(bytes), bytes.len() as u64) }
            }
            let whole: Vec<u8> = pieces.into_iter().flat_map(|(bytes, _)| bytes).collect();
            prop_assert_eq!(crc.value(), crc32fast::hash(&whole));
        }
    }
}
