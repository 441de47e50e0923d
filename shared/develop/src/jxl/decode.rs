//! Pixels decoded by `jxl-oxide`.

use std::io::Read;

use jxl_oxide::{
    AllocTracker, ExtraChannelType, InitializeResult, JxlImage, PixelFormat as Layout, Render,
    color::{ColourEncoding, EnumColourEncoding, RenderingIntent, TransferFunction},
    frame::Encoding,
    image::ExtraChannelInfo,
};

use super::codestream;
use crate::{
    Decoded, Original, PREVIEW_LONG_EDGE, Picture,
    bitmap::PixelFormat,
    catch_panic::guarded,
    colour::{Colour, MAX_PROFILE_BYTES},
    error::Error,
    limits::{Limits, MAX_WORKING_BYTES, MEGAPIXEL},
    reduce::{Depth, Reducer, over_white},
};

/// The bytes that the decoder gets first. They contain the size, which is checked before more follow.
const FIRST_BYTES: usize = 1 << 12;
/// The bytes per later call. The decoder re-reads a frame header that does not fit in one chunk, and keeps a kilobyte
/// per frame.
const CHUNK: usize = 1 << 18;
/// The most frames. Frames of an animation are kept until the end, to check that the file is complete.
const MAX_FRAMES: usize = 1000;
/// The most pixels in all frames of the first picture, layers included. To decode them takes about 40 s.
const MAX_FRAME_PIXELS: u64 = 250 * MEGAPIXEL;

/// Inflates a `brob` box's content, up to `max_bytes`.
pub(crate) fn inflated(bytes: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut reader = brotli_decompressor::Decompressor::new(bytes, FIRST_BYTES).take(max_bytes as u64 + 1);
    reader.read_to_end(&mut out).ok()?;
    (out.len() <= max_bytes).then_some(out)
}

/// Decodes the first frame. The codestream's own orientation replaces EXIF's.
pub(crate) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    guarded(|| decode(original.bytes, original.limits)).unwrap_or(Err(Error::Damaged))
}

fn decode(file: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    let parts = codestream(file);
    let mut codestream = Codestream::new(parts);
    let mut image = start(&mut codestream)?;
    let header = image.image_header();
    let size = (header.size.width, header.size.height);
    limits.check_pixels(size.0, size.1)?;
    let orientation = u8::try_from(header.metadata.orientation).ok();
    let kept = Decoded { orientation, ..Decoded::unsupported(Some(size)) };
    let Some(colour) = colour(&mut image) else { return Ok(kept) };

    let (mut seen, mut frame_pixels, mut largest, mut is_first) = (0, 0_u64, 0, true);
    // Small files may be read completely with the header.
    loop {
        for frame in (seen..image.num_loaded_frames()).filter_map(|index| image.frame(index)) {
            let header = frame.header();
            // A frame may be larger than the picture, which then shows a part of it.
            limits.check_pixels(header.width, header.height)?;
            if is_first {
                let pixels = u64::from(header.width) * u64::from(header.height);
                frame_pixels += pixels;
                largest = largest.max(pixels);
                // A few bytes suffice to overlay any number of patches of any size. Encoders use patches for text.
                if header.flags.patches() {
                    return Ok(kept);
                }
            }
            is_first &= !header.is_keyframe();
        }
        seen = image.num_loaded_frames();
        if frame_pixels > MAX_FRAME_PIXELS {
            return Ok(kept);
        }
        if image.is_loading_done() || image.num_loaded_frames() >= MAX_FRAMES {
            break;
        }
        codestream.fetch(CHUNK)?;
        let consumed = image.feed_bytes(codestream.pending()).map_err(|_| Error::Damaged)?;
        codestream.consume(consumed);
    }
    // The file is stored without pictures rather than rejected, because the same photo in another format would have
    // pictures.
    if working_bytes(&image, largest) > MAX_WORKING_BYTES {
        return Ok(kept);
    }
    let render = image.render_frame(0).map_err(|_| Error::Damaged)?;
    let picture = picture(&image, &render, colour).ok_or(Error::Damaged)?;
    Ok(Decoded { picture: Some(picture), is_upright: true, ..kept })
}

/// Reads to the end of the header. Each attempt begins at the start, so their sizes double.
fn start(codestream: &mut Codestream<'_>) -> Result<JxlImage, Error> {
    let limit = usize::try_from(MAX_WORKING_BYTES + MAX_WORKING_BYTES / 4).unwrap_or(usize::MAX);
    let mut image = JxlImage::builder().alloc_tracker(AllocTracker::with_limit(limit)).build_uninit();
    let mut step = FIRST_BYTES;
    loop {
        codestream.fetch(step)?;
        let consumed = image.feed_bytes(codestream.pending()).map_err(|_| Error::Damaged)?;
        codestream.consume(consumed);
        match image.try_init().map_err(|_| Error::Damaged)? {
            InitializeResult::NeedMoreData(more) => image = more,
            InitializeResult::Initialized(image) => return Ok(image),
        }
        step = step.saturating_mul(2);
    }
}

/// The codestream in the form that the decoder reads: unread bytes of one piece precede the next.
struct Codestream<'a> {
    parts: std::vec::IntoIter<&'a [u8]>,
    part: &'a [u8],
    pending: Vec<u8>,
}

impl<'a> Codestream<'a> {
    fn new(parts: Vec<&'a [u8]>) -> Self {
        Self { parts: parts.into_iter(), part: &[], pending: Vec::new() }
    }

