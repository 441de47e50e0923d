//! The parts of the primary item: coded tiles, a canvas, and the visible view of it.

use std::{borrow::Cow, collections::BTreeSet};

use super::{
    items::{Items, Kind},
    transform::{Aperture, Transform, View},
};
use crate::{
    bmff::Fields,
    error::{Error, Failure},
};

/// The most items between the primary one and coded ones: a derived picture of a derived picture.
const MAX_DEPTH: usize = 4;
/// The most tiles of one picture: 250 megapixels in tiles of 256 x 256 pixels are 3,815.
pub(super) const MAX_TILES: usize = 4096;
/// Properties that are read, or change no pixel. An item with another essential property is not decoded.
const KNOWN_PROPERTIES: [&Kind; 22] = [
    b"ispe", b"pixi", b"colr", b"clap", b"irot", b"imir", b"auxC", b"hvcC", b"av1C", b"pasp", b"clli", b"mdcv",
    b"cclv", b"amve", b"a1lx", b"rloc", b"udes", b"altt", b"crtt", b"mdft", b"subs", b"free",
];
/// Names of alpha (`auxC`): MPEG's common name, and HEVC's older one.
const ALPHA: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];

/// The coding of tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Hevc,
    Av1,
}

/// Colour code points (ITU-T H.273) of the file or of a bitstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CodePoints {
    pub(super) primaries: u8,
    pub(super) transfer: u8,
    pub(super) matrix: u8,
    pub(super) full_range: bool,
}

impl CodePoints {
    /// The code point "unspecified", the same for all three.
    pub(super) const UNSPECIFIED: u8 = 2;
}

/// A coded picture, or a grid of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer<'a> {
    pub(super) codec: Codec,
    /// The decoder's configuration of the first tile: `hvcC` or `av1C`.
    pub(super) configuration: &'a [u8],
    /// Items, from left to right and from top to bottom.
    pub(super) tiles: Vec<u32>,
    pub(super) columns: usize,
    pub(super) tile_size: (u32, u32),
    pub(super) size: (u32, u32),
}

/// Memory that a bitstream needs, according to the decoder's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announced {
    /// The most bits of a sample.
    pub(super) depth: u8,
    /// Samples of all planes for four pixels.
    pub(super) samples: u64,
}

/// The primary picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan<'a> {
    /// The layer; `None` for an unsupported coding.
    pub(super) layer: Option<Layer<'a>>,
    pub(super) view: View,
    pub(super) alpha: Option<Alpha<'a>>,
    pub(super) icc: Option<&'a [u8]>,
    pub(super) code_points: Option<CodePoints>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Alpha<'a> {
    pub(super) layer: Layer<'a>,
    /// Whether colours are already multiplied by alpha.
    pub(super) is_premultiplied: bool,
}

/// The properties of an item.
#[derive(Default)]
struct Properties<'a> {
    size: Option<(u32, u32)>,
    transforms: Vec<Transform>,
    icc: Option<&'a [u8]>,
    code_points: Option<CodePoints>,
    hevc: Option<&'a [u8]>,
    av1: Option<&'a [u8]>,
    /// Whether the item has an essential property that is not supported, or selects one of several pictures in the
    /// bitstream.
    is_unknown: bool,
}

impl<'a> Properties<'a> {
    fn read(items: &Items<'a>, id: u32) -> Self {
        let mut all = Self::default();
        for property in items.properties(id) {
            let body = property.body;
            match &property.kind {
                b"ispe" => all.size = all.size.or_else(|| size(body)),
                b"irot" => all.transforms.extend(body.first().map(|&turns| Transform::Rotate(turns & 3))),
                b"imir" => all.transforms.extend(body.first().map(|&axis| Transform::Mirror(axis & 1))),
                b"clap" => all.transforms.extend(Aperture::read(body).map(Transform::Crop)),
                b"colr" => all.add_colour(body),
                b"hvcC" => all.hevc = all.hevc.or(Some(body)),
                b"av1C" => all.av1 = all.av1.or(Some(body)),
                // All layers: the decoder returns the best.
                b"lsel" => all.is_unknown |= body.first_chunk() != Some(&[0xFF; 2]),
                b"a1op" => all.is_unknown |= body.first() != Some(&0),
                kind => all.is_unknown |= property.is_essential && !KNOWN_PROPERTIES.contains(&kind),
            }
        }
        all
    }

