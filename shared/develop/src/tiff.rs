//! TIFF (6.0, its supplements, and BigTIFF): one page, row by row.
//!
//! A layout is either decoded as libtiff does or reported as unsupported. The steps are: choose the page
//! ([`page`]), read its [`layout`], decompress rows ([`compression`]), undo the [`predictor`], and turn samples into
//! pixels ([`pixels`]). Memory is bounded by the bitmap, a row of each plane, and a band of tiles.

mod ccitt;
mod compression;
mod directory;
mod jpeg;
mod layout;
mod page;
mod pixels;
mod predictor;
mod rows;

pub(super) use self::directory::{Directory, Structure};
use self::{
    layout::{Layout, SampleFormat},
    pixels::Pixels,
    rows::Rows,
};
use super::{
    Negative,
    bitmap::PixelFormat,
    bounds::{Limits, check_working_bytes},
    colour::{Assumed, Colour, MAX_PROFILE_BYTES, Space},
    raster::Outcome,
    reduce::Reducer,
    refusal::Refusal,
};

/// Why a page is not decoded.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// A layout or coding that is not known here.
    Unsupported,
    Refused(Refusal),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The embedded ICC profile.
const ICC_PROFILE: u16 = 34_675;

/// Decodes the file's photo.
pub(super) fn decode(bytes: &[u8], limits: &Limits, long_edge: u32) -> Result<Outcome, Refusal> {
    let structure = Structure::new(bytes).ok_or(Refusal::Damaged)?;
    let Some(page) = page::main(&structure)? else { return Ok(Outcome::Unsupported { size: None }) };
    let size = layout::size(&page)?;
    limits.check_pixels(size.0, size.1)?;
    match decode_page(&structure, &page, size, long_edge) {
        Ok(negative) => Ok(Outcome::Decoded { size, negative }),
        Err(Failure::Unsupported) => Ok(Outcome::Unsupported { size: Some(size) }),
        Err(Failure::Refused(refusal)) => Err(refusal),
    }
}

fn decode_page(
    structure: &Structure<'_>,
    page: &Directory<'_>,
    size: (u32, u32),
    long_edge: u32,
) -> Result<Negative, Failure> {
    let layout = Layout::read(page, size)?;
    check_working_bytes(size.0, size.1, layout.working_bytes())?;
    let mut rows = Rows::new(structure, page, &layout)?;
    let mut pixels = Pixels::new(&layout, page, structure.order())?;
    let mut reducer = Reducer::new(size, long_edge, layout.format, layout.depth());
    for _ in 0..size.1 {
        reducer.push(pixels.convert(rows.next()?));
    }
    Ok(Negative { size, bitmap: reducer.finish(), colour: colour(page, &layout) })
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
