//! A decoded tile: planes of luma and chroma in the decoder's layout.

use super::plan::CodePoints;

/// The chroma sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(any(feature = "avif", feature = "heic")), expect(dead_code, reason = "no decoder is built in"))]
pub(super) enum Chroma {
    /// 4:0:0.
    None,
    /// 4:2:0: half as many columns and rows.
    Quarter,
    /// 4:2:2: half as many columns.
    Half,
    /// 4:4:4.
    Full,
}

/// The properties that must be equal in all tiles of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coding {
    pub(super) chroma: Chroma,
    /// Bits of a luma and of a chroma sample.
    pub(super) depth: [u8; 2],
    /// The bitstream's colour code points.
    pub(super) code_points: CodePoints,
}

/// Samples of a plane, row by row.
#[derive(Debug)]
#[cfg_attr(not(feature = "avif"), expect(dead_code, reason = "HEVC's samples have 16 bits alone"))]
pub(super) enum Samples {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

/// A decoded tile.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) size: (u32, u32),
    pub(super) coding: Coding,
    /// Luma, and two planes of chroma if there is any.
    pub(super) planes: Vec<Samples>,
}

#[cfg(any(feature = "avif", feature = "heic"))]
impl Coding {
    /// Returns the samples of all planes for four pixels.
    pub(super) fn samples(self) -> u64 {
        match self.chroma {
            Chroma::None => 4,
            Chroma::Quarter => 6,
            Chroma::Half => 8,
            Chroma::Full => 12,
        }
    }
}

impl Chroma {
    /// Returns the columns or rows of chroma for `luma` ones of luma.
    pub(super) fn columns(self, luma: usize) -> usize {
        if matches!(self, Self::Quarter | Self::Half) { luma.div_ceil(2) } else { luma }
    }

    pub(super) fn rows(self, luma: usize) -> usize {
        if self == Self::Quarter { luma.div_ceil(2) } else { luma }
    }
}

impl Frame {
    /// Copies the start of a row of a plane.
    pub(super) fn copy_row(&self, plane: usize, row: usize, out: &mut [u16]) {
        let width = self.size.0 as usize;
        let stride = if plane == 0 { width } else { self.coding.chroma.columns(width) };
        let from = row * stride;
        match &self.planes[plane] {
            Samples::Eight(samples) => {
                for (to, &sample) in out.iter_mut().zip(&samples[from..from + stride]) {
                    *to = u16::from(sample);
                }
            }
            Samples::Sixteen(samples) => out.copy_from_slice(&samples[from..from + out.len()]),
        }
    }
}
