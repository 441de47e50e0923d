//! The rows of a layer. Tiles are decoded a row of tiles at a time, by two threads where there are two cores.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::{
    av1,
    frame::{Chroma, Coding, Frame},
    hevc,
    matrix::Matrix,
    plan::{Codec, Layer},
};
use crate::{
    catch_panic::guarded,
    error::{Error, Failure},
};

/// The most threads that decode tiles. A Lambda function has two cores at 3 GB.
const MAX_THREADS: usize = 2;

/// A layer that is decoded row by row.
pub(super) struct Rows<'a> {
    layer: &'a Layer<'a>,
    bytes: &'a [Cow<'a, [u8]>],
    coding: Coding,
    /// At most two rows of tiles, and the number of the first: chroma is interpolated between neighbouring rows.
    strips: VecDeque<Vec<Frame>>,
    first_strip: usize,
    next_row: usize,
    luma: Vec<u16>,
    /// The nearer and the farther row of chroma.
    neighbours: [Vec<u16>; 2],
    chroma: [Vec<f32>; 2],
}

impl<'a> Rows<'a> {
    /// Decodes the first row of tiles.
    pub(super) fn new(layer: &'a Layer<'a>, bytes: &'a [Cow<'a, [u8]>]) -> Result<Self, Failure> {
        let first = decode_strip(layer, bytes, 0)?;
        let coding = first.first().ok_or(Error::Damaged)?.coding;
        let is_odd =
            |side: u32, tiles: usize, chroma: usize| tiles > 1 && !side.is_multiple_of(2) && chroma < side as usize;
        let (width, height) = layer.tile_size;
        if is_odd(width, layer.columns, coding.chroma.columns(width as usize))
            || is_odd(height, layer.rows(), coding.chroma.rows(height as usize))
        {
            return Err(Failure::Unsupported);
        }
        let width = layer.size.0 as usize;
        let chroma_width = coding.chroma.columns(width);
        let mut rows = Self {
            layer,
            bytes,
            coding,
            strips: VecDeque::new(),
            first_strip: 0,
            next_row: 0,
            luma: vec![0; width],
            neighbours: [vec![0; chroma_width], vec![0; chroma_width]],
            chroma: [vec![0.0; width], vec![0.0; width]],
        };
        rows.add(first)?;
        Ok(rows)
    }

    pub(super) fn coding(&self) -> Coding {
        self.coding
    }

    /// Converts the next row: to gray without chroma, to RGB otherwise.
    pub(super) fn next(&mut self, matrix: &Matrix, out: &mut [u16]) -> Result<(), Failure> {
        self.read_luma()?;
        if self.coding.chroma == Chroma::None {
            matrix.gray(&self.luma, out);
        } else {
            self.read_chroma()?;
            matrix.rgb(&self.luma, [&self.chroma[0], &self.chroma[1]], out);
        }
        self.next_row += 1;
        Ok(())
    }

    /// Converts only the luma of the next row.
    pub(super) fn next_luma(&mut self, matrix: &Matrix, out: &mut [u16]) -> Result<(), Failure> {
        self.read_luma()?;
        matrix.gray(&self.luma, out);
        self.next_row += 1;
        Ok(())
    }

    /// Skips the next row.
    pub(super) fn skip(&mut self) -> Result<(), Failure> {
        self.reach(self.next_row / self.layer.tile_size.1 as usize)?;
        self.next_row += 1;
        Ok(())
    }

    fn read_luma(&mut self) -> Result<(), Failure> {
        let height = self.layer.tile_size.1 as usize;
        self.reach(self.next_row / height)?;
        let mut luma = std::mem::take(&mut self.luma);
        self.copy_row(0, self.next_row, height, &mut luma);
        self.luma = luma;
        Ok(())
    }

    /// Reads chroma for each pixel of the next row. Samples are centred between the pixels that share them, and
    /// neighbouring samples weigh a quarter, as in JPEG, libheif and libavif.
    fn read_chroma(&mut self) -> Result<(), Failure> {
        let chroma = self.coding.chroma;
        let tile_height = chroma.rows(self.layer.tile_size.1 as usize);
        let last = chroma.rows(self.layer.size.1 as usize) - 1;
        let near = if chroma == Chroma::Quarter { self.next_row / 2 } else { self.next_row };
        let far = match chroma {
            Chroma::Quarter if self.next_row.is_multiple_of(2) => near.saturating_sub(1),
            Chroma::Quarter => (near + 1).min(last),
            _ => near,
        };
        self.reach(far.max(near) / tile_height)?;
        let [mut near_row, mut far_row] = std::mem::take(&mut self.neighbours);
        for plane in 1..=2 {
            self.copy_row(plane, near, tile_height, &mut near_row);
            let out = &mut std::mem::take(&mut self.chroma[plane - 1]);
            if far == near {
                far_row.copy_from_slice(&near_row);
            } else {
                self.copy_row(plane, far, tile_height, &mut far_row);
            }
            spread(&near_row, &far_row, chroma, out);
            self.chroma[plane - 1] = std::mem::take(out);
        }
        self.neighbours = [near_row, far_row];
        Ok(())
    }

    /// Copies a row of a plane from the tiles that it crosses, which have `tile_height` rows of the plane.
    fn copy_row(&self, plane: usize, row: usize, tile_height: usize, out: &mut [u16]) {
        let strip = &self.strips[row / tile_height - self.first_strip];
        let width = self.layer.tile_size.0 as usize;
        let width = if plane == 0 { width } else { self.coding.chroma.columns(width) };
        for (frame, out) in strip.iter().zip(out.chunks_mut(width)) {
            frame.copy_row(plane, row % tile_height, out);
        }
    }

    /// Decodes tiles up to this row of tiles.
    fn reach(&mut self, strip: usize) -> Result<(), Failure> {
        while self.first_strip + self.strips.len() <= strip {
            let next = self.first_strip + self.strips.len();
            if self.strips.len() == 2 {
                self.strips.pop_front();
                self.first_strip += 1;
            }
            let frames = decode_strip(self.layer, self.bytes, next)?;
            self.add(frames)?;
        }
        Ok(())
    }

    fn add(&mut self, frames: Vec<Frame>) -> Result<(), Failure> {
        if frames.iter().any(|frame| frame.coding != self.coding) {
            return Err(Failure::Unsupported);
        }
        self.strips.push_back(frames);
        Ok(())
    }
}

