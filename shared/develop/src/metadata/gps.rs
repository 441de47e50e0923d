//! Positions, from EXIF's degrees, minutes and seconds and from XMP's text.

use domain::photo::Gps;

/// Altitudes in metres: from the Dead Sea, with room for a cave, to a stratospheric balloon.
const ALTITUDES: std::ops::RangeInclusive<f64> = -12_000.0..=100_000.0;
/// Minutes and seconds. The limit is above 60 because rounding turns 59.99 into 60.
const SIXTY: std::ops::Range<f64> = 0.0..60.0001;

/// Checks the parts of a position. An impossible altitude is left out.
pub(super) fn position(latitude: f64, longitude: f64, altitude_m: Option<f64>) -> Option<Gps> {
    // Exactly zero on both axes is a receiver without a fix, not a boat in the Gulf of Guinea.
    let valid = latitude.abs() <= 90.0 && longitude.abs() <= 180.0 && (latitude != 0.0 || longitude != 0.0);
    let altitude_m = altitude_m.filter(|metres| ALTITUDES.contains(metres));
    valid.then_some(Gps { latitude, longitude, altitude_m })
}

/// Returns 1 or -1 for the letter of a hemisphere.
pub(super) fn sign(side: u8, [positive, negative]: [u8; 2]) -> Option<f64> {
    match side.to_ascii_uppercase() {
        side if side == positive => Some(1.0),
        side if side == negative => Some(-1.0),
        _ => None,
    }
}

/// Returns degrees, minutes and seconds as degrees. Minutes may have the fraction; then seconds may be missing or 0/0.
pub(super) fn degrees([degrees, minutes, seconds]: [Option<f64>; 3], sign: f64) -> Option<f64> {
    let (degrees, minutes, seconds) = (degrees?, minutes.unwrap_or(0.0), seconds.unwrap_or(0.0));
    let valid = degrees >= 0.0 && SIXTY.contains(&minutes) && SIXTY.contains(&seconds);
    valid.then(|| (degrees + minutes / 60.0 + seconds / 3600.0) * sign)
}

/// Parses an angle in XMP's forms: `48,8.5N`, `48,8,30N`, or signed decimal degrees.
pub(super) fn xmp_degrees(text: &str, sides: [u8; 2]) -> Option<f64> {
    let text = text.trim();
    let finite = |part: &str| part.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let Some(sign) = text.bytes().last().and_then(|side| sign(side, sides)) else { return finite(text) };
    let mut parts = text[..text.len() - 1].split(',').map(finite);
    let degrees_minutes_seconds = [parts.next().flatten(), parts.next().flatten(), parts.next().flatten()];
    degrees(degrees_minutes_seconds, sign)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn angles_of_xmp_are_read() {
        for text in ["48,8.5N", "48,8,30N", " 48,8.500000N", "48.141666666666666", "48.141666666666666N"] {
            assert!((xmp_degrees(text, *b"NS").unwrap() - 48.141_666_666).abs() < 1e-6, "{text}");
        }
        assert_eq!(xmp_degrees("0,30W", *b"EW"), Some(-0.5));
        for text in ["", "N", "48,61N", "inf", "NaN", "é"] {
            assert_eq!(xmp_degrees(text, *b"NS"), None, "{text}");
        }
    }

    #[test]
    fn impossible_positions_are_none() {
        assert_eq!(position(91.0, 0.0, None), None);
        assert_eq!(position(0.0, 0.0, None), None);
        assert_eq!(position(f64::NAN, 1.0, None), None);
        assert_eq!(position(1.0, 2.0, Some(1e9)).unwrap().altitude_m, None);
    }

    proptest! {
        #[test]
        fn any_angle_is_read_without_panic(text in "\\PC{0,20}") {
            let _ = xmp_degrees(&text, *b"NS");
        }
    }
}
