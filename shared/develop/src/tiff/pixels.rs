//! Conversion of rows of bytes to pixels: samples of 16 bits, without extra samples, over white.

use super::{
    Failure,
    layout::{Alpha, Layout, Photometric, SampleFormat},
};
use crate::ifd::{Directory, Order, Values};
use crate::reduce::over_white;

const COLOR_MAP: u16 = 320;

/// Converts the rows of one page.
pub(super) struct Pixels<'a> {
    layout: &'a Layout,
    order: Order,
    /// Red, green and blue of each index.
    palette: Vec<[u16; 3]>,
    /// All samples of a row, interleaved as in the file, or by plane.
    samples: Vec<u16>,
    row: Vec<u16>,
}

impl<'a> Pixels<'a> {
    pub(super) fn new(layout: &'a Layout, page: &Directory<'_>, order: Order) -> Result<Self, Failure> {
        let palette = if layout.photometric == Photometric::Palette {
            palette(page.values(COLOR_MAP).ok_or(Failure::Unsupported)?, layout.bits)?
        } else {
            Vec::new()
        };
        Ok(Self { layout, order, palette, samples: Vec::new(), row: Vec::new() })
    }

    /// Converts one row: `width * channels` samples.
    pub(super) fn convert(&mut self, planes: &[Vec<u8>]) -> &[u16] {
        self.samples.clear();
        for plane in planes {
            let count = self.layout.width as usize * self.layout.samples_in_plane();
            self.unpack(plane, count);
        }
        let layout = self.layout;
        let is_bitmap_row = !layout.separate
            && layout.samples == layout.colours()
            && matches!(
                layout.photometric,
                Photometric::BlackIsZero | Photometric::Rgb | Photometric::YCbCr | Photometric::Cmyk
            );
        if is_bitmap_row {
            return &self.samples;
        }
        let width = layout.width as usize;
        // The position of sample `at` of pixel `x`.
        let (pixel, sample) = if layout.separate { (1, width) } else { (layout.samples, 1) };
        let colours = layout.colours();
        self.row.clear();
        for x in 0..width {
            let start = x * pixel;
            let alpha = layout.alpha.map(|(at, kind)| {
                let at = if layout.separate { colours } else { at };
                (self.samples[start + at * sample], kind)
            });
            if layout.photometric == Photometric::Palette {
                let alpha = alpha.map(|(alpha, kind)| (scaled(alpha, layout.bits), kind));
                let index = usize::from(self.samples[start]);
                let color = self.palette.get(index).copied().unwrap_or_default();
                self.row.extend(color.map(|level| straight_over_white(level, alpha)));
                continue;
            }
            for at in 0..colours {
                let value = self.samples[start + at * sample];
                self.row.push(self.pixel_sample(value, at, alpha));
            }
        }
        &self.row
    }

    /// Converts one sample to the bitmap's format, over white.
    fn pixel_sample(&self, value: u16, at: usize, alpha: Option<(u16, Alpha)>) -> u16 {
        match (self.layout.photometric, alpha) {
            (Photometric::WhiteIsZero, None) => u16::MAX - value,
            (Photometric::BlackIsZero | Photometric::Rgb | Photometric::YCbCr | Photometric::Cmyk, None) => value,
            // Where lower values are lighter, white is 0.
            (Photometric::WhiteIsZero, alpha) => u16::MAX - ink(value, alpha),
            (Photometric::Cmyk, alpha) => ink(value, alpha),
            (Photometric::CieLab | Photometric::IccLab, alpha) if at == 0 => light(self.lightness(value), alpha),
            (Photometric::CieLab, alpha) => axis(self.at_high(value) ^ 0x8000, alpha),
            (Photometric::IccLab, alpha) => axis(self.at_high(value), alpha),
            (_, alpha) => light(value, alpha),
        }
    }

    /// Scales the L of Lab to the full range.
    fn lightness(&self, value: u16) -> u16 {
        if self.layout.photometric == Photometric::IccLab && self.layout.bits == 16 {
            // ICC's 16-bit L ends at 0xFF00.
            return u16::try_from(u32::from(value) * 65_535 / 0xFF00).unwrap_or(u16::MAX);
        }
        value
    }

    /// Converts the a or b of Lab to 256 steps per unit: 8-bit samples were scaled to 16 bits like light.
    fn at_high(&self, value: u16) -> u16 {
        if self.layout.bits == 8 { value >> 8 << 8 } else { value }
    }

    /// Appends `count` samples of a row of one plane.
    fn unpack(&mut self, row: &[u8], count: usize) {
        let order = self.order;
        let out = &mut self.samples;
        let is_index = self.layout.photometric == Photometric::Palette;
        match (self.layout.sample_format, self.layout.bits) {
            (SampleFormat::Uint, 8) if is_index => out.extend(row[..count].iter().map(|&index| u16::from(index))),
            (SampleFormat::Uint, 8) => out.extend(row[..count].iter().map(|&sample| u16::from(sample) * 257)),
            (SampleFormat::Uint, 16) => out.extend(row.as_chunks().0[..count].iter().map(|&two| order.u16(two))),
            (SampleFormat::Uint, 32) => {
                out.extend(row.as_chunks().0[..count].iter().map(|&four| high(order.u32(four))));
            }
            (SampleFormat::Uint, 24) => out.extend(row.as_chunks::<3>().0[..count].iter().map(|&[a, b, c]| {
                let (high, low) = if order == Order::Big { (a, b) } else { (c, b) };
                u16::from_be_bytes([high, low])
            })),
            (SampleFormat::Float, 16) => {
                out.extend(row.as_chunks().0[..count].iter().map(|&two| from_unit(half(order.u16(two)))));
            }
            (SampleFormat::Float, 32) => {
                out.extend(row.as_chunks().0[..count].iter().map(|&four| from_unit(f32::from_bits(order.u32(four)))));
            }
            (SampleFormat::Float, _) => {
                #[expect(clippy::cast_possible_truncation, reason = "16 bits are kept")]
                let narrow = |eight| f64::from_bits(order.u64(eight)) as f32;
                out.extend(row.as_chunks().0[..count].iter().map(|&eight| from_unit(narrow(eight))));
            }
            (SampleFormat::Uint, bits) => unpack_bits(row, bits, count, is_index, out),
        }
    }
}

