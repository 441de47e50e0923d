//! Pixels in memory, between decoding and encoding.

/// What the samples of a pixel mean. 8 bits each, interleaved, full range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Black 0 to white 255.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Cyan, magenta, yellow, black: 255 is full ink, as ICC has it and Adobe's JPEG has not.
    Cmyk,
}

impl Ink {
    /// Samples, and bytes, a pixel.
    pub(super) fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// A picture without padding: `samples.len() == width * height * ink.channels()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) ink: Ink,
    pub(super) samples: Vec<u8>,
}