    /// Adds up to `bytes` to the pending bytes.
    fn fetch(&mut self, mut bytes: usize) -> Result<(), Error> {
        let before = self.pending.len();
        while bytes > 0 {
            if self.part.is_empty() {
                let Some(part) = self.parts.next() else { break };
                self.part = part;
            }
            let (taken, rest) = self.part.split_at(bytes.min(self.part.len()));
            self.pending.extend_from_slice(taken);
            self.part = rest;
            bytes -= taken.len();
        }
        if self.pending.len() == before { Err(Error::Truncated) } else { Ok(()) }
    }

    fn pending(&self) -> &[u8] {
        &self.pending
    }

    fn consume(&mut self, bytes: usize) {
        self.pending.drain(..bytes.min(self.pending.len()));
    }
}

/// Returns the bytes of the decoder's planes for a picture, or a larger frame, and of a second set of planes for
/// filters and transforms. In total, 28 bytes per pixel were measured in 8-bit RGB, of which these are 24.
fn working_bytes(image: &JxlImage, largest_frame: u64) -> u64 {
    let metadata = &image.image_header().metadata;
    let is_modular = image.frame_header(0).is_some_and(|frame| frame.encoding == Encoding::Modular);
    let bytes_per_sample = match (is_modular, metadata.modular_16bit_buffers) {
        (true, true) => 4,
        (true, false) => 6,
        (false, _) => 8,
    };
    let samples = 3 + metadata.ec_info.len() as u64;
    let pixels = u64::from(image.width()) * u64::from(image.height());
    pixels.max(largest_frame) * samples * bytes_per_sample
}

/// Returns the colours of the decoded samples, and selects them in the decoder where it has a choice; `None` for inks,
/// and for HDR, where only tone mapping would give an sRGB picture.
fn colour(image: &mut JxlImage) -> Option<Colour> {
    let metadata = &image.image_header().metadata;
    let is_gray = image.pixel_format().is_grayscale();
    let has_black = metadata.ec_info.iter().any(|channel| matches!(channel.ty, ExtraChannelType::Black));
    if has_black || image.pixel_format().has_black() || image.hdr_type().is_some() {
        return None;
    }
    if matches!(&metadata.colour_encoding, ColourEncoding::Enum(encoding) if !is_known(encoding)) {
        return None;
    }
    if metadata.xyb_encoded {
        // For other spaces the decoder would clip colours to sRGB's gamut.
        let intent = RenderingIntent::Relative;
        let srgb = if is_gray { EnumColourEncoding::gray_srgb(intent) } else { EnumColourEncoding::srgb(intent) };
        image.request_color_encoding(srgb);
        return Some(Colour::embedded(None));
    }
    let icc = match &metadata.colour_encoding {
        encoding if encoding.is_srgb() => None,
        ColourEncoding::Enum(_) => Some(image.rendered_icc()),
        ColourEncoding::IccProfile(_) => image.original_icc().map(<[u8]>::to_vec),
    };
    Some(Colour::embedded(icc.filter(|icc| icc.len() <= MAX_PROFILE_BYTES)))
}

fn is_known(encoding: &EnumColourEncoding) -> bool {
    !matches!(encoding.tf, TransferFunction::Unknown | TransferFunction::Pq | TransferFunction::Hlg)
}

fn picture(image: &JxlImage, render: &Render, colour: Colour) -> Option<Picture> {
    let metadata = &image.image_header().metadata;
    let (format, has_alpha) = match image.pixel_format() {
        Layout::Gray => (PixelFormat::Gray, false),
        Layout::Graya => (PixelFormat::Gray, true),
        Layout::Rgb => (PixelFormat::Rgb, false),
        Layout::Rgba => (PixelFormat::Rgb, true),
        Layout::Cmyk | Layout::Cmyka => return None,
    };
    let is_linear = matches!(
        &metadata.colour_encoding,
        ColourEncoding::Enum(EnumColourEncoding { tf: TransferFunction::Linear, .. })
    );
    let depth = if metadata.bit_depth.bits_per_sample() <= 8 && !is_linear { Depth::Eight } else { Depth::Sixteen };
    let is_premultiplied = metadata.ec_info.iter().find_map(ExtraChannelInfo::alpha_associated) == Some(true);
    let mut stream = render.stream();
    let size = (stream.width(), stream.height());
    let (colours, channels) = (format.channels(), format.channels() + usize::from(has_alpha));
    if size != (image.width(), image.height()) || stream.channels() as usize != channels {
        return None;
    }
    let mut reducer = Reducer::new(size, PREVIEW_LONG_EDGE, format, depth);
    let mut row = vec![0_u16; size.0 as usize * channels];
    let mut opaque = Vec::with_capacity(size.0 as usize * colours);
    for _ in 0..size.1 {
        stream.write_to_buffer(&mut row);
        if !has_alpha {
            reducer.push(&row);
            continue;
        }
        opaque.clear();
        for pixel in row.chunks_exact(channels) {
            let alpha = pixel[colours];
            opaque.extend(pixel[..colours].iter().map(|&sample| {
                if is_premultiplied { sample.saturating_add(u16::MAX - alpha) } else { over_white(sample, alpha) }
            }));
        }
        reducer.push(&opaque);
    }
    Some(Picture { size, bitmap: reducer.finish(), colour })
}
