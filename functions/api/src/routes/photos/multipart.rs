//! Multipart uploads: their parts, completion and abortion, and single signed requests.

use api_types::{PartUploads, PhotoView, SignedRequest, UploadProgress};
use axum::{Json, extract::State as Shared};
use domain::photo::MAX_PARTS;
use http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::uploads::{self, Call, GivenPart},
    extract::{Body, Id, Query, integer},
    identity::Caller,
    openapi::examples,
    problem::{ApiResult, Problem, ProblemView},
    state::State,
};

/// Largest number of parts that one request signs: their URLs, of about 1,500 characters, have 150 KB together.
const MAX_BATCH: usize = 100;
/// Longest ETag, with quotes. S3's have 34 characters.
const MAX_ETAG: usize = 100;

/// Get the multipart upload of a photo
///
/// Returns the upload and the parts that S3 has, so that an interrupted upload continues with the missing ones.
#[utoipa::path(
    get, path = "/photos/{id}/upload", tag = "photos", operation_id = "get_upload",
    params(("id" = Uuid, Path, description = "Id of the photo")),
    responses(
        (
            status = 200, description = "The upload and its parts so far", body = UploadProgress,
            example = json!({
                "upload": examples::multipart(),
                "uploaded": [
                    { "part_number": 1, "size_bytes": 5_242_880, "etag": "\"0f343b0931126a20f133d67c2b018a3b\"" },
                ],
            }),
        ),
        (status = 409, description = "The photo is uploaded already, or has no open multipart upload", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn upload_progress(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
) -> ApiResult<Json<UploadProgress>> {
    Ok(Json(uploads::progress(&state, &studio, id).await?))
}

/// Selection of parts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Parts {
    /// Numbers of the parts, 1 to 10,000, and ranges of them, at most 100 parts together: `1,2,5-20`.
    #[param(pattern = r"^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$", example = "1,2,5-20")]
    numbers: String,
}

/// Get the URLs of parts
///
/// Returns a request to S3 for each part. The URLs expire after an hour; new ones can be requested as long as the upload
/// is open. S3 answers each request with the part's `ETag`, which the completion names.
#[utoipa::path(
    get, path = "/photos/{id}/upload/parts", tag = "photos", operation_id = "get_part_urls",
    params(("id" = Uuid, Path, description = "Id of the photo"), Parts),
    responses(
        (
            status = 200, description = "The requests", body = PartUploads,
            example = json!({ "parts": [{
                "part_number": 1, "method": "PUT",
                "url": "https://darkroom-photos.s3.eu-central-1.amazonaws.com/originals/anna/01981d3e-8a2b-7c4d-9e5f-0a1b2c3d4e5f?partNumber=1&uploadId=VXBs&X-Amz-Signature=5d1a",
                "headers": {}, "expires_at": "2026-11-17T11:00:00Z",
            }] }),
        ),
        (status = 409, description = "The photo is uploaded already, or has no multipart upload", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn part_urls(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    Query(parts): Query<Parts>,
) -> ApiResult<Json<PartUploads>> {
    let numbers = numbers(&parts.numbers)?;
    Ok(Json(uploads::part_urls(&state, &studio, id, &numbers).await?))
}

/// Parses numbers and ranges of parts.
fn numbers(text: &str) -> Result<Vec<u16>, Problem> {
    let invalid = |detail: String| Problem::invalid("numbers", detail);
    let mut numbers = Vec::new();
    for item in text.split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (Some(first), Some(last)) = (part_number(first), part_number(last)) else {
            return Err(invalid(format!(
                "It must be numbers from 1 to {MAX_PARTS}, or ranges of them, such as 1,2,5-20."
            )));
        };
        if first > last {
            return Err(invalid(format!("The range {item} ends before it begins.")));
        }
        if numbers.len() + usize::from(last - first) >= MAX_BATCH {
            return Err(invalid(format!("One request signs at most {MAX_BATCH} parts.")));
        }
        numbers.extend(first..=last);
    }
    Ok(numbers)
}

fn part_number(text: &str) -> Option<u16> {
    let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    is_part_number(number).then_some(number)
}

fn is_part_number(number: u16) -> bool {
    (1..=MAX_PARTS).contains(&number.into())
}

/// Request body for completing a multipart upload.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteUpload {
    /// Parts of the original, 1 to 10,000, in any order.
    #[schema(min_items = 1, max_items = 10_000)]
    parts: Vec<CompletePart>,
}

/// A part of the original.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompletePart {
    /// Number of the part.
    #[serde(deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 10_000, example = 1)]
    part_number: u16,
    /// `ETag` of S3's answer to the part, with or without quotes.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r#"^("[!#-~]+"|[!#-~]+)$"#,
        example = "\"0f343b0931126a20f133d67c2b018a3b\""
    )]
    etag: String,
}

