//! HEIC whose parts contradict one another.

use super::{develop_as, jxls::case};
use crate::Derivatives;

/// Changes a byte of the decoder's configuration.
fn configured(name: &str, at: usize, change: impl FnOnce(u8) -> u8) -> Vec<u8> {
    let mut file = case(name);
    let body = file.windows(4).position(|bytes| bytes == b"hvcC").unwrap() + 4;
    file[body + at] = change(file[body + at]);
    file
}

/// The configuration states the required memory before the bitstream is read (ISO/IEC 14496-15, 8.3.3.1).
#[test]
fn bitstream_exceeding_its_configuration_gets_no_pictures() {
    let is_made = |file: &[u8]| matches!(develop_as(file, "a").unwrap().derivatives, Derivatives::Made { .. });
    assert!(is_made(&configured("heic_ten_bits.heic", 17, |depth| depth)));
    assert!(!is_made(&configured("heic_ten_bits.heic", 17, |depth| depth & !7)), "ten bits, announced as eight");
    assert!(is_made(&configured("plain.heic", 16, |chroma| chroma)));
    assert!(!is_made(&configured("plain.heic", 16, |chroma| chroma & !3)), "three planes, announced as one");
}
