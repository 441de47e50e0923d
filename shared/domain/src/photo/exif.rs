//! Metadata of a photo, in the units a photographer uses.

use serde::{Deserialize, Serialize};

/// Metadata of an original, from its EXIF, XMP and IPTC blocks in this order of trust. A field that is missing, blank or
/// impossible is left out. Texts have no control characters and are cut to the length stated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Exif {
    /// Camera maker, trimmed: `Canon`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// Camera model, trimmed: `EOS R5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Lens model: `RF24-70mm F2.8 L IS USM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
    /// Sensitivity as an ISO number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iso: Option<u32>,
    /// Aperture as the f-number: 2.8 for f/2.8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f_number: Option<f64>,
    /// Exposure time in seconds: 0.004 for 1/250 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure_seconds: Option<f64>,
    /// Focal length in millimetres, as engraved on the lens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focal_length_mm: Option<f64>,
    /// When the shutter opened: EXIF's `DateTimeOriginal`, then `DateTimeDigitized`, then XMP's dates, then IPTC's. The
    /// time of the last change (`DateTime`) does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<TakenAt>,
    /// Where the camera was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gps: Option<Gps>,
    /// Stars, 0 to 5; -1 is rejected. XMP's before EXIF's, where cameras write 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<i8>,
    /// Title, at most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Description or caption, at most 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Copyright notice, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copyright: Option<String>,
    /// Photographers, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
    /// Credit line, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<String>,
}

/// The camera's clock. EXIF stores local time, and only newer cameras its offset from UTC, so both are kept apart:
/// inventing an offset would move a photo by hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TakenAt {
    /// Local civil time, ISO 8601 without offset, with the camera's sub-seconds where written: `2024-06-15T14:30:05.12`.
    pub local: String,
    /// `+02:00`, where the camera wrote one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
}

/// A position in WGS 84.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gps {
    /// Degrees, north positive, -90 to 90.
    pub latitude: f64,
    /// Degrees, east positive, -180 to 180.
    pub longitude: f64,
    /// Metres above sea level, where written; negative below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altitude_m: Option<f64>,
}