    fn add_colour(&mut self, body: &'a [u8]) {
        let mut fields = Fields(body);
        match fields.take(4) {
            Some(b"prof" | b"rICC") => self.icc = self.icc.or(Some(fields.0)),
            Some(b"nclx") => {
                let mut read = || {
                    let [primaries, transfer, matrix] = [fields.u16()?, fields.u16()?, fields.u16()?]
                        .map(|code| u8::try_from(code).unwrap_or(CodePoints::UNSPECIFIED));
                    Some(CodePoints { primaries, transfer, matrix, full_range: fields.u8()? & 0x80 != 0 })
                };
                self.code_points = self.code_points.or_else(&mut read);
            }
            _ => {}
        }
    }
}

/// Reads width and height of an `ispe` box.
fn size(body: &[u8]) -> Option<(u32, u32)> {
    let mut fields = Fields(body);
    fields.version()?;
    Some((fields.u32()?, fields.u32()?)).filter(|&(width, height)| width > 0 && height > 0)
}

impl<'a> Plan<'a> {
    /// Describes the primary picture; `None` if the file does not state its size.
    pub(super) fn read(items: &Items<'a>) -> Result<Option<Self>, Error> {
        let primary = items.primary.filter(|&id| items.kind(id).is_some());
        let Some(primary) = primary else { return Ok(Self::guessed(items)) };
        let mut properties = Properties::read(items, primary);
        let (layer, stated) = match Layer::read(items, primary, &properties) {
            Ok((layer, inherited)) => {
                properties.inherit(inherited);
                let size = layer.size;
                (Some(layer), Some(size))
            }
            Err(Failure::Unsupported) => (None, properties.size),
            Err(Failure::Refused(error)) => return Err(error),
        };
        let Some(size) = stated else { return Ok(None) };
        let view = properties.transforms.iter().copied().try_fold(View::new(size), View::then)?;
        let mut plan = Self { layer, view, alpha: None, icc: properties.icc, code_points: properties.code_points };
        if plan.layer.is_some() && plan.add_alpha(items, primary).is_err() {
            plan.layer = None;
        }
        Ok(Some(plan))
    }

    /// Describes a file without a primary item: the largest size and the first rotation.
    fn guessed(items: &Items<'a>) -> Option<Self> {
        let sizes = items.all_properties().filter(|property| &property.kind == b"ispe");
        let size = sizes
            .filter_map(|property| size(property.body))
            .max_by_key(|&(width, height)| u64::from(width) * u64::from(height))?;
        let rotation = items.all_properties().find(|property| &property.kind == b"irot");
        let rotation = Transform::Rotate(rotation.and_then(|property| property.body.first().copied()).unwrap_or(0));
        let view = View::new(size).then(rotation).ok()?;
        Some(Self { layer: None, view, alpha: None, icc: None, code_points: None })
    }

    fn add_alpha(&mut self, items: &Items<'a>, primary: u32) -> Result<(), Failure> {
        let Some(layer) = &self.layer else { return Ok(()) };
        let alpha_of = |id: u32| items.referring(id, b"auxl").find(|&auxiliary| is_alpha(items, auxiliary));
        let Some(id) = alpha_of(primary) else {
            // Each tile may have an alpha of its own.
            let of_tile = layer.tiles.first().filter(|&&tile| tile != primary).and_then(|&tile| alpha_of(tile));
            return of_tile.map_or(Ok(()), |_| Err(Failure::Unsupported));
        };
        let (alpha, _) = Layer::read(items, id, &Properties::read(items, id))?;
        if alpha.size != layer.size {
            return Err(Failure::Unsupported);
        }
        let is_premultiplied = items.referred(primary, b"prem").any(|to| to == id);
        self.alpha = Some(Alpha { layer: alpha, is_premultiplied });
        Ok(())
    }
}

