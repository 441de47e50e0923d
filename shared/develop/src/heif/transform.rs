//! Crop, rotation and mirroring of a HEIF picture (ISO/IEC 23008-12, 6.5.9, 6.5.10 and 6.5.12), in the file's order.

use crate::{bmff::Fields, error::Error, orient};

/// One step from the coded picture to the visible one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transform {
    /// `clap`.
    Crop(Aperture),
    /// `irot`: quarter turns anticlockwise.
    Rotate(u8),
    /// `imir`: 0 exchanges top and bottom, 1 left and right.
    Mirror(u8),
}

/// The fields of a `clap` box: numerators and denominators of width, height, and the offsets of the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Aperture {
    size: [(u32, u32); 2],
    offset: [(i32, u32); 2],
}

/// A part of a stored picture, and its orientation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    /// Left, top.
    pub(super) start: (u32, u32),
    /// Width, height, as stored.
    pub(super) size: (u32, u32),
    /// The orientation as EXIF counts, 1 to 8.
    pub(super) orientation: u8,
}

impl Aperture {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut fields = Fields(body);
        let mut fraction = || Some((fields.u32()?, fields.u32()?));
        let size = [fraction()?, fraction()?];
        let signed = |(numerator, denominator): (u32, u32)| (numerator.cast_signed(), denominator);
        Some(Self { size, offset: [signed(fraction()?), signed(fraction()?)] })
    }

    /// Returns start and length of the visible part of a side, with libheif's rounding.
    fn part(&self, axis: usize, side: u32) -> Option<(u32, u32)> {
        let ((width, width_unit), (offset, offset_unit)) = (self.size[axis], self.offset[axis]);
        if width_unit == 0 || offset_unit == 0 {
            return None;
        }
        let [width, width_unit, offset, offset_unit] =
            [i128::from(width), i128::from(width_unit), i128::from(offset), i128::from(offset_unit)];
        // The centre is at offset + (side - 1) / 2; the first pixel (width - 1) / 2 before it.
        let start = (2 * offset * width_unit + (i128::from(side) * width_unit - width) * offset_unit)
            .div_euclid(2 * offset_unit * width_unit);
        let length = (2 * width + width_unit).div_euclid(2 * width_unit);
        let (from, to) = (start.max(0), (start + length).min(i128::from(side)));
        let length = u32::try_from(to - from).ok().filter(|&length| length > 0)?;
        Some((u32::try_from(from).ok()?, length))
    }
}

impl View {
    /// Returns the view of a whole picture.
    pub(super) fn new(size: (u32, u32)) -> Self {
        Self { start: (0, 0), size, orientation: 1 }
    }

    /// Returns the view after one more step.
    pub(super) fn then(self, transform: Transform) -> Result<Self, Error> {
        let (turns, mirrored) = self.turn();
        Ok(match transform {
            Transform::Rotate(against_the_clock) => self.turned(turns + 4 - (against_the_clock & 3), mirrored),
            // An exchange of left and right reverses the direction of earlier turns.
            Transform::Mirror(1) => self.turned(4 - turns, !mirrored),
            Transform::Mirror(_) => self.turned(6 - turns, !mirrored),
            Transform::Crop(aperture) => self.cropped(aperture).ok_or(Error::Damaged)?,
        })
    }

    /// Returns the clockwise quarter turns, and whether left and right are exchanged before them.
    fn turn(self) -> (u8, bool) {
        match self.orientation {
            2 => (0, true),
            3 => (2, false),
            4 => (2, true),
            5 => (3, true),
            6 => (1, false),
            7 => (1, true),
            8 => (3, false),
            _ => (0, false),
        }
    }

    fn turned(self, turns: u8, mirrored: bool) -> Self {
        let orientation = match (turns % 4, mirrored) {
            (0, false) => 1,
            (1, false) => 6,
            (2, false) => 3,
            (_, false) => 8,
            (0, true) => 2,
            (1, true) => 7,
            (2, true) => 4,
            (_, true) => 5,
        };
        Self { orientation, ..self }
    }

