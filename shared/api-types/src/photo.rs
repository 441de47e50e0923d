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
    /// Id of the photo, a UUIDv7.
    pub id: Uuid,
    /// State of the photo.
    pub status: PhotoStatus,
    /// File name that the photographer gave.
    pub filename: String,
    /// Declared media type; after processing, the media type detected from the file's content.
    pub content_type: String,
    /// Size of the original in bytes.
    pub size_bytes: u64,
    /// ETag of the stored original, with quotes.
    pub etag: Option<String>,
    /// SHA-256 of the original in 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// CRC-32 of the original in 8 hexadecimal digits.
    pub crc32: Option<String>,
    /// Width in pixels, upright.
    pub width: Option<u32>,
    /// Height in pixels, upright.
    pub height: Option<u32>,
    /// EXIF orientation of the original, 1 to 8. The preview is upright.
    pub orientation: Option<u8>,
    /// Metadata written by the camera and by editors, from EXIF, XMP and IPTC.
    pub exif: Option<Exif>,
    /// ThumbHash placeholder, base64 (see github.com/evanw/thumbhash).
    pub thumbhash: Option<String>,
    /// Preview and thumbnail of the photo.
    pub derivatives: Option<DerivativesView>,
    /// Version of the processor that processed the photo.
    pub processor_version: Option<u32>,
    /// Number of attempts so far.
    pub attempts: u32,
    /// Reason of the failure.
    pub error: Option<RecordError>,
    /// Time at which the photo was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time at which the original was stored.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub uploaded_at: Option<Timestamp>,
    /// Time at which the photo became ready or failed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub processed_at: Option<Timestamp>,
}

/// Pictures made from an original, or the reason why there are none.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Derivatives)]
#[serde(untagged)]
pub enum DerivativesView {
    /// Preview and thumbnail.
    Made(Pictures),
    /// `unsupported_format`: the original is stored and can be delivered, but has no pictures.
    None(NoDerivatives),
}

/// Pictures made from an original: JPEG, upright, tagged sRGB. Of the original's metadata they contain only the
/// copyright notice, the creator and the credit line.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Pictures {
    /// Preview; its long edge has at most 2048 px.
    pub preview: DerivativeView,
    /// Thumbnail; its long edge has at most 400 px.
    pub thumb: DerivativeView,
}

/// Reason why there are no pictures.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoDerivatives {
    /// The processor cannot decode the file. Photoshop documents and videos are never decoded.
    UnsupportedFormat,
}

/// A JPEG made from an original.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Derivative)]
pub struct DerivativeView {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Size in bytes.
    pub size_bytes: u64,
    /// CRC-32 in 8 hexadecimal digits.
    pub crc32: String,
    /// ETag of the stored picture, with quotes.
    pub etag: String,
    /// Presigned URL of the picture, valid for some minutes. Present in the response for a single photo only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub url: Option<String>,
}

/// A created photo and the request that uploads its original.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PhotoWithUpload {
    /// The photo.
    pub photo: PhotoView,
    /// Request that uploads the original.
    pub upload: Upload,
}

/// A request to S3. S3 rejects it unless it is sent exactly as described.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// HTTP method, `PUT`.
    pub method: String,
    /// Presigned URL.
    pub url: String,
    /// Headers to send, with exactly these values.
    pub headers: BTreeMap<String, String>,
    /// Time at which the URL expires.
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
