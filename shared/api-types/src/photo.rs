//! Photos.

use std::collections::BTreeMap;

use domain::{
    RecordError,
    photo::{Derivative, Derivatives, Exif, Photo, PhotoStatus},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::hex;

/// A photo.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Photo)]
pub struct PhotoView {
    /// UUIDv7.
    pub id: Uuid,
    /// Where it stands.
    pub status: PhotoStatus,
    /// The photographer's name for it.
    pub filename: String,
    /// What was declared; once developed, what the bytes are.
    pub content_type: String,
    /// Of the original.
    pub size_bytes: u64,
    /// Of the stored original, with quotes.
    pub etag: Option<String>,
    /// SHA-256 of the original, in hexadecimal digits.
    pub sha256: Option<String>,
    /// CRC-32 of the original, in hexadecimal digits.
    pub crc32: Option<String>,
    /// Pixels, upright.
    pub width: Option<u32>,
    /// Pixels, upright.
    pub height: Option<u32>,
    /// Orientation of the original as EXIF counts, 1 to 8. The preview is upright.
    pub orientation: Option<u8>,
    /// Metadata of the camera and of editors, from EXIF, XMP and IPTC.
    pub exif: Option<Exif>,
    /// A tiny placeholder, base64 (see github.com/evanw/thumbhash).
    pub thumbhash: Option<String>,
    /// The pictures made of it.
    pub derivatives: Option<DerivativesView>,
    /// Which version of the processor developed it.
    pub processor_version: Option<u32>,
    /// Tries so far.
    pub attempts: u32,
    /// Why it failed.
    pub error: Option<RecordError>,
    /// When it was announced.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its original was stored.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub uploaded_at: Option<Timestamp>,
    /// When it became ready or failed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub processed_at: Option<Timestamp>,
}

/// The pictures made of an original, or why there are none.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Derivatives)]
#[serde(untagged)]
pub enum DerivativesView {
    /// Both pictures.
    Made(Pictures),
    /// `unsupported_format`: the original is stored and deliverable, but has no pictures.
    None(NoDerivatives),
}

/// The pictures made of an original: JPEG, upright, tagged sRGB. Of its metadata they carry the copyright notice, the
/// creator and the credit line only.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Pictures {
    /// Long edge 2048 px at most.
    pub preview: DerivativeView,
    /// Long edge 400 px at most.
    pub thumb: DerivativeView,
}

/// Why there are no pictures.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoDerivatives {
    /// The file's coding is not decoded; Photoshop documents and videos never are.
    UnsupportedFormat,
}

/// A picture made of an original, a JPEG.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Derivative)]
pub struct DerivativeView {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Its size.
    pub size_bytes: u64,
    /// CRC-32, in hexadecimal digits.
    pub crc32: String,
    /// Of the stored picture, with quotes.
    pub etag: String,
    /// Where it can be fetched for the next minutes. In answers for one photo only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub url: Option<String>,
}

/// A photo that was announced, and where its bytes go.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PhotoWithUpload {
    /// The photo.
    pub photo: PhotoView,
    /// The upload that is expected.
    pub upload: Upload,
}

/// A request to be made to S3: as it is said here, or S3 refuses it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// `PUT`.
    pub method: String,
    /// Signed.
    pub url: String,
    /// Headers to be sent, with exactly these values.
    pub headers: BTreeMap<String, String>,
    /// When the URL stops working.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl From<&Derivative> for DerivativeView {
    fn from(made: &Derivative) -> Self {
        let Derivative { width, height, size, crc32, sha256: _, etag } = made.clone();
        Self { width, height, size_bytes: size, crc32: hex(crc32), etag, url: None }
    }
}

impl From<&Derivatives> for DerivativesView {
    fn from(derivatives: &Derivatives) -> Self {
        match derivatives {
            Derivatives::Made { preview, thumb } => {
                Self::Made(Pictures { preview: preview.into(), thumb: thumb.into() })
            }
            Derivatives::UnsupportedFormat => Self::None(NoDerivatives::UnsupportedFormat),
        }
    }
}

impl From<&Photo> for PhotoView {
    fn from(photo: &Photo) -> Self {
        let made = photo.development.as_ref();
        Self {
            id: photo.id,
            status: photo.status,
            filename: photo.filename.clone(),
            content_type: made.map_or(&photo.content_type, |made| &made.sniffed_content_type).clone(),
            size_bytes: photo.size,
            etag: photo.etag.clone(),
            sha256: made.map(|made| made.sha256.clone()),
            crc32: made.map(|made| hex(made.crc32)),
            width: made.and_then(|made| made.width),
            height: made.and_then(|made| made.height),
            orientation: made.map(|made| made.orientation),
            exif: made.map(|made| made.exif.clone()),
            thumbhash: made.and_then(|made| made.thumbhash.clone()),
            derivatives: made.map(|made| (&made.derivatives).into()),
            processor_version: made.map(|made| made.processor_version),
            attempts: photo.work.attempts,
            error: photo.error.clone(),
            created_at: photo.created_at,
            uploaded_at: photo.uploaded_at,
            processed_at: photo.processed_at,
        }
    }
}
