//! HEIF and AVIF (ISO/IEC 23008-12): the primary picture, coded as HEVC or AV1, whole or in tiles.
//!
//! Each step is a module: [`items`] reads the tables of the container, [`plan`] finds the parts of the primary item,
//! [`transform`] composes its crop, rotation and mirroring, [`rows`] decodes tiles, and [`matrix`] converts their
//! samples to RGB. A file that uses other features is stored without pictures. Memory is limited to the bitmap and two
//! rows of tiles.

#[cfg(feature = "avif")]
mod av1;
mod frame;
#[cfg(feature = "heic")]
mod hevc;
mod items;
mod matrix;
mod plan;
mod rows;
mod transform;

/// Stub for a decoder that is not built in.
#[cfg(not(all(feature = "avif", feature = "heic")))]
mod left_out {
    use super::{frame::Frame, plan::Layer};
    use crate::error::Failure;

    pub(super) fn decode(_: &Layer<'_>, _: &[u8]) -> Result<Frame, Failure> {
        Err(Failure::Unsupported)
    }
}

pub(super) use self::items::Items;
#[cfg(not(feature = "avif"))]
use self::left_out as av1;
#[cfg(not(feature = "heic"))]
use self::left_out as hevc;
use self::{
    frame::{Chroma, Coding},
    matrix::Matrix,
    plan::{Alpha, CodePoints, Codec, Layer, Plan},
    rows::Rows,
};
use super::{
    Decoded, Original, PREVIEW_LONG_EDGE, Picture,
    bitmap::PixelFormat,
    catch_panic::guarded,
    colour::{Assumed, Colour, MAX_PROFILE_BYTES, SRGB_PRIMARIES, Space, Transfer, coded_primaries},
    error::{Error, Failure},
    limits::{Limits, check_working_bytes},
    reduce::{Depth, Reducer, over_white},
    truncation,
};

/// Decodes the primary picture, if a decoder for its coding is built in.
pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    truncation::base_media(original.bytes)?;
    guarded(|| decode(original)).unwrap_or(Err(Error::Damaged))
}

fn decode(original: &Original<'_>) -> Result<Decoded, Error> {
    let items = Items::read(original.bytes);
    let plan = items.as_ref().map(Plan::read).transpose()?.flatten();
    // HEIF rotates a picture by its own properties, and requires readers to ignore EXIF's orientation.
    let (Some(items), Some(plan)) = (items, plan) else {
        return Ok(Decoded { orientation: Some(1), ..Decoded::default() });
    };
    let picture = match &plan.layer {
        Some(layer) if is_built_in(layer.codec) => match decode_picture(&items, &plan, layer, original.limits) {
            Ok(picture) => Some(picture),
            Err(Failure::Unsupported) => None,
            Err(Failure::Refused(error)) => return Err(error),
        },
        _ => None,
    };
    Ok(Decoded { size: Some(plan.view.size), orientation: Some(plan.view.orientation), picture, ..Decoded::default() })
}

fn is_built_in(codec: Codec) -> bool {
    match codec {
        Codec::Hevc => cfg!(feature = "heic"),
        Codec::Av1 => cfg!(feature = "avif"),
    }
}

fn decode_picture(items: &Items<'_>, plan: &Plan<'_>, layer: &Layer<'_>, limits: &Limits) -> Result<Picture, Failure> {
    for layer in [Some(layer), plan.alpha.as_ref().map(|alpha| &alpha.layer)].into_iter().flatten() {
        limits.check_pixels(layer.size.0, layer.size.1)?;
        limits.check_pixels(layer.tile_size.0, layer.tile_size.1)?;
    }
    check_memory(plan, layer)?;
    let bytes = plan::tile_bytes(items, layer)?;
    let alpha_bytes = plan.alpha.as_ref().map(|alpha| plan::tile_bytes(items, &alpha.layer)).transpose()?;
    let mut rows = Rows::new(layer, &bytes)?;
    let alpha = plan.alpha.as_ref().zip(alpha_bytes.as_deref());
    let mut alpha = alpha.map(|(alpha, bytes)| AlphaRows::new(alpha, bytes)).transpose()?;

    let coding = rows.coding();
    let code_points = code_points(plan, coding);
    let matrix = Matrix::new(coding, code_points).ok_or(Failure::Unsupported)?;
    let colour = colour(plan, code_points).ok_or(Failure::Unsupported)?;
    let format = if coding.chroma == Chroma::None { PixelFormat::Gray } else { PixelFormat::Rgb };
    let depth = if coding.depth == [8; 2] { Depth::Eight } else { Depth::Sixteen };

    let view = plan.view;
    let mut reducer = Reducer::new(view.size, PREVIEW_LONG_EDGE, format, depth);
    let channels = format.channels();
    let mut row = vec![0; layer.size.0 as usize * channels];
    let shown = view.start.0 as usize * channels..(view.start.0 + view.size.0) as usize * channels;
    for y in 0..view.start.1 + view.size.1 {
        if y < view.start.1 {
            rows.skip()?;
            alpha.as_mut().map_or(Ok(()), |alpha| alpha.rows.skip())?;
            continue;
        }
        rows.next(&matrix, &mut row)?;
        if let Some(alpha) = &mut alpha {
            alpha.lay_over_white(&mut row, channels)?;
        }
        reducer.push(&row[shown.clone()]);
    }
    Ok(Picture { size: view.size, bitmap: reducer.finish(), colour })
}