/// Scales a sample of up to 16 bits that was unpacked like an index to the full range.
fn scaled(sample: u16, bits: u32) -> u16 {
    let max = (1_u32 << bits.min(16)) - 1;
    u16::try_from((u32::from(sample) * 65_535 + max / 2) / max).unwrap_or(u16::MAX)
}

/// Unpacks samples of fewer than 8 bits, and of 9 to 15, which are packed bit by bit, most significant first, in either
/// byte order.
fn unpack_bits(row: &[u8], bits: u32, count: usize, is_index: bool, out: &mut Vec<u16>) {
    let max = (1_u32 << bits) - 1;
    let (mut held, mut held_bits) = (0_u32, 0);
    let mut bytes = row.iter();
    for _ in 0..count {
        while held_bits < bits {
            held = (held << 8) | u32::from(bytes.next().copied().unwrap_or(0));
            held_bits += 8;
        }
        held_bits -= bits;
        let sample = u16::try_from((held >> held_bits) & max).unwrap_or(u16::MAX);
        out.push(if is_index { sample } else { scaled(sample, bits) });
    }
}

/// Reads the colour map: all reds, all greens, all blues. libtiff keeps 8 bits, and treats maps without any value above
/// 255 as maps of 8 bits.
fn palette(map: Values<'_>, bits: u32) -> Result<Vec<[u16; 3]>, Failure> {
    let entries = 1_usize << bits;
    if map.len() < 3 * entries {
        return Err(Failure::Unsupported);
    }
    let narrow = map.uints().take(3 * entries).all(|level| level < 256);
    let level = |at| {
        let level = map.uint(at).unwrap_or(0).min(65_535);
        let eight = u16::try_from(if narrow { level } else { level >> 8 }).unwrap_or(255);
        eight * 257
    };
    Ok((0..entries).map(|index| [level(index), level(entries + index), level(2 * entries + index)]).collect())
}

fn light(value: u16, alpha: Option<(u16, Alpha)>) -> u16 {
    match alpha {
        Some((alpha, Alpha::Associated)) => value.saturating_add(u16::MAX - alpha),
        other => straight_over_white(value, other),
    }
}

/// Blends a palette's colour over white. Palettes are never multiplied by alpha.
fn straight_over_white(value: u16, alpha: Option<(u16, Alpha)>) -> u16 {
    alpha.map_or(value, |(alpha, _)| over_white(value, alpha))
}

fn ink(value: u16, alpha: Option<(u16, Alpha)>) -> u16 {
    match alpha {
        Some((alpha, Alpha::Unassociated)) => weighted(value, alpha),
        _ => value,
    }
}

fn weighted(value: u16, alpha: u16) -> u16 {
    let product = u32::from(value) * u32::from(alpha);
    u16::try_from((product + 32_767) / 65_535).unwrap_or(u16::MAX)
}

/// Blends the a or b of Lab over white, which has zero.
fn axis(value: u16, alpha: Option<(u16, Alpha)>) -> u16 {
    match alpha {
        Some((alpha, Alpha::Unassociated)) => {
            let distance = (i64::from(value) - 32_768) * i64::from(alpha) / 65_535;
            u16::try_from(32_768 + distance).unwrap_or(value)
        }
        _ => value,
    }
}

fn high(value: u32) -> u16 {
    u16::try_from(value >> 16).unwrap_or(u16::MAX)
}

/// Converts 0.0 to 1.0 to 16 bits. Values brighter than white become white; NaN becomes black.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=65535 first")]
fn from_unit(value: f32) -> u16 {
    (value.clamp(0.0, 1.0) * 65_535.0).round() as u16
}

/// Converts IEEE 754 half precision.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f32::from(bits & 0x3FF));
    sign * match exponent {
        0 => fraction * 2.0_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2.0_f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_depths_are_scaled_to_sixteen_bits() {
        let mut out = Vec::new();
        unpack_bits(&[0xFF, 0xF0, 0x00, 0x80, 0x00], 12, 3, false, &mut out);
        assert_eq!(out, [65_535, 0, 32_776]);
        out.clear();
        unpack_bits(&[0b1010_0000], 1, 3, false, &mut out);
        assert_eq!(out, [65_535, 0, 65_535]);
    }

    #[test]
    fn halves_are_read() {
        let read = [0x3C00, 0xC000, 0x0001, 0x3555].map(|bits| half(bits).to_bits());
        assert_eq!(read, [1.0, -2.0, 5.960_464_5e-8, 0.333_251_95_f32].map(f32::to_bits));
        assert!(half(0x7E00).is_nan());
    }
}
