//! Metadata of a photo, in photographers' units.

use serde::{Deserialize, Serialize};

/// Metadata of an original, from its EXIF, XMP and IPTC blocks, in this order of precedence. A missing, blank or
/// impossible field is omitted. Texts contain no control characters and are truncated to the stated length.
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
    /// Time of the shot: EXIF's `DateTimeOriginal`, then `DateTimeDigitized`, then XMP's dates, then IPTC's. The time
    /// of the last change (`DateTime`) is not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<TakenAt>,
    /// Position of the camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gps: Option<Gps>,
    /// Star rating, 0 to 5; -1 means rejected. XMP has precedence over EXIF, because cameras write 0 into EXIF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<i8>,
    /// Title, at most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Description or caption, at most 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Keywords, at most 100 of 64 characters each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
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

impl Exif {
    /// Replaces what editors write by the values of a sidecar. Fields that it lacks stay.
    #[must_use]
    pub fn enriched_by(self, sidecar: Self) -> Self {
        Self {
            rating: sidecar.rating.or(self.rating),
            title: sidecar.title.or(self.title),
            description: sidecar.description.or(self.description),
            keywords: if sidecar.keywords.is_empty() { self.keywords } else { sidecar.keywords },
            copyright: sidecar.copyright.or(self.copyright),
            creator: sidecar.creator.or(self.creator),
            credit: sidecar.credit.or(self.credit),
            ..self
        }
    }
}

/// Time of the camera's clock. EXIF stores local time, and only newer cameras store its offset from UTC. Both are
/// separate, because an assumed offset could be wrong by hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TakenAt {
    /// Local civil time, ISO 8601 without offset, with sub-seconds if the camera wrote them: `2024-06-15T14:30:05.12`.
    pub local: String,
    /// Offset from UTC such as `+02:00`, if the camera wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
}

/// Position in WGS 84.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gps {
    /// Latitude in degrees, north positive, -90 to 90.
    pub latitude: f64,
    /// Longitude in degrees, east positive, -180 to 180.
    pub longitude: f64,
    /// Altitude in metres above sea level, if known; negative below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altitude_m: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sidecar_replaces_only_what_it_has() {
        let text = |text: &str| Some(text.to_owned());
        let own = Exif { make: text("Canon"), title: text("own"), rating: Some(0), ..Exif::default() };
        let sidecar =
            Exif { make: text("Nikon"), rating: Some(5), keywords: vec!["sea".to_owned()], ..Exif::default() };
        let enriched = own.clone().enriched_by(sidecar);
        assert_eq!((enriched.make, enriched.title, enriched.rating), (text("Canon"), text("own"), Some(5)));
        assert_eq!(enriched.keywords, ["sea"]);
        assert_eq!(own.clone().enriched_by(Exif::default()), own);
    }
}
