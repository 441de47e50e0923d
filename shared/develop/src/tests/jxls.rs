//! JPEG XL that is cut, damaged, or built to cost memory.

use std::path::Path;

use proptest::prelude::*;

use super::develop_as;
use crate::Error;

pub(super) fn case(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(name)).unwrap()
}

#[test]
fn cut_codestream_is_truncated() {
    for name in ["jxl_plain.jxl", "jxl_animated.jxl", "jxl_of_jpeg_turned.jxl"] {
        let whole = case(name);
        develop_as(&whole, "a").unwrap();
        for percent in [1, 10, 50, 90] {
            let cut = &whole[..whole.len() * percent / 100];
            let code = develop_as(cut, "a").map(|_| ()).unwrap_err().code();
            assert!(matches!(code, "truncated" | "damaged" | "not_a_photo"), "{name} at {percent} %: {code}");
        }
    }
}

/// A bare header of 1,073,741,824 x 1,073,741,824 pixels (ISO/IEC 18181-1, annex D).
#[test]
fn large_sides_are_refused_by_the_header() {
    let mut bits = Vec::new();
    let mut push = |value: u32, count: u32| bits.extend((0..count).map(|bit| u8::from(value >> bit & 1 == 1)));
    // No small size; a height of 30 bits, minus one; a width in the ratio 1:1; defaults for the rest.
    push(0, 1);
    push(3, 2);
    push((1 << 30) - 1, 30);
    push(1, 3);
    push(0b11, 2);
    let body: Vec<u8> = bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |value, bit| value << 1 | bit)).collect();
    let file = [b"\xFF\x0A", &body[..]].concat();
    let error = develop_as(&file, "a").map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::TooManyPixels { .. }), "{error}");
}

/// A megabyte of zeros in a few bytes of brotli, many times.
#[test]
fn compressed_metadata_inflates_within_a_budget() {
    let whole = case("jxl_exif6_upright.jxl");
    let at = whole.windows(4).position(|bytes| bytes == b"brob").unwrap() - 4;
    let size = u32::from_be_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
    let many = [&whole[..at], &whole[at..at + size].repeat(5000), &whole[at + size..]].concat();
    assert_eq!(develop_as(&many, "a").unwrap().exif.make.as_deref(), Some("TestCam"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_mutation_panics(
        name in prop::sample::select(vec!["jxl_animated.jxl", "jxl_of_jpeg_turned.jxl"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = case(name);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = develop_as(&bytes, "a.jxl");
    }
}