/// Returns an error for a picture that would need too much memory, by the decoders' configuration.
fn check_memory(plan: &Plan<'_>, layer: &Layer<'_>) -> Result<(), Error> {
    let depth = layer.announced().ok_or(Error::Damaged)?.depth;
    let depth = if depth == 8 { Depth::Eight } else { Depth::Sixteen };
    let bitmap = Reducer::bitmap_bytes(plan.view.size, PREVIEW_LONG_EDGE, PixelFormat::Rgb, depth);
    let alpha = plan.alpha.as_ref().map_or(0, |alpha| alpha.layer.working_bytes());
    let bytes = bitmap.saturating_add(layer.working_bytes()).saturating_add(alpha);
    check_working_bytes(layer.size.0, layer.size.1, bytes)
}

/// The alpha plane beside the rows of a picture.
struct AlphaRows<'a> {
    rows: Rows<'a>,
    matrix: Matrix,
    is_premultiplied: bool,
    row: Vec<u16>,
}

impl<'a> AlphaRows<'a> {
    fn new(alpha: &'a Alpha<'a>, bytes: &'a [std::borrow::Cow<'a, [u8]>]) -> Result<Self, Failure> {
        let rows = Rows::new(&alpha.layer, bytes)?;
        let coding = Coding { chroma: Chroma::None, ..rows.coding() };
        // For HEVC bitstreams without a stated range, libheif shows alpha as coded.
        let full_range = coding.code_points.full_range || alpha.layer.codec == Codec::Hevc;
        let code_points = CodePoints { full_range, ..coding.code_points };
        let matrix = Matrix::new(coding, code_points).ok_or(Failure::Unsupported)?;
        let row = vec![0; alpha.layer.size.0 as usize];
        Ok(Self { rows, matrix, is_premultiplied: alpha.is_premultiplied, row })
    }

    fn lay_over_white(&mut self, row: &mut [u16], channels: usize) -> Result<(), Failure> {
        self.rows.next_luma(&self.matrix, &mut self.row)?;
        for (pixel, &alpha) in row.chunks_exact_mut(channels).zip(&self.row) {
            for sample in pixel {
                *sample = if self.is_premultiplied {
                    sample.saturating_add(u16::MAX - alpha)
                } else {
                    over_white(*sample, alpha)
                };
            }
        }
        Ok(())
    }
}

/// Returns the file's code points, or the bitstream's if the file states none.
fn code_points(plan: &Plan<'_>, coding: Coding) -> CodePoints {
    let coded = coding.code_points;
    let Some(stated) = plan.code_points else { return coded };
    let either = |stated: u8, coded: u8| if stated == CodePoints::UNSPECIFIED { coded } else { stated };
    CodePoints {
        primaries: either(stated.primaries, coded.primaries),
        transfer: either(stated.transfer, coded.transfer),
        matrix: either(stated.matrix, coded.matrix),
        full_range: stated.full_range,
    }
}

/// Returns the profile, or the space of the code points; `None` for HDR, where only tone mapping would give an sRGB
/// picture.
fn colour(plan: &Plan<'_>, code_points: CodePoints) -> Option<Colour> {
    if let Some(icc) = plan.icc.filter(|icc| icc.len() <= MAX_PROFILE_BYTES) {
        return Some(Colour::embedded(Some(icc.to_vec())));
    }
    let transfer = match code_points.transfer {
        4 => Transfer::Gamma(2.2),
        5 => Transfer::Gamma(2.8),
        8 => Transfer::Gamma(1.0),
        // Perceptual quantizer and hybrid log-gamma.
        16 | 18 => return None,
        // Decoders and browsers do not apply video's own functions (BT.709 and the like) to samples.
        _ => Transfer::Srgb,
    };
    let primaries = coded_primaries(code_points.primaries).unwrap_or(SRGB_PRIMARIES);
    let assumed = if (primaries, transfer) == (SRGB_PRIMARIES, Transfer::Srgb) {
        Assumed::Srgb
    } else {
        Assumed::Space(Space { primaries, transfer })
    };
    Some(Colour { icc: None, assumed })
}