    /// Crops the picture in its present orientation.
    fn cropped(self, aperture: Aperture) -> Option<Self> {
        let (width, height) = orient::upright(self.size, self.orientation);
        let (horizontal, vertical) = (aperture.part(0, width)?, aperture.part(1, height)?);
        // Where stored pixels run in the opposite direction, the start counts from the other end.
        let from_end = |(start, length): (u32, u32), side: u32| (side - start - length, length);
        let (runs_left, runs_up) = match self.orientation {
            2 | 8 => (true, false),
            3 | 7 => (true, true),
            4 | 6 => (false, true),
            _ => (false, false),
        };
        let (x, y) = if self.orientation >= 5 { (vertical, horizontal) } else { (horizontal, vertical) };
        let x = if runs_left { from_end(x, self.size.0) } else { x };
        let y = if runs_up { from_end(y, self.size.1) } else { y };
        Some(Self { start: (self.start.0 + x.0, self.start.1 + y.0), size: (x.1, y.1), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitmap::{Bitmap, PixelFormat};

    fn aperture(size: [u32; 2], offset: [i32; 2]) -> Aperture {
        Aperture { size: size.map(|size| (size, 1)), offset: offset.map(|offset| (offset, 2)) }
    }

    /// Returns a bitmap of 4 x 6 pixels that all differ.
    fn numbered() -> Bitmap {
        Bitmap { width: 4, height: 6, format: PixelFormat::Gray, samples: (0..24).collect() }
    }

    fn apply(bitmap: Bitmap, transform: Transform) -> Bitmap {
        match transform {
            Transform::Rotate(turns) => orient::orient(bitmap, [1, 8, 3, 6][usize::from(turns)]),
            Transform::Mirror(axis) => orient::orient(bitmap, [4, 2][usize::from(axis)]),
            Transform::Crop(aperture) => {
                let (x, y) = (aperture.part(0, bitmap.width).unwrap(), aperture.part(1, bitmap.height).unwrap());
                crop(&bitmap, (x.0, y.0), (x.1, y.1))
            }
        }
    }

    fn crop(bitmap: &Bitmap, start: (u32, u32), size: (u32, u32)) -> Bitmap {
        let samples = (start.1..start.1 + size.1)
            .flat_map(|y| (start.0..start.0 + size.0).map(move |x| (y * bitmap.width + x) as usize))
            .map(|at| bitmap.samples[at])
            .collect();
        Bitmap { width: size.0, height: size.1, format: bitmap.format, samples }
    }

    #[test]
    fn steps_in_any_order_make_one_view() {
        let mut steps: Vec<Transform> = (0..4).map(Transform::Rotate).collect();
        steps.extend([0, 1].map(Transform::Mirror));
        steps.push(Transform::Crop(aperture([2, 3], [-2, 3])));
        for (&first, &second, &third, &fourth) in steps.iter().flat_map(|a| {
            let steps = &steps;
            steps.iter().flat_map(move |b| steps.iter().flat_map(move |c| steps.iter().map(move |d| (a, b, c, d))))
        }) {
            let steps = [first, second, third, fourth];
            if steps.iter().filter(|step| matches!(step, Transform::Crop(_))).count() > 1 {
                continue;
            }
            let expected = steps.into_iter().fold(numbered(), apply);
            let view = steps.into_iter().try_fold(View::new((4, 6)), View::then).unwrap();
            let seen = orient::orient(crop(&numbered(), view.start, view.size), view.orientation);
            assert_eq!(seen, expected, "{steps:?}");
        }
    }

    #[test]
    fn apertures_are_rounded_and_kept_inside() {
        let part = |size, offset, side| Aperture { size: [size; 2], offset: [offset; 2] }.part(0, side);
        assert_eq!(part((100, 1), (0, 1), 100), Some((0, 100)));
        assert_eq!(part((101, 1), (-1, 2), 102), Some((0, 101)));
        assert_eq!(part((50, 1), (25, 1), 100), Some((50, 50)));
        assert_eq!(part((50, 1), (40, 1), 100), Some((65, 35)));
        assert_eq!(part((u32::MAX, 1), (i32::MIN, u32::MAX), 100), Some((0, 100)));
        assert_eq!(part((10, 1), (1000, 1), 100), None);
        assert_eq!(part((10, 0), (0, 1), 100), None);
        assert_eq!(part((0, 1), (0, 1), 100), None);
    }
}
