//! Pixels in memory, between decoding and encoding.

/// The meaning of a pixel's samples, which are interleaved and of full range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PixelFormat {
    /// Black 0 to white.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Cyan, magenta, yellow, black: the maximum is full ink, as in ICC profiles and TIFF; Adobe's JPEG is inverted.
    Cmyk,
    /// CIE L*a*b* under D50, 16 bits: the maximum of L is 100; a and b are 32,768 at neutral and have 256 steps per
    /// unit.
    Lab,
}

impl PixelFormat {
    /// Returns the number of samples per pixel.
    pub(super) fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb | Self::Lab => 3,
            Self::Cmyk => 4,
        }
    }
}

/// A bitmap without padding: `samples.len() == width * height * format.channels()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bitmap<S = u8> {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: PixelFormat,
    pub(super) samples: Vec<S>,
}

/// A decoded original. Files of more than 8 bits per sample keep 16 until their colours are converted: a linear or wide
/// profile would turn 8 bits into visible steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DecodedBitmap {
    Eight(Bitmap<u8>),
    Sixteen(Bitmap<u16>),
}