/// Computes chroma of each pixel from two rows, of which the nearer weighs three quarters.
fn spread(near: &[u16], far: &[u16], chroma: Chroma, out: &mut [f32]) {
    let mix = |near: u16, far: u16| 0.75 * f32::from(near) + 0.25 * f32::from(far);
    if chroma == Chroma::Full {
        for (out, &sample) in out.iter_mut().zip(near) {
            *out = f32::from(sample);
        }
        return;
    }
    let mut left = mix(near[0], far[0]);
    let mut here = left;
    let next = near.iter().zip(far).skip(1).map(|(&near, &far)| mix(near, far));
    let last = mix(near[near.len() - 1], far[far.len() - 1]);
    for (pair, right) in out.chunks_mut(2).zip(next.chain([last])) {
        pair[0] = 0.75 * here + 0.25 * left;
        if let Some(second) = pair.get_mut(1) {
            *second = 0.75 * here + 0.25 * right;
        }
        (left, here) = (here, right);
    }
}

/// Decodes a row of tiles.
fn decode_strip(layer: &Layer<'_>, bytes: &[Cow<'_, [u8]>], strip: usize) -> Result<Vec<Frame>, Failure> {
    let tiles = &bytes[strip * layer.columns..(strip + 1) * layer.columns];
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS).min(tiles.len());
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Frame)>, Failure> {
        let mut decoded = Vec::new();
        loop {
            let tile = next.fetch_add(1, Ordering::Relaxed);
            let Some(bytes) = tiles.get(tile) else { return Ok(decoded) };
            let frame = decode_tile(layer, bytes).inspect_err(|_| next.store(tiles.len(), Ordering::Relaxed))?;
            decoded.push((tile, frame));
        }
    };
    let mut decoded: Vec<(usize, Frame)> = Vec::with_capacity(tiles.len());
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = vec![work()];
        done.extend(others.into_iter().map(|other| other.join().unwrap_or(Err(Error::Damaged.into()))));
        for part in done {
            decoded.extend(part?);
        }
        Ok::<_, Failure>(())
    })?;
    decoded.sort_unstable_by_key(|&(tile, _)| tile);
    Ok(decoded.into_iter().map(|(_, frame)| frame).collect())
}

/// Decodes a tile, which must have the size that its item states. Encoders round sides up; the surplus is not read.
fn decode_tile(layer: &Layer<'_>, bytes: &[u8]) -> Result<Frame, Failure> {
    let frame = guarded(|| match layer.codec {
        Codec::Hevc => hevc::decode(layer, bytes),
        Codec::Av1 => av1::decode(layer, bytes),
    })
    .unwrap_or(Err(Error::Damaged.into()))?;
    if frame.size.0 < layer.tile_size.0 || frame.size.1 < layer.tile_size.1 {
        return Err(Failure::Unsupported);
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chroma_is_interpolated_between_the_middles_of_pairs() {
        let spread = |near: &[u16], far: &[u16], chroma| {
            let mut out = [0.0; 5];
            spread(near, far, chroma, &mut out);
            out.map(|sample| (sample * 16.0).to_string())
        };
        let sixteenths = |samples: [i32; 5]| samples.map(|sample| (sample * 16).to_string());
        assert_eq!(spread(&[0, 40, 80], &[0, 40, 80], Chroma::Quarter), sixteenths([0, 10, 30, 50, 70]));
        assert_eq!(spread(&[40; 3], &[80; 3], Chroma::Quarter), sixteenths([50; 5]));
        assert_eq!(spread(&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5], Chroma::Full), sixteenths([1, 2, 3, 4, 5]));
    }
}
