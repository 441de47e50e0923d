//! Example bodies of the OpenAPI document: one photo on its way.

use serde_json::{Value, json};

const ID: &str = "01981d3e-8a2b-7c4d-9e5f-0a1b2c3d4e5f";

/// Returns a processed photo, as lists contain it.
pub fn photo() -> Value {
    json!({
        "id": ID, "status": "ready", "filename": "IMG_0001.jpg", "folder": "wedding/church", "duplicate_of": null,
        "content_type": "image/jpeg", "size_bytes": 24_117_248, "etag": "\"5d41402abc4b2a76b9719d911017c592\"",
        "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "crc32": "8c736521",
        "width": 8192, "height": 5464, "orientation": 1,
        "exif": {
            "make": "Canon", "model": "EOS R5", "lens": "RF50mm F1.2 L USM", "iso": 400, "f_number": 2.8,
            "exposure_seconds": 0.004, "focal_length_mm": 50.0,
            "taken_at": { "local": "2026-06-13T15:04:05", "offset": "+02:00" },
            "gps": { "latitude": 48.1372, "longitude": 11.5756, "altitude_m": 519.0 },
            "rating": 5, "title": "Vows", "keywords": ["church", "vows"], "copyright": "© 2026 Anna Maier",
        },
        "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
        "derivatives": {
            "preview": {
                "width": 2048, "height": 1366, "size_bytes": 412_733, "crc32": "1f0c3d57",
                "etag": "\"7d793037a0760186574b0282f2f435e7\"",
            },
            "thumb": {
                "width": 400, "height": 267, "size_bytes": 21_480, "crc32": "a30e54b2",
                "etag": "\"9b74c9897bac770ffc029102a200c5de\"",
            },
        },
        "processor_version": 3, "attempts": 1, "error": null, "created_at": "2026-07-18T09:12:44.587Z",
        "uploaded_at": "2026-07-18T09:13:02.114Z", "processed_at": "2026-07-18T09:13:04.902Z",
    })
}

/// Returns the photo with the URLs of its pictures.
pub fn photo_with_urls() -> Value {
    let mut photo = photo();
    for picture in ["preview", "thumb"] {
        photo["derivatives"][picture]["url"] = json!(format!(
            "https://darkroom-photos.s3.eu-central-1.amazonaws.com/derivatives/anna/{ID}/3/{picture}.jpg?X-Amz-Signature=5d1a"
        ));
    }
    photo
}

/// Returns the photo before its upload.
pub fn announced() -> Value {
    let mut photo = photo();
    let now_unknown = [
        "etag",
        "sha256",
        "crc32",
        "width",
        "height",
        "orientation",
        "exif",
        "thumbhash",
        "derivatives",
        "processor_version",
        "uploaded_at",
        "processed_at",
    ];
    for field in now_unknown {
        photo[field] = Value::Null;
    }
    photo["status"] = json!("awaiting_upload");
    photo["attempts"] = json!(0);
    photo
}

/// Returns the photo while its job is on the queue. It keeps what an earlier run of the processor found.
pub fn sent_again() -> Value {
    let mut photo = photo();
    photo["status"] = json!("pending");
    photo["attempts"] = json!(0);
    photo
}

/// Returns the photo when its original has just been stored.
pub fn stored() -> Value {
    let mut photo = announced();
    photo["etag"] = json!("\"0f343b0931126a20f133d67c2b018a3b-27\"");
    photo
}

/// Returns the photo with the request that uploads its original.
pub fn photo_with_put() -> Value {
    json!({ "photo": announced(), "upload": {
        "method": "PUT",
        "url": format!("https://darkroom-photos.s3.eu-central-1.amazonaws.com/originals/anna/{ID}?X-Amz-Signature=5d1a"),
        "headers": { "content-type": "image/jpeg", "if-none-match": "*" },
        "expires_at": "2026-07-18T10:12:44Z",
    } })
}

/// Returns two photos with the requests that upload their originals.
pub fn photos_with_puts() -> Value {
    let (first, mut second) = (photo_with_put(), photo_with_put());
    let id = "01981d3e-8a2b-7c4d-9e5f-0a1b2c3d4e60";
    second["photo"]["id"] = json!(id);
    second["photo"]["filename"] = json!("IMG_0002.jpg");
    second["photo"]["size_bytes"] = json!(23_998_101);
    second["upload"]["url"] = json!(format!(
        "https://darkroom-photos.s3.eu-central-1.amazonaws.com/originals/anna/{id}?X-Amz-Signature=8c0f"
    ));
    json!({ "items": [first, second] })
}

