//! What the camera wrote about a photo, in the units a photographer uses.

use serde::{Deserialize, Serialize};

/// Metadata read from an original's EXIF block. A field that the camera did not write, or wrote as nonsense, is left out.
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
    /// When the shutter opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<TakenAt>,
    /// Where the camera was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gps: Option<Gps>,
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
