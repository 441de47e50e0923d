//! `manifest.json`: the archive's own list of its files, by which a reader can check that nothing is missing.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Version of the format. A change of a field's meaning increments it; new fields do not.
const VERSION: u32 = 1;

/// Content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format: 1.
    pub version: u32,
    /// Order number of the shop.
    pub order: String,
    /// Photos, in the archive's order.
    pub photos: Vec<ManifestPhoto>,
}

/// A photo of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPhoto {
    /// Path in the archive.
    pub name: String,
    /// File name that the photographer gave.
    pub original_filename: String,
    /// Id of the photo.
    pub photo_id: Uuid,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the file in the archive, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Media type of the file in the archive.
    pub content_type: String,
    /// Width in pixels, upright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels, upright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Time of the shot in ISO 8601, with the offset if the camera wrote one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<String>,
}

impl Manifest {
    /// Creates the manifest of an order's photos.
    pub fn new(order: impl Into<String>, photos: Vec<ManifestPhoto>) -> Self {
        Self { version: VERSION, order: order.into(), photos }
    }

    /// Serializes the manifest, indented because people read it, and with a final newline. Equal manifests have equal
    /// bytes.
    pub fn to_json(&self) -> serde_json::Result<Bytes> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo() -> ManifestPhoto {
        ManifestPhoto {
            name: "2024-17/Anna.jpg".into(),
            original_filename: "Anna.JPG".into(),
            photo_id: Uuid::from_u128(7),
            size: 3,
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
            content_type: "image/jpeg".into(),
            width: Some(6000),
            height: Some(4000),
            taken_at: Some("2024-06-15T14:30:05+02:00".into()),
        }
    }

    #[test]
    fn manifest_json_has_the_expected_form() {
        let json = Manifest::new("2024/17", vec![photo()]).to_json().expect("JSON");
        let expected = r#"{
  "version": 1,
  "order": "2024/17",
  "photos": [
    {
      "name": "2024-17/Anna.jpg",
      "original_filename": "Anna.JPG",
      "photo_id": "00000000-0000-0000-0000-000000000007",
      "size": 3,
      "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "content_type": "image/jpeg",
      "width": 6000,
      "height": 4000,
      "taken_at": "2024-06-15T14:30:05+02:00"
    }
  ]
}
"#;
        assert_eq!(std::str::from_utf8(&json).expect("UTF-8"), expected);
    }

    #[test]
    fn unknown_fields_are_omitted_and_read_back() {
        let unknown = ManifestPhoto { width: None, height: None, taken_at: None, ..photo() };
        let manifest = Manifest::new("1", vec![photo(), unknown]);
        let json = manifest.to_json().expect("JSON");
        assert!(!json.windows(4).any(|four| four == b"null"));
        assert_eq!(serde_json::from_slice::<Manifest>(&json).expect("a manifest"), manifest);
    }
}
