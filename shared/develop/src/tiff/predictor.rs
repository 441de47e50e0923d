//! Predictors: differences to the previous pixel (2), and differences between the bytes of floats (3).

use super::layout::{Layout, Predictor};
use crate::ifd::Order;

/// Undoes the predictor of one row of a strip or tile, in place and in the file's byte order. `scratch` is reused
/// between rows.
pub(super) fn undo(layout: &Layout, order: Order, row: &mut [u8], scratch: &mut Vec<u8>) {
    let stride = layout.samples_in_plane();
    match (layout.predictor, layout.bits) {
        (Predictor::None, _) => {}
        (Predictor::Horizontal, 8) => {
            for at in stride..row.len() {
                row[at] = row[at].wrapping_add(row[at - stride]);
            }
        }
        (Predictor::Horizontal, 16) => sums::<2>(row, stride, |a, b| match order {
            Order::Little => u16::from_le_bytes(a).wrapping_add(u16::from_le_bytes(b)).to_le_bytes(),
            Order::Big => u16::from_be_bytes(a).wrapping_add(u16::from_be_bytes(b)).to_be_bytes(),
        }),
        (Predictor::Horizontal, 32) => sums::<4>(row, stride, |a, b| match order {
            Order::Little => u32::from_le_bytes(a).wrapping_add(u32::from_le_bytes(b)).to_le_bytes(),
            Order::Big => u32::from_be_bytes(a).wrapping_add(u32::from_be_bytes(b)).to_be_bytes(),
        }),
        (Predictor::Horizontal, _) => sums::<8>(row, stride, |a, b| match order {
            Order::Little => u64::from_le_bytes(a).wrapping_add(u64::from_le_bytes(b)).to_le_bytes(),
            Order::Big => u64::from_be_bytes(a).wrapping_add(u64::from_be_bytes(b)).to_be_bytes(),
        }),
        (Predictor::FloatingPoint, bits) => floating_point(row, stride, bits as usize / 8, order, scratch),
    }
}

/// Adds to each sample of `N` bytes the sample `stride` samples before it.
fn sums<const N: usize>(row: &mut [u8], stride: usize, add: impl Fn([u8; N], [u8; N]) -> [u8; N]) {
    let samples = row.as_chunks_mut::<N>().0;
    for at in stride..samples.len() {
        samples[at] = add(samples[at], samples[at - stride]);
    }
}

/// Undoes predictor 3 (Adobe Photoshop TIFF technical note 3): a row has its most significant bytes first, then the
/// next ones; all are differences.
fn floating_point(row: &mut [u8], stride: usize, size: usize, order: Order, scratch: &mut Vec<u8>) {
    for at in stride..row.len() {
        row[at] = row[at].wrapping_add(row[at - stride]);
    }
    scratch.clear();
    scratch.extend_from_slice(row);
    let count = row.len() / size;
    for (index, sample) in row.chunks_exact_mut(size).enumerate() {
        for (byte, out) in sample.iter_mut().enumerate() {
            let significance = if order == Order::Big { byte } else { size - 1 - byte };
            *out = scratch[significance * count + index];
        }
    }
}
