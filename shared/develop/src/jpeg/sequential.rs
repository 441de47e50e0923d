//! Decodes sequential JPEG of one scan, grayscale or YCbCr, which is what cameras and phones write.
//!
//! One thread reads the entropy-coded data, a strip of units at a time. Another transforms the strips, and resamples
//! each component from its own size to the preview's. Chroma is neither enlarged first nor decoded finer than the
//! preview stores it, and memory holds a few strips, whatever the size of the file.
//!
//! Files that differ from the standard in any way are left to libjpeg, which distinguishes damage from oddities.

mod huffman;
mod idct;
mod planes;

use std::{sync::mpsc, thread};

use self::{
    huffman::{Bits, Lookup},
    idct::{LANES, Transform},
    planes::Planes,
};
use super::{entropy::Stop, header::Header};
use crate::bitmap::Bitmap;

/// The most strips that wait for the other thread.
const WAITING: usize = 2;
/// Side of a block.
const BLOCK: u32 = 8;

/// A complete picture.
pub(super) struct Scanned {
    pub(super) bitmap: Bitmap,
    /// Whether no data is left over before the picture's end.
    pub(super) is_exact: bool,
}

/// A picture during decoding.
struct Frame {
    /// Units (MCUs) per row, and rows of units.
    across: usize,
    down: usize,
    components: Vec<Component>,
}

/// One component.
struct Component {
    /// Blocks per unit, across and down.
    blocks: (usize, usize),
    /// Samples per side of a transformed block.
    side: usize,
    /// Samples of the whole transformed component.
    size: (f64, f64),
    /// Groups of blocks per row.
    groups: usize,
    transform: Transform,
    tables: (Lookup, Lookup),
}

/// The coefficients of a row of units, by component; blocks are in groups of [`LANES`].
type Strip = Vec<Vec<i16>>;

/// Decodes to at most this size, with luma at `eighths` of the original's size; `None` for files that libjpeg must
/// decode.
pub(super) fn decode(original: &[u8], header: &Header<'_>, eighths: u8, size: (u32, u32)) -> Option<Scanned> {
    let frame = Frame::new(header, usize::from(eighths), size)?;
    let scan = header.scan.as_ref()?;
    let frame = &frame;
    thread::scope(|scope| {
        let (full, strips) = mpsc::sync_channel(WAITING);
        let (used, free) = mpsc::channel();
        let mut planes = Planes::new(frame, size);
        let planes = scope.spawn(move || {
            for mut strip in strips {
                planes.push(frame, &mut strip);
                // The reader may have ended.
                let _ = used.send(strip);
            }
            planes
        });
        let read = frame.read(Bits::new(original, scan.from), scan.restart_interval, || free.try_recv().ok(), &full);
        drop(full);
        let planes = planes.join().ok()?;
        let is_exact = read.ok()?;
        Some(Scanned { bitmap: planes.finish()?, is_exact })
    })
}

impl Frame {
    fn new(header: &Header<'_>, luma_side: usize, preview: (u32, u32)) -> Option<Self> {
        let scan = header.scan.as_ref().filter(|_| header.scans == 1 && header.process <= 1)?;
        let is_known = header.sampling.len() == 1 || header.sampling.len() == 3 && header.is_luma_and_chroma;
        let in_order = scan.components.iter().enumerate().all(|(number, component)| component.index == number);
        if !is_known || !in_order || scan.components.len() != header.sampling.len() {
            return None;
        }
        let is_gray = header.sampling.len() == 1;
        let most = if is_gray { (1, 1) } else { header.max_sampling() };
        let across = header.width.div_ceil(BLOCK * most.0) as usize;
        let down = header.height.div_ceil(BLOCK * most.1) as usize;
        let mut components = Vec::new();
        for (number, scanned) in scan.components.iter().enumerate() {
            let (h, v) = header.sampling[number];
            let (h, v) = if is_gray { (1, 1) } else { (u32::from(h), u32::from(v)) };
            if h == 0 || v == 0 || most.0 % h != 0 || most.1 % v != 0 || number == 0 && (h, v) != most {
                return None;
            }
            let whole = (
                f64::from(header.width) * f64::from(h) / f64::from(most.0) / 8.0,
                f64::from(header.height) * f64::from(v) / f64::from(most.1) / 8.0,
            );
            let shrinks = preview.0 < header.width || preview.1 < header.height;
            let side = match number {
                0 => luma_side,
                _ if shrinks => chroma_side(whole, preview),
                _ => 8,
            };
            let quantiser = (*header.quantisers.get(usize::from(header.quantiser_ids[number]))?)?;
            let blocks = (h as usize, v as usize);
            #[expect(clippy::cast_precision_loss, reason = "at most 8")]
            let scaled = (whole.0 * side as f64, whole.1 * side as f64);
            components.push(Component {
                blocks,
                side,
                size: scaled,
                groups: (across * blocks.0).div_ceil(LANES),
                transform: Transform::new(side, &quantiser),
                tables: (
                    Lookup::new(header.tables.dc(scanned.dc)?, true)?,
                    Lookup::new(header.tables.ac(scanned.ac)?, false)?,
                ),
            });
        }
        Some(Self { across, down, components })
    }

    /// Reads the whole scan, strip by strip.
    fn read(
        &self,
        mut bits: Bits<'_>,
        restart_interval: u32,
        free: impl Fn() -> Option<Strip>,
        full: &mpsc::SyncSender<Strip>,
    ) -> Result<bool, Stop> {
        let places: Vec<_> = self.components.iter().map(|component| component.transform.places()).collect();
        let mut predicted = vec![0_i16; self.components.len()];
        let (mut since_restart, mut restarts) = (0, 0_u8);
        for _ in 0..self.down {
            let mut strip = free().unwrap_or_else(|| self.components.iter().map(Component::strip).collect());
            for unit in 0..self.across {
                if restart_interval > 0 && since_restart == restart_interval {
                    bits.restart(restarts)?;
                    restarts = (restarts + 1) % 8;
                    since_restart = 0;
                    predicted.fill(0);
                }
                since_restart += 1;
                let parts = self.components.iter().zip(&places).zip(&mut predicted).zip(&mut strip);
                for (((component, places), predicted), coefficients) in parts {
                    let tables = (&component.tables.0, &component.tables.1);
                    for row in 0..component.blocks.1 {
                        for column in 0..component.blocks.0 {
                            let at = component.offset(row, unit * component.blocks.0 + column);
                            bits.block(tables, predicted, places, &mut coefficients[at..])?;
                        }
                    }
                }
            }
            // The other thread ends before this one only after a panic.
            full.send(strip).map_err(|_| Stop)?;
        }
        bits.is_at_end()
    }
}

impl Component {
    /// Returns a buffer for the coefficients of one row of units.
    fn strip(&self) -> Vec<i16> {
        vec![0; self.blocks.1 * self.groups * self.transform.slots() * LANES]
    }

    /// Returns the offset of a block's first coefficient in a strip.
    fn offset(&self, row: usize, block: usize) -> usize {
        (row * self.groups + block / LANES) * self.transform.slots() * LANES + block % LANES
    }
}

/// Returns the samples per side of a chroma block. The preview stores chroma at half its size, so finer samples would
/// be lost.
fn chroma_side(blocks: (f64, f64), size: (u32, u32)) -> usize {
    let enough = |side: f64| blocks.0 * side >= f64::from(size.0) / 2.0 && blocks.1 * side >= f64::from(size.1) / 2.0;
    [(1, 1.0), (2, 2.0), (4, 4.0)].into_iter().find(|(_, side)| enough(*side)).map_or(8, |(side, _)| side)
}