fn is_alpha(items: &Items<'_>, id: u32) -> bool {
    items.properties(id).filter(|property| &property.kind == b"auxC").any(|property| {
        let name = property.body.get(4..).unwrap_or_default();
        // The string is not searched for its end: it may be as long as the file, and any number of items may share it.
        let is =
            |alpha: &&[u8]| name.strip_prefix(*alpha).is_some_and(|after| after.first().is_none_or(|&byte| byte == 0));
        ALPHA.iter().any(is)
    })
}

impl Properties<'_> {
    /// Adds the properties that a derived picture inherits from its sources, whose transforms come first.
    fn inherit(&mut self, sources: Self) {
        self.transforms.splice(0..0, sources.transforms);
        if self.icc.is_none() && self.code_points.is_none() {
            self.icc = sources.icc;
        }
        self.code_points = self.code_points.or(sources.code_points);
    }
}

impl<'a> Layer<'a> {
    /// Describes an item, with the properties that it inherits from its sources.
    fn read(items: &Items<'a>, id: u32, properties: &Properties<'a>) -> Result<(Self, Properties<'a>), Failure> {
        Self::read_at(items, id, properties, 0)
    }

    fn read_at(
        items: &Items<'a>,
        id: u32,
        properties: &Properties<'a>,
        depth: usize,
    ) -> Result<(Self, Properties<'a>), Failure> {
        if properties.is_unknown || depth >= MAX_DEPTH {
            return Err(Failure::Unsupported);
        }
        match &items.kind(id).ok_or(Error::Damaged)? {
            b"iden" => {
                let source = items.referred(id, b"dimg").next().ok_or(Error::Damaged)?;
                let mut own = Properties::read(items, source);
                let (layer, inherited) = Self::read_at(items, source, &own, depth + 1)?;
                own.inherit(inherited);
                Ok((layer, own))
            }
            b"grid" => Self::grid(items, id),
            kind => Ok((Self::coded(*kind, id, properties)?, Properties::default())),
        }
    }

    fn coded(kind: Kind, id: u32, properties: &Properties<'a>) -> Result<Self, Failure> {
        let (codec, configuration) = match &kind {
            b"hvc1" | b"hev1" => (Codec::Hevc, properties.hevc),
            b"av01" => (Codec::Av1, properties.av1),
            _ => return Err(Failure::Unsupported),
        };
        let size = properties.size.ok_or(Failure::Unsupported)?;
        let configuration = configuration.ok_or(Error::Damaged)?;
        Ok(Self { codec, configuration, tiles: vec![id], columns: 1, tile_size: size, size })
    }

