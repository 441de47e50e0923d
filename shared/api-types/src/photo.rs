//! Photos.

use std::collections::BTreeMap;

use domain::{
    RecordError,
    photo::{Derivative, Derivatives, Exif, MAX_ORIGINAL_BYTES, Photo, PhotoStatus},
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
    /// Folder in which the photographer has the file, such as `wedding/church`.
    pub folder: Option<String>,
    /// Id of an older photo with the same original, found when this photo was processed. It may have been deleted since.
    pub duplicate_of: Option<Uuid>,
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
    /// Reason why there are none. The original is stored and can be delivered.
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
    /// The original is larger than 256 MiB. Its hashes and media type are known, and it can be delivered.
    TooLarge,
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

/// A photo and the way to upload its original.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PhotoWithUpload {
    /// The photo.
    pub photo: PhotoView,
    /// Upload of the original; `null` if the original has arrived.
    pub upload: Option<Upload>,
}

/// Created photos, in the order of the request.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PhotosWithUploads {
    /// The photos, with the uploads of their originals.
    pub items: Vec<PhotoWithUpload>,
}

/// How the original is uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadWay {
    /// By one PUT.
    #[default]
    Put,
    /// In parts, which can be repeated one by one: for large files and bad lines.
    Multipart,
}

/// Upload of an original: by one PUT, or in parts. Only the latter has an `upload_id`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Upload {
    /// One PUT.
    Put(PutUpload),
    /// A multipart upload.
    Multipart(MultipartUpload),
}

/// A request to S3. S3 rejects it unless it is sent exactly as described, with a body of the announced size. S3 answers
/// 412 if the original has arrived already, for example by a request whose answer was lost.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PutUpload {
    /// HTTP method, `PUT`.
    pub method: String,
    /// Presigned URL.
    pub url: String,
    /// Headers to send, with exactly these values. `Content-Length` is signed too, and not listed here: HTTP clients
    /// set it, and pages cannot.
    pub headers: BTreeMap<String, String>,
    /// Time at which the URL expires.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A multipart upload in S3. Its parts are sent by the URLs of `GET /photos/{id}/upload/parts`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MultipartUpload {
    /// S3's id of the upload.
    pub upload_id: String,
    /// Key of the original in the bucket.
    pub key: String,
    /// Recommended size of each part but the last, which has the rest. Other sizes of at least 5 MiB work as well, if
    /// all parts together have the announced size.
    #[schema(minimum = 5_242_880)]
    pub part_size_bytes: u64,
    /// Number of parts of this size.
    #[schema(minimum = 1, maximum = 10_000)]
    pub parts: u64,
    /// Time at which the upload expires: S3 then deletes its parts. Renewing the upload begins a new one.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A multipart upload, and the parts that S3 has.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UploadProgress {
    /// The upload.
    pub upload: MultipartUpload,
    /// Parts that S3 has stored, by number. The others are to be sent.
    pub uploaded: Vec<UploadedPart>,
}

/// A part that S3 has stored.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UploadedPart {
    /// Number of the part.
    #[schema(minimum = 1, maximum = 10_000)]
    pub part_number: u16,
    /// Size of the part in bytes.
    pub size_bytes: u64,
    /// ETag of the part, with quotes.
    pub etag: String,
}

/// Requests that upload parts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PartUploads {
    /// One request for each requested part, in the requested order.
    pub parts: Vec<PartUpload>,
}

/// A request to S3 that uploads one part. S3 answers it with the part's `ETag`. It may be repeated: the last part with
/// a number counts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PartUpload {
    /// Number of the part.
    #[schema(minimum = 1, maximum = 10_000)]
    pub part_number: u16,
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

/// A signed request to S3, in the form that Uppy's `signRequest` returns.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedRequest {
    /// Presigned URL. For the creation of an upload a `data:` URL with S3's answer: the upload has been created.
    pub url: String,
    /// Key of the original in the bucket.
    pub key: String,
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

impl DerivativesView {
    /// Returns the view of an original of this size. Records do not tell the reasons apart, because a build before this
    /// one could not read another.
    fn of(derivatives: &Derivatives, original_bytes: u64) -> Self {
        match derivatives {
            Derivatives::Made { preview, thumb } => {
                Self::Made(Pictures { preview: preview.into(), thumb: thumb.into() })
            }
            Derivatives::UnsupportedFormat if original_bytes > MAX_ORIGINAL_BYTES => {
                Self::None(NoDerivatives::TooLarge)
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
            folder: photo.folder.clone(),
            duplicate_of: photo.duplicate_of,
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
            derivatives: made.map(|made| DerivativesView::of(&made.derivatives, photo.size)),
            processor_version: made.map(|made| made.processor_version),
            attempts: photo.work.attempts,
            error: photo.error.clone(),
            created_at: photo.created_at,
            uploaded_at: photo.uploaded_at,
            processed_at: photo.processed_at,
        }
    }
}