impl CompleteUpload {
    fn parse(self) -> Result<Vec<GivenPart>, Problem> {
        if self.parts.is_empty() || self.parts.len() as u64 > MAX_PARTS {
            return Err(Problem::invalid("parts", format!("It must have 1 to {MAX_PARTS} parts.")));
        }
        let parts = self.parts.into_iter().enumerate().map(|(n, part)| {
            if !is_part_number(part.part_number) {
                let detail = format!("It must be 1 to {MAX_PARTS}.");
                return Err(Problem::invalid(format!("parts[{n}].part_number"), detail));
            }
            let bare = part.etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).unwrap_or(&part.etag);
            let visible = bare.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
            if bare.is_empty() || part.etag.len() > MAX_ETAG || !visible {
                let detail = format!("It must be an ETag of S3, of at most {MAX_ETAG} characters.");
                return Err(Problem::invalid(format!("parts[{n}].etag"), detail));
            }
            Ok(GivenPart { number: part.part_number, etag: format!("\"{bare}\"") })
        });
        parts.collect()
    }
}

/// Complete the multipart upload of a photo
///
/// S3 makes the original of the listed parts, which starts the processing. If the original has arrived already, for
/// example by a completion whose answer was lost, the response is the photo as well.
#[utoipa::path(
    post, path = "/photos/{id}/upload/complete", tag = "photos", operation_id = "complete_upload",
    params(("id" = Uuid, Path, description = "Id of the photo")),
    request_body(
        content = CompleteUpload,
        example = json!({ "parts": [
            { "part_number": 1, "etag": "\"0f343b0931126a20f133d67c2b018a3b\"" },
            { "part_number": 2, "etag": "\"b3b0f5a2ca1f1f6ffb1c2c8a8a1a3b9d\"" },
        ] }),
    ),
    responses(
        (
            status = 200, description = "The original is stored", body = PhotoView, example = json!(examples::stored()),
        ),
        (status = 409, description = "The photo has no open multipart upload or is being deleted, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
        (status = 422, description = "The parts are not those that S3 has, or have another size than announced: `field` names the first wrong one", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn complete_upload(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    Body(body): Body<CompleteUpload>,
) -> ApiResult<Json<PhotoView>> {
    let photo = uploads::complete(&state, &studio, id, body.parse()?).await?;
    Ok(Json((&photo).into()))
}

/// Abort the multipart upload of a photo
///
/// S3 deletes the parts. The photo still awaits its original: renew the upload, or delete the photo.
#[utoipa::path(
    delete, path = "/photos/{id}/upload", tag = "photos", operation_id = "abort_upload",
    params(("id" = Uuid, Path, description = "Id of the photo")),
    responses(
        (status = 204, description = "The photo has no open multipart upload"),
        (status = 409, description = "The photo is uploaded already", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn abort_upload(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<StatusCode> {
    uploads::abort(&state, &studio, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// HTTP method of a request to S3.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum SignMethod {
    /// List the parts of the upload.
    Get,
    /// Create the upload, or complete it.
    Post,
    /// Upload a part, or the original as a whole.
    Put,
    /// Abort the upload.
    Delete,
}

/// Request to S3 that is to be signed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpload {
    /// Method of the request: `PUT` uploads a part, or without `upload_id` the original as a whole. `POST` creates an
    /// upload, or with `upload_id` completes it. `GET` lists its parts, `DELETE` aborts it.
    method: SignMethod,
    /// Id of the photo's multipart upload.
    #[schema(min_length = 1, example = "VXBsb2FkIElEIGZvciBhIHBob3Rv")]
    upload_id: Option<String>,
    /// With `PUT` and `upload_id`: number of the part.
    #[serde(default, deserialize_with = "integer")]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 10_000, example = 1)]
    part_number: Option<u16>,
}

impl SignUpload {
    fn parse(self) -> Result<Call, Problem> {
        use SignMethod::{Delete, Get, Post, Put};
        let needed = |field: &str, detail: &str| Err(Problem::invalid(field, detail));
        if self.part_number.is_some_and(|number| !is_part_number(number)) {
            return Err(Problem::invalid("part_number", format!("It must be 1 to {MAX_PARTS}.")));
        }
        match (self.method, self.upload_id, self.part_number) {
            (Put, None, None) => Ok(Call::Put),
            (Put, Some(upload_id), Some(number)) => Ok(Call::Part { upload_id, number }),
            (Put, None, Some(_)) => needed("upload_id", "A part needs the id of its upload."),
            (Put, Some(_), None) => needed("part_number", "A part needs its number."),
            (_, _, Some(_)) => needed("part_number", "It is allowed with PUT only."),
            (Post, None, None) => Ok(Call::Create),
            (Post, Some(upload_id), None) => Ok(Call::Complete { upload_id }),
            (Get, Some(upload_id), None) => Ok(Call::List { upload_id }),
            (Get, None, None) => needed("upload_id", "A list of parts needs the id of their upload."),
            (Delete, Some(upload_id), None) => Ok(Call::Abort { upload_id }),
            (Delete, None, None) => needed(
                "method",
                "Originals are deleted with their photo only: DELETE /photos/{id}. With upload_id, DELETE aborts the upload.",
            ),
        }
    }
}

/// Sign a request to S3
///
/// For clients that send all requests of an upload to S3 themselves, such as `signRequest` of Uppy 6. Each signed request
/// is for the photo's original only, and works for an hour.
///
/// The creation of an upload returns a `data:` URL that answers with the upload on record, which is created if there is
/// none: pages with a Content-Security-Policy allow it by `connect-src data:`. A completion stores the original only if
/// the parts together have the announced size and no original has arrived. S3 answers 412 if one has.
#[utoipa::path(
    post, path = "/photos/{id}/upload/sign", tag = "photos", operation_id = "sign_upload",
    params(("id" = Uuid, Path, description = "Id of the photo")),
    request_body(
        content = SignUpload,
        example = json!({ "method": "PUT", "upload_id": "VXBsb2FkIElEIGZvciBhIHBob3Rv", "part_number": 1 }),
    ),
    responses(
        (
            status = 200, description = "The signed request", body = SignedRequest,
            example = json!({
                "url": "https://darkroom-photos.s3.eu-central-1.amazonaws.com/originals/anna/01981d3e-8a2b-7c4d-9e5f-0a1b2c3d4e5f?partNumber=1&uploadId=VXBs&X-Amz-Signature=5d1a",
                "key": "originals/anna/01981d3e-8a2b-7c4d-9e5f-0a1b2c3d4e5f", "headers": {}, "expires_at": "2026-11-17T11:00:00Z",
            }),
        ),
        (status = 409, description = "The photo is uploaded already or has no multipart upload, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn sign_upload(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    Body(body): Body<SignUpload>,
) -> ApiResult<Json<SignedRequest>> {
    Ok(Json(Box::pin(uploads::sign(&state, &studio, id, body.parse()?)).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_name_parts() {
        assert_eq!(numbers("3").ok(), Some(vec![3]));
        assert_eq!(numbers("1,2,5-7,10000").ok(), Some(vec![1, 2, 5, 6, 7, 10_000]));
        assert_eq!(numbers("1-100").ok().map(|numbers| numbers.len()), Some(100));
        for wrong in ["", "0", "10001", "1-101", "1-50,51-101", "2-1", "1,", "+1", "-1", "1-2-3", "a", " 1", "99999999"]
        {
            assert!(numbers(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn only_complete_requests_are_signed() {
        use SignMethod::{Delete, Get, Post, Put};
        let sign = |method, upload_id: Option<&str>, part_number| {
            let refused = |problem: Problem| {
                let problem = serde_json::to_value(problem.view()).expect("JSON");
                problem["field"].as_str().unwrap_or_default().to_owned()
            };
            SignUpload { method, upload_id: upload_id.map(str::to_owned), part_number }.parse().map_err(refused)
        };
        let id = || "u".to_owned();
        assert_eq!(sign(Put, None, None), Ok(Call::Put));
        assert_eq!(sign(Put, Some("u"), Some(7)), Ok(Call::Part { upload_id: id(), number: 7 }));
        assert_eq!(sign(Post, None, None), Ok(Call::Create));
        assert_eq!(sign(Post, Some("u"), None), Ok(Call::Complete { upload_id: id() }));
        assert_eq!(sign(Get, Some("u"), None), Ok(Call::List { upload_id: id() }));
        assert_eq!(sign(Delete, Some("u"), None), Ok(Call::Abort { upload_id: id() }));
        for (method, upload_id, part_number, field) in [
            (Delete, None, None, "method"),
            (Get, None, None, "upload_id"),
            (Put, None, Some(1), "upload_id"),
            (Put, Some("u"), None, "part_number"),
            (Put, Some("u"), Some(0), "part_number"),
            (Put, Some("u"), Some(10_001), "part_number"),
            (Post, Some("u"), Some(1), "part_number"),
        ] {
            assert_eq!(sign(method, upload_id, part_number), Err(field.to_owned()));
        }
    }

    #[test]
    fn etags_are_taken_with_or_without_quotes() {
        let parse = |etag: &str| {
            let part = CompletePart { part_number: 1, etag: etag.to_owned() };
            CompleteUpload { parts: vec![part] }.parse().ok().map(|mut parts| parts.remove(0).etag)
        };
        assert_eq!(parse("\"ab\"").as_deref(), Some("\"ab\""));
        assert_eq!(parse("ab").as_deref(), Some("\"ab\""));
        for wrong in ["", "\"\"", "a b", "a\"b", &"a".repeat(101)] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
        assert!(CompleteUpload { parts: Vec::new() }.parse().is_err());
    }
}
