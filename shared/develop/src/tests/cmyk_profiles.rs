//! CMYK with the profile of its file. The profiles describe a press whose colours follow a formula, so the expected
//! preview is known without another converter.

use mozjpeg::ColorSpace;

use super::{develop_as, made, pixels, samples::Jpeg, tiffs::Tiff};

/// The side of a patch in pixels: a unit of the preview's JPEG, so that patches do not blur into each other.
const PATCH: u32 = 16;
const COLUMNS: u32 = 16;
const ROWS: u32 = 8;

/// Returns L, a and b of inks from 0 to 1 on this press. Paper is white; all colours are within sRGB's gamut.
fn lab([cyan, magenta, yellow, black]: [f64; 4]) -> [f64; 3] {
    let kept = |share: f64, ink: f64| 1.0 - share * ink;
    let light = kept(0.45, cyan) * kept(0.5, magenta) * kept(0.1, yellow) * kept(0.85, black);
    let green_red = 35.0 * magenta * kept(0.6, cyan) - 21.0 * cyan * kept(0.3, magenta) - 4.0 * yellow;
    let blue_yellow = 42.0 * yellow * kept(0.6, cyan) - 28.0 * cyan * kept(0.8, yellow) - 3.0 * magenta;
    [100.0 * light, (1.0 - black) * green_red, (1.0 - black) * blue_yellow]
}

/// Returns sRGB of a colour under D50, as ICC.1 and IEC 61966-2-1 define them.
fn srgb([lightness, a, b]: [f64; 3]) -> [u8; 3] {
    let fy = (lightness + 16.0) / 116.0;
    let light = |f: f64| if f > 6.0 / 29.0 { f.powi(3) } else { (f - 4.0 / 29.0) * 108.0 / 841.0 };
    let xyz = [0.9642 * light(fy + a / 500.0), light(fy), 0.8249 * light(fy - b / 200.0)];
    // D50 to D65 by Bradford's method, then to sRGB's primaries.
    let matrix =
        [[3.133_856, -1.616_867, -0.490_615], [-0.978_768, 1.916_141, 0.033_454], [0.071_945, -0.228_991, 1.405_243]];
    matrix.map(|row| {
        let linear = row.iter().zip(xyz).map(|(part, light)| part * light).sum::<f64>().clamp(0.0, 1.0);
        let encoded = if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
        number(encoded, 255.0)
    })
}

/// Scales a fraction of 1, and rounds.
fn number<T: TryFrom<i64, Error: std::fmt::Debug>>(part: f64, scale: f64) -> T {
    #[expect(clippy::cast_possible_truncation, reason = "far below 2 to the 53rd")]
    T::try_from((part * scale).round() as i64).unwrap()
}

/// The form in which a profile states the press.
#[derive(Clone, Copy)]
struct Table {
    /// Points per ink, at equal distances.
    points: u8,
    /// `mft2`, of 16 bits, or `mft1`, of 8.
    is_deep: bool,
    /// The tolerance of 255: the error of 8-bit Lab and of the preview's JPEG.
    tolerance: u8,
}

/// The smallest possible profile.
const SMALL: Table = Table { points: 6, is_deep: false, tolerance: 6 };
/// A profile as large as those of printers' associations: 630 KB, ten segments of a JPEG.
const LARGE: Table = Table { points: 18, is_deep: true, tolerance: 4 };

impl Table {
    /// Returns the ink of a point, from 0 to 1.
    fn ink(self, point: u8) -> f64 {
        f64::from(point) / f64::from(self.points - 1)
    }

    /// Returns the inks of all points; the first ink varies slowest.
    fn all_points(self) -> impl Iterator<Item = [f64; 4]> {
        let points = u32::from(self.points);
        (0..points.pow(4))
            .map(move |index| [3, 2, 1, 0].map(|ink| self.ink(u8::try_from(index / points.pow(ink) % points).unwrap())))
    }

    /// Returns an output profile of version 2. Its perceptual table is black: pictures are converted colorimetrically.
    fn profile(self) -> Vec<u8> {
        let colorimetric = self.table(lab);
        let perceptual = Self { points: 2, ..self }.table(|_| [0.0; 3]);
        let elements = [(*b"A2B0", perceptual), (*b"A2B1", colorimetric)];
        let mut at = 132 + 12 * elements.len();
        let mut profile = vec![0; 128];
        profile[8..12].copy_from_slice(&[2, 0x40, 0, 0]);
        profile[12..24].copy_from_slice(b"prtrCMYKLab ");
        profile[36..40].copy_from_slice(b"acsp");
        profile[68..80].copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
        profile.extend(2_u32.to_be_bytes());
        for (name, element) in &elements {
            profile.extend(name);
            profile.extend(u32::try_from(at).unwrap().to_be_bytes());
            profile.extend(u32::try_from(element.len()).unwrap().to_be_bytes());
            at += element.len();
        }
        profile.extend(elements.into_iter().flat_map(|(_, element)| element));
        let size = u32::try_from(profile.len()).unwrap().to_be_bytes();
        profile[..4].copy_from_slice(&size);
        profile
    }

