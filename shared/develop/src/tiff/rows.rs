//! The decompressed rows of a page, from its strips or tiles.

use super::{
    Failure,
    compression::ChunkReader,
    layout::{Chunks, Compression, Layout},
    predictor,
};
use crate::error::Error;
use crate::ifd::{Directory, Order, Structure, Values};

const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTE_COUNTS: u16 = 279;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;
const JPEG_TABLES: u16 = 347;

/// The most compressed bytes of all strips or tiles, in multiples of the file's size; a chunk counts each time that the
/// page refers to it. Writers share blank tiles at most. This limits the time of pages whose strips overlap and yield
/// almost nothing.
const MAX_FILE_SIZES: usize = 2;
/// The compressed bytes of all strips or tiles that every page may have, for small files whose tiles are all equal.
const MIN_COMPRESSED_BYTES: usize = 16 << 20;

/// Rows of all planes, from the top.
pub(super) struct Rows<'a> {
    layout: &'a Layout,
    order: Order,
    file: &'a [u8],
    offsets: Values<'a>,
    counts: Option<Values<'a>>,
    tables: Option<&'a [u8]>,
    /// The rest of the limit by [`MAX_FILE_SIZES`] and [`MIN_COMPRESSED_BYTES`].
    compressed_bytes_left: usize,
    /// The next row.
    y: u32,
    /// The current strip of each plane.
    readers: Vec<ChunkReader<'a>>,
    /// The current row of each plane.
    planes: Vec<Vec<u8>>,
    /// The current row of tiles of each plane, as rows of the page.
    bands: Vec<Vec<u8>>,
    scratch: Vec<u8>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(structure: &Structure<'a>, page: &Directory<'a>, layout: &'a Layout) -> Result<Self, Failure> {
        let tiled = matches!(layout.chunks, Chunks::Tiles { .. });
        // Some writers store tiles' offsets in the field for strips, which libtiff reads too.
        let (offsets, counts) = if tiled && page.values(TILE_OFFSETS).is_some() {
            (TILE_OFFSETS, TILE_BYTE_COUNTS)
        } else {
            (STRIP_OFFSETS, STRIP_BYTE_COUNTS)
        };
        let (band_width, band_rows) = match layout.chunks {
            Chunks::Tiles { width, height } => (width.saturating_mul(layout.width.div_ceil(width)), height),
            Chunks::Strips { .. } => (layout.width, 0),
        };
        let row_bytes = layout.row_bytes(band_width);
        let planes = layout.planes();
        Ok(Self {
            layout,
            order: structure.order(),
            file: structure.bytes(),
            offsets: page.values(offsets).ok_or(Error::Truncated)?,
            counts: page.values(counts),
            tables: page.bytes(JPEG_TABLES),
            compressed_bytes_left: (MAX_FILE_SIZES * structure.bytes().len()).max(MIN_COMPRESSED_BYTES),
            y: 0,
            readers: Vec::new(),
            planes: vec![vec![0; row_bytes]; planes],
            bands: vec![vec![0; row_bytes * band_rows as usize]; if tiled { planes } else { 0 }],
            scratch: Vec::new(),
        })
    }

    /// Returns the next row of each plane.
    pub(super) fn next(&mut self) -> Result<&[Vec<u8>], Failure> {
        match self.layout.chunks {
            Chunks::Strips { rows } => self.next_of_strips(rows)?,
            Chunks::Tiles { width, height } => self.next_of_tiles(width, height)?,
        }
        self.y += 1;
        Ok(&self.planes)
    }

    fn next_of_strips(&mut self, rows: u32) -> Result<(), Failure> {
        if self.y.is_multiple_of(rows) {
            let left = rows.min(self.layout.height - self.y);
            let in_plane = self.layout.height.div_ceil(rows) as usize;
            self.readers.clear();
            for plane in 0..self.planes.len() {
                let index = self.layout.plane_in_file(plane) * in_plane + (self.y / rows) as usize;
                let bytes = self.planes[plane].len() * left as usize;
                let data = self.chunk(index, bytes)?;
                let size = (self.layout.width, left);
                self.readers.push(ChunkReader::new(self.layout, data, self.tables, size)?);
            }
        }
        for (reader, row) in self.readers.iter_mut().zip(&mut self.planes) {
            reader.read(row)?;
            predictor::undo(self.layout, self.order, row, &mut self.scratch);
        }
        Ok(())
    }

    fn next_of_tiles(&mut self, width: u32, height: u32) -> Result<(), Failure> {
        let in_band = self.y % height;
        if in_band == 0 {
            self.read_band(width, height)?;
        }
        for (plane, band) in self.planes.iter_mut().zip(&self.bands) {
            let length = plane.len();
            plane.copy_from_slice(&band[in_band as usize * length..][..length]);
        }
        Ok(())
    }

    /// Decompresses a row of tiles. Tiles at the edges are complete; rows below the page are left out.
    fn read_band(&mut self, width: u32, height: u32) -> Result<(), Failure> {
        let across = self.layout.width.div_ceil(width) as usize;
        let down = self.layout.height.div_ceil(height) as usize;
        let rows = height.min(self.layout.height - self.y) as usize;
        let tile_bytes = self.layout.row_bytes(width);
        for plane in 0..self.bands.len() {
            for column in 0..across {
                let index = (self.layout.plane_in_file(plane) * down + (self.y / height) as usize) * across + column;
                let data = self.chunk(index, tile_bytes * height as usize)?;
                // The JPEG of an edge tile has all rows.
                let mut reader = ChunkReader::new(self.layout, data, self.tables, (width, height))?;
                let stride = self.planes[plane].len();
                for row in 0..rows {
                    let row = &mut self.bands[plane][row * stride + column * tile_bytes..][..tile_bytes];
                    reader.read(row)?;
                    predictor::undo(self.layout, self.order, row, &mut self.scratch);
                }
            }
        }
        Ok(())
    }

    /// Returns the bytes between a strip or tile and the next one, if that follows it.
    fn up_to_next(&self, index: usize, start: usize) -> Option<usize> {
        let next = usize::try_from(self.offsets.uint(index + 1)?).ok()?;
        next.checked_sub(start).filter(|&bytes| bytes > 0)
    }

    /// Returns the compressed bytes of a strip or tile with `uncompressed` bytes of content. A strip that ends beyond
    /// the file is cut: decompression shows whether all rows exist.
    fn chunk(&mut self, index: usize, uncompressed: usize) -> Result<&'a [u8], Failure> {
        let offset = self.offsets.uint(index).ok_or(Error::Truncated)?;
        let start = usize::try_from(offset).map_err(|_| Error::Truncated)?;
        let rest = self.file.get(start..).filter(|rest| !rest.is_empty()).ok_or(Error::Truncated)?;
        let count = self.counts.and_then(|counts| counts.uint(index)).and_then(|count| usize::try_from(count).ok());
        // Byte counts of uncompressed files with one strip are often wrong, and libtiff ignores them.
        let without = self.layout.compression == Compression::None && self.offsets.len() == 1;
        let count = match count {
            Some(count) if !without => count,
            _ if self.layout.compression == Compression::None => uncompressed,
            _ => self.up_to_next(index, start).unwrap_or(rest.len()),
        };
        if count == 0 {
            // An empty tile of a sparse file (GDAL).
            return Err(Failure::Unsupported);
        }
        let data = &rest[..count.min(rest.len())];
        if self.layout.compression == Compression::None {
            return Ok(&data[..uncompressed.min(data.len())]);
        }
        // Each JPEG begins with the tables.
        let bytes = data.len() + self.tables.map_or(0, <[u8]>::len);
        self.compressed_bytes_left = self.compressed_bytes_left.checked_sub(bytes).ok_or(Error::Damaged)?;
        Ok(data)
    }
}