/// Returns the photo with its multipart upload.
pub fn photo_with_multipart() -> Value {
    json!({ "photo": announced(), "upload": multipart() })
}

/// Returns a multipart upload.
pub fn multipart() -> Value {
    json!({
        "upload_id": "VXBsb2FkIElEIGZvciBhIHBob3Rv", "key": format!("originals/anna/{ID}"),
        "part_size_bytes": 5_242_880, "parts": 5, "expires_at": "2026-07-25T09:12:44Z",
    })
}

/// Returns a started operation that processes the failed photos again.
pub fn operation_started() -> Value {
    json!({ "operation": {
        "id": "01981d40-15f3-7d21-8c0a-5b6c7d8e9f00", "kind": "regenerate", "queue": "photos", "status": "pending",
        "selection": { "which": "failed" }, "done": 0, "error": null, "created_at": "2026-07-18T09:14:26Z",
        "ended_at": null,
    } })
}

/// Returns the settings of a studio, as a request replaces them.
pub fn studio_settings() -> Value {
    json!({
        "name": "Foto Anna", "reply_to": "studio@example.com", "contact": "Main Square 1, Linz\n+43 732 123456",
        "accent_color": "#b3421b", "message": "Thank you for that wonderful day!",
        "footer": "Foto Anna, owner Anna Maier, ATU12345678", "locale": "de-AT", "time_zone": "Europe/Vienna",
        "renewal": "studio",
    })
}

/// Returns the profile of a studio.
pub fn studio() -> Value {
    let mut studio = studio_settings();
    studio["studio"] = json!("anna");
    studio["logo"] = json!({
        "url": "https://photos.example.com/logos/anna/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.png",
        "width": 640, "height": 160,
    });
    studio["logo_pending"] = json!(false);
    studio["logo_error"] = Value::Null;
    studio["updated_at"] = json!("2026-07-18T09:12:44Z");
    studio
}

/// Returns limits, as a request replaces them.
pub fn new_limits() -> Value {
    json!({
        "emails_a_day": 500, "bytes": 1_000_000_000_000_u64, "archives_a_day": 100, "concurrent_operations": null,
    })
}

/// Returns the limits of a studio.
pub fn limits() -> Value {
    let mut limits = new_limits();
    limits["studio"] = json!("anna");
    limits["used"] = json!({ "emails": 12, "archives": 3, "bytes": 40_961_112_001_u64 });
    limits
}

/// Returns the request that uploads a logo.
pub fn logo_upload() -> Value {
    json!({ "upload": {
        "method": "PUT",
        "url": format!("https://darkroom-photos.s3.eu-central-1.amazonaws.com/logos/anna/{ID}?X-Amz-Signature=5d1a"),
        "headers": { "content-type": "image/png", "if-none-match": "*" },
        "expires_at": "2026-07-18T10:12:44Z",
    } })
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use api_types::{
        LimitsView, LogoUpload, OperationStarted, PhotoView, PhotoWithUpload, PhotosWithUploads, StudioView,
    };
    use serde::{Serialize, de::DeserializeOwned};

    use super::*;

    #[track_caller]
    fn assert_is_whole<T: DeserializeOwned + Serialize + Debug>(example: &Value) {
        let view: T = serde_json::from_value(example.clone()).expect("the example is a body of the API");
        assert_eq!(&serde_json::to_value(view).expect("JSON"), example);
    }

    #[test]
    fn examples_are_bodies_of_the_api() {
        for example in [photo(), photo_with_urls(), announced(), sent_again(), stored()] {
            assert_is_whole::<PhotoView>(&example);
        }
        assert_is_whole::<PhotoWithUpload>(&photo_with_put());
        assert_is_whole::<PhotoWithUpload>(&photo_with_multipart());
        assert_is_whole::<PhotosWithUploads>(&photos_with_puts());
        assert_is_whole::<OperationStarted>(&operation_started());
        assert_is_whole::<StudioView>(&studio());
        assert_is_whole::<LogoUpload>(&logo_upload());
        assert_is_whole::<LimitsView>(&limits());
    }
}