    fn table(self, lab: impl Fn([f64; 4]) -> [f64; 3]) -> Vec<u8> {
        let mut table = if self.is_deep { b"mft2" } else { b"mft1" }.to_vec();
        table.extend([0, 0, 0, 0, 4, 3, self.points, 0]);
        for entry in [1_u32, 0, 0, 0, 1, 0, 0, 0, 1] {
            table.extend((entry << 16).to_be_bytes());
        }
        let curves = |count| {
            if self.is_deep { [0, 0, 0xFF, 0xFF].repeat(count) } else { (0..=255).collect::<Vec<u8>>().repeat(count) }
        };
        if self.is_deep {
            // Entries of each input and output curve.
            table.extend([0, 2, 0, 2]);
        }
        table.extend(curves(4));
        for [lightness, a, b] in self.all_points().map(lab) {
            let parts = [lightness / 100.0, (a + 128.0) / 255.0, (b + 128.0) / 255.0];
            if self.is_deep {
                // Version 2 ends at 0xFF00.
                table.extend(parts.map(|part| number::<u16>(part, 65_280.0).to_be_bytes()).concat());
            } else {
                table.extend(parts.map(|part| number::<u8>(part, 255.0)));
            }
        }
        table.extend(curves(3));
        table
    }

    /// Returns the inks of each patch, at points of the table, where it states colours without interpolation.
    fn patches(self) -> Vec<[u8; 4]> {
        let last = self.points - 1;
        let levels = [0, last / 3, last * 2 / 3, last].map(|point| point * (255 / last));
        let level = |index: u32| levels[index as usize % 4];
        let inks = |patch: u32| [level(patch), level(patch / 4), level(patch / 16), level(patch / 64)];
        (0..COLUMNS * ROWS).map(inks).collect()
    }
}

const WIDTH: u32 = COLUMNS * PATCH;
const HEIGHT: u32 = ROWS * PATCH;

/// Returns the samples of a picture of patches.
fn chart(patches: &[[u8; 4]]) -> Vec<u8> {
    let pixel = |x: u32, y: u32| patches[(y / PATCH * COLUMNS + x / PATCH) as usize];
    (0..HEIGHT).flat_map(|y| (0..WIDTH).flat_map(move |x| pixel(x, y))).collect()
}

/// Compares the middle of each patch of a preview with the press's colour.
#[track_caller]
fn assert_shows(patches: &[[u8; 4]], original: &[u8], kind: &str, tolerance: u8) {
    let developed = develop_as(original, "a").unwrap();
    let preview = pixels(made(&developed).0);
    for (patch, inks) in (0..).zip(patches) {
        let middle = |index: u32| index * PATCH + PATCH / 2;
        let shown = preview.get_pixel(middle(patch % COLUMNS), middle(patch / COLUMNS)).0;
        let expected = srgb(lab(inks.map(|ink| f64::from(ink) / 255.0)));
        let furthest = shown.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
        assert!(furthest <= Some(tolerance), "{kind}: {inks:?} is {shown:?} instead of {expected:?}");
    }
}

fn tiff(bits: u32, patches: &[[u8; 4]]) -> Tiff {
    let samples = chart(patches);
    let samples = if bits == 16 { samples.iter().flat_map(|&sample| [sample; 2]).collect() } else { samples };
    Tiff::new(5, bits, 4, samples).with(256, &[WIDTH]).with(257, &[HEIGHT]).with(278, &[HEIGHT])
}

#[test]
fn cmyk_of_tiff_is_converted_by_its_profile() {
    for table in [SMALL, LARGE] {
        for bits in [8, 16] {
            let file = tiff(bits, &table.patches()).with_icc(table.profile()).bytes();
            assert_shows(&table.patches(), &file, &format!("{bits} bits by {} points", table.points), table.tolerance);
        }
    }
}

#[test]
fn cmyk_of_jpeg_is_converted_by_its_profile() {
    for table in [SMALL, LARGE] {
        let (patches, profile) = (table.patches(), table.profile());
        // The encoder writes an Adobe marker, under which inks are inverted.
        let inverted: Vec<u8> = chart(&patches).iter().map(|ink| 255 - ink).collect();
        // YCCK at the sample's quality changes inks by some steps.
        for (stored, tolerance) in [(ColorSpace::JCS_CMYK, table.tolerance), (ColorSpace::JCS_YCCK, 10)] {
            let jpeg = Jpeg { icc: Some(&profile), stored: Some(stored), ..Jpeg::default() };
            let file = jpeg.write(ColorSpace::JCS_CMYK, WIDTH, HEIGHT, &inverted);
            assert_shows(&patches, &file, &format!("{stored:?} by {} points", table.points), tolerance);
        }
    }
}

#[test]
fn cmyk_with_rgb_profile_is_converted_without_it() {
    let cyan = [[255, 0, 0, 0]; (COLUMNS * ROWS) as usize];
    for file in [tiff(8, &cyan), tiff(8, &cyan).with_icc(super::colours::display_p3())] {
        let developed = develop_as(&file.bytes(), "a.tif").unwrap();
        super::assert_near(pixels(made(&developed).0).get_pixel(9, 9).0, [0, 255, 255], 4);
    }
}