    fn grid(items: &Items<'a>, id: u32) -> Result<(Self, Properties<'a>), Failure> {
        // The description has eight bytes, or twelve.
        let description = items.bytes(id, &mut 64)?;
        let (rows, columns, size) = grid_description(&description).ok_or(Error::Damaged)?;
        let tiles: Vec<u32> = items.referred(id, b"dimg").take(rows * columns).collect();
        if tiles.len() < rows * columns {
            return Err(Error::Damaged.into());
        }
        if tiles.len() > MAX_TILES {
            return Err(Failure::Unsupported);
        }
        let mut first: Option<(Self, Properties<'a>)> = None;
        for &tile in &tiles.iter().copied().collect::<BTreeSet<_>>() {
            let properties = Properties::read(items, tile);
            if properties.is_unknown || !properties.transforms.is_empty() {
                return Err(Failure::Unsupported);
            }
            let coded = Self::coded(items.kind(tile).ok_or(Error::Damaged)?, tile, &properties)?;
            match &first {
                None => first = Some((coded, properties)),
                Some((first, _)) if (first.codec, first.tile_size) == (coded.codec, coded.tile_size) => {}
                Some(_) => return Err(Failure::Unsupported),
            }
        }
        let (first, properties) = first.ok_or(Error::Damaged)?;
        let covers = |tile: u32, count: usize, side: u32| {
            let covered = u64::from(tile) * count as u64;
            covered >= u64::from(side) && covered - u64::from(tile) < u64::from(side)
        };
        if !covers(first.tile_size.0, columns, size.0) || !covers(first.tile_size.1, rows, size.1) {
            return Err(Error::Damaged.into());
        }
        // From tiles only colours are inherited.
        let inherited =
            Properties { icc: properties.icc, code_points: properties.code_points, ..Properties::default() };
        Ok((Self { tiles, columns, size, ..first }, inherited))
    }

    pub(super) fn rows(&self) -> usize {
        self.tiles.len() / self.columns
    }

    /// Returns what the decoder's configuration announces for the first tile. Bitstreams that exceed it are not
    /// decoded.
    pub(super) fn announced(&self) -> Option<Announced> {
        let samples = |chroma: u8| [4, 6, 8, 12][usize::from(chroma & 3)];
        Some(match self.codec {
            Codec::Hevc => Announced {
                depth: (self.configuration.get(17)? & 7) + 8,
                samples: samples(*self.configuration.get(16)?),
            },
            Codec::Av1 => {
                let flags = *self.configuration.get(2)?;
                let chroma = match flags >> 2 & 7 {
                    4.. => 0,
                    3 => 1,
                    2 => 2,
                    _ => 3,
                };
                Announced { depth: if flags & 0x40 == 0 { 8 } else { 12 }, samples: samples(chroma) }
            }
        })
    }

    /// Returns the most bytes that decoding needs: two rows of tiles, and the decoders' own memory for two tiles.
    pub(super) fn working_bytes(&self) -> u64 {
        let samples = self.announced().map_or(12, |announced| announced.samples);
        let pixels = u64::from(self.tile_size.0) * u64::from(self.tile_size.1);
        let tile = pixels * samples / 4 * 2;
        let held = (2.min(self.rows()) * self.columns) as u64;
        // Decoders hold a copy of the planes for filters or for cropping, and tables of blocks.
        let decoding = 2.min(self.columns as u64) * (tile + 2 * pixels);
        held.saturating_mul(tile).saturating_add(decoding)
    }
}

/// Reads rows, columns and size of an `ImageGrid` (ISO/IEC 23008-12, 6.6.2.3).
fn grid_description(description: &[u8]) -> Option<(usize, usize, (u32, u32))> {
    let mut fields = Fields(description);
    fields.skip(1);
    let side = if fields.u8()? & 1 == 0 { 2 } else { 4 };
    let (rows, columns) = (usize::from(fields.u8()?) + 1, usize::from(fields.u8()?) + 1);
    let mut side = || u32::try_from(fields.unsigned(side)?).ok().filter(|&side| side > 0);
    Some((rows, columns, (side()?, side()?)))
}

/// Returns the bytes of each tile, in the order of the grid. Fails if repeated tiles have more bytes than the file.
pub(super) fn tile_bytes<'a>(items: &Items<'a>, layer: &Layer<'a>) -> Result<Vec<Cow<'a, [u8]>>, Failure> {
    let most = items.file_len();
    let (mut budget, mut left) = (most, most);
    layer
        .tiles
        .iter()
        .map(|&tile| {
            let bytes = items.bytes(tile, &mut budget)?;
            left = left.checked_sub(bytes.len()).ok_or(Error::Damaged)?;
            Ok(bytes)
        })
        .collect()
}
