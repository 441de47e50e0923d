//! Conversion of coefficients to a picture. Each component is resampled separately, until all have the preview's size.
#![expect(clippy::inline_always, reason = "what is not inlined into `with_avx2` is compiled without AVX2")]

use super::{Component, Frame, LANES, Strip};
use crate::{
    bitmap::{Bitmap, PixelFormat},
    resample::Resampler,
};

/// Pixels whose colours are converted together.
const RUN: usize = 32;

/// The components of a picture during decoding.
pub(super) struct Planes {
    size: (u32, u32),
    components: Vec<Plane>,
    /// The picture, as far as all planes are available.
    samples: Vec<u8>,
}

struct Plane {
    resampler: Resampler,
    /// Samples of a strip's rows.
    rows: Vec<u8>,
    /// The distance between rows in samples.
    stride: usize,
    /// Rows of the component that are still missing.
    left: usize,
}

impl Planes {
    pub(super) fn new(frame: &Frame, size: (u32, u32)) -> Self {
        let planes: Vec<_> = frame.components.iter().map(|component| Plane::new(component, size)).collect();
        let samples = Vec::with_capacity(size.0 as usize * size.1 as usize * planes.len());
        Self { size, components: planes, samples }
    }

    /// Adds a row of units, and clears its coefficients.
    pub(super) fn push(&mut self, frame: &Frame, strip: &mut Strip) {
        for ((component, plane), coefficients) in frame.components.iter().zip(&mut self.components).zip(strip) {
            transform(component, coefficients, &mut plane.rows, plane.stride);
            coefficients.fill(0);
            let rows = (component.blocks.1 * component.side).min(plane.left);
            plane.left -= rows;
            plane.resampler.push(&plane.rows[..rows * plane.stride]);
        }
        let made = self.components.iter().map(|plane| plane.resampler.rows().len()).min().unwrap_or(0);
        match self.components.as_slice() {
            [luma, blue, red] => {
                let [luma, blue, red] = [luma, blue, red].map(|plane| &plane.resampler.rows()[..made]);
                to_rgb(luma, blue, red, &mut self.samples);
            }
            planes => self.samples.extend(planes.iter().flat_map(|gray| gray.resampler.rows())),
        }
        self.components.iter_mut().for_each(|plane| plane.resampler.take(made));
    }

    /// Returns the picture; `None` if rows are missing.
    pub(super) fn finish(self) -> Option<Bitmap> {
        let (width, height) = self.size;
        let format = if self.components.len() == 1 { PixelFormat::Gray } else { PixelFormat::Rgb };
        let is_whole = self.samples.len() == width as usize * height as usize * format.channels();
        is_whole.then_some(Bitmap { width, height, format, samples: self.samples })
    }
}

impl Plane {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sides of a picture, rounded up")]
    fn new(component: &Component, (width, height): (u32, u32)) -> Self {
        let stride = component.groups * LANES * component.side;
        let (across, down) = component.size;
        let from = (across.ceil() as usize, down.ceil() as usize);
        let scale = (across / f64::from(width), down / f64::from(height));
        Self {
            resampler: Resampler::of_plane(stride, from, (width as usize, height as usize), scale),
            rows: vec![0; stride * component.side * component.blocks.1],
            stride,
            left: from.1,
        }
    }
}

/// Transforms the coefficients of a strip into rows of samples, with the widest vectors of this machine.
fn transform(component: &Component, coefficients: &[i16], rows: &mut [u8], stride: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn with_avx2(component: &Component, coefficients: &[i16], rows: &mut [u8], stride: usize) {
            transform_groups(component, coefficients, rows, stride);
        }
        if is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "AVX2 was detected")]
            // SAFETY: the function requires only the feature that was just detected.
            unsafe {
                with_avx2(component, coefficients, rows, stride);
            }
            return;
        }
    }
    transform_groups(component, coefficients, rows, stride);
}

#[inline(always)]
fn transform_groups(component: &Component, coefficients: &[i16], rows: &mut [u8], stride: usize) {
    let groups = coefficients.chunks_exact(component.transform.slots() * LANES);
    let wide = LANES * component.side;
    for (number, group) in groups.enumerate() {
        let (row, column) = (number / component.groups, number % component.groups);
        component.transform.group(group, &mut rows[row * component.side * stride + column * wide..], stride);
    }
}

/// Converts luma and chroma to RGB (ITU-T T.871, clause 7).
fn to_rgb(luma: &[u8], blue: &[u8], red: &[u8], rgb: &mut Vec<u8>) {
    for ((luma, blue), red) in luma.chunks(RUN).zip(blue.chunks(RUN)).zip(red.chunks(RUN)) {
        let mut colours = [[0_u8; RUN]; 3];
        let [reds, greens, blues] = &mut colours;
        for (at, ((luma, cb), cr)) in luma.iter().zip(blue).zip(red).enumerate() {
            let (luma, cb, cr) = (i32::from(*luma) << 16 | 1 << 15, i32::from(*cb) - 128, i32::from(*cr) - 128);
            reds[at] = clamped((luma + 91_881 * cr) >> 16);
            greens[at] = clamped((luma - 22_554 * cb - 46_802 * cr) >> 16);
            blues[at] = clamped((luma + 116_130 * cb) >> 16);
        }
        let mut pixels = [[0; 3]; RUN];
        for (at, pixel) in pixels.iter_mut().enumerate() {
            *pixel = [colours[0][at], colours[1][at], colours[2][at]];
        }
        rgb.extend_from_slice(pixels[..luma.len()].as_flattened());
    }
}

#[expect(clippy::cast_sign_loss, reason = "clamped first")]
fn clamped(light: i32) -> u8 {
    light.clamp(0, 255) as u8
}
