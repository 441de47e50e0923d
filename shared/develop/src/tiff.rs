//! TIFF (6.0, its supplements, and BigTIFF): one page, row by row.
//!
//! A layout is either decoded as libtiff does or reported as unsupported. The steps are: choose the page ([`page`]),
//! read its [`layout`], decompress rows ([`compression`]), undo the [`predictor`], and convert samples to pixels
//! ([`pixels`]). Memory is limited to the bitmap, a row of each plane, and a band of tiles.

mod ccitt;
mod compression;
mod jpeg;
mod layout;
mod page;
mod pixels;
mod predictor;
mod rows;

use self::{
    layout::{Layout, SampleFormat},
    pixels::Pixels,
    rows::Rows,
};
use super::{
    Decoded, Original, PREVIEW_LONG_EDGE, Picture,
    bitmap::PixelFormat,
    catch_panic::guarded,
    colour::{Assumed, Colour, MAX_PROFILE_BYTES, Space},
    error::{Error, Failure},
    ifd::{Directory, Structure},
    limits::{Limits, check_working_bytes},
    reduce::Reducer,
};

/// The embedded ICC profile.
const ICC_PROFILE: u16 = 34_675;

/// Decodes the file's photo. Truncated files need no separate check: the decoder follows offsets to all pixels.
pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    let decoded = guarded(|| decode(original.bytes, original.limits)).unwrap_or(Err(Error::Damaged))?;
    Ok(decoded.stated(original.metadata.colour))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    let structure = Structure::new(bytes).ok_or(Error::Damaged)?;
    let Some(page) = page::main(&structure)? else { return Ok(Decoded::unsupported(None)) };
    let size = layout::size(&page)?;
    limits.check_pixels(size.0, size.1)?;
    match decode_page(&structure, &page, size) {
        Ok(picture) => Ok(Decoded::of(picture)),
        Err(Failure::Unsupported) => Ok(Decoded::unsupported(Some(size))),
        Err(Failure::Refused(error)) => Err(error),
    }
}

fn decode_page(structure: &Structure<'_>, page: &Directory<'_>, size: (u32, u32)) -> Result<Picture, Failure> {
    let layout = Layout::read(page, size)?;
    check_working_bytes(size.0, size.1, layout.working_bytes())?;
    let mut rows = Rows::new(structure, page, &layout)?;
    let mut pixels = Pixels::new(&layout, page, structure.order())?;
    let mut reducer = Reducer::new(size, PREVIEW_LONG_EDGE, layout.format, layout.depth());
    for _ in 0..size.1 {
        reducer.push(pixels.convert(rows.next()?));
    }
    Ok(Picture { size, bitmap: reducer.finish(), colour: colour(page, &layout) })
}

fn colour(page: &Directory<'_>, layout: &Layout) -> Colour {
    let icc = page.bytes(ICC_PROFILE).filter(|icc| icc.len() <= MAX_PROFILE_BYTES).map(<[u8]>::to_vec);
    let mut colour = Colour::embedded(icc);
    let has_light = matches!(layout.format, PixelFormat::Gray | PixelFormat::Rgb);
    if layout.sample_format == SampleFormat::Float && has_light {
        // Floating point without a profile is linear light, in HDR merges and renderers alike.
        colour.assumed = Assumed::Space(Space::LINEAR);
    }
    colour
}
