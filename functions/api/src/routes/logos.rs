//! Logos of studios: upload, removal, and the picture that customers see.

use api_types::LogoUpload;
use axum::{
    Json,
    extract::{Path, State as Shared, rejection::PathRejection},
    response::{IntoResponse as _, Response},
};
use domain::studio_profile::MAX_LOGO_BYTES;
use http::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use runtime::objects::UploadTerms;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::studio,
    extract::{Body, integer},
    idempotency::IdempotentRequest,
    identity::Caller,
    openapi::examples,
    problem::{ApiResult, Problem, ProblemView},
    state::State,
};

/// Another logo has another URL, so that this one can be kept for a year.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Request body of a new logo.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLogo {
    /// Media type of the file.
    content_type: LogoType,
    /// Size of the file in bytes, at most 2 MiB. S3 accepts exactly this size.
    #[serde(deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 2_097_152, example = 48_211)]
    size_bytes: u64,
}

/// Media types of logos.
#[derive(Clone, Copy, Deserialize, ToSchema)]
pub enum LogoType {
    /// PNG, whose transparency is kept.
    #[serde(rename = "image/png")]
    Png,
    /// JPEG.
    #[serde(rename = "image/jpeg")]
    Jpeg,
}

impl LogoType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// The PNG of a logo.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only describes the response")]
pub struct Png(Vec<u8>);

/// Upload a logo
///
/// Returns the upload of a PNG or JPEG to S3. The upload starts the processing, which makes a PNG of at most 800 x 400
/// pixels: poll `GET /studio` until `logo_pending` is `false`. Then `logo` is the new logo, or `logo_error` the reason why
/// the file can't be one; the old logo stays until then. Only the last announced upload becomes the logo.
#[utoipa::path(
    post, path = "/studio/logo", tag = "studio", operation_id = "upload_logo",
    request_body(content = NewLogo, example = json!({ "content_type": "image/png", "size_bytes": 48_211 })),
    responses((
        status = 201, description = "The upload is expected", body = LogoUpload,
        example = json!(examples::logo_upload()),
    )),
)]
pub async fn announce(
    Caller(caller): Caller,
    Shared(state): Shared<State>,
    request: IdempotentRequest,
    Body(new): Body<NewLogo>,
) -> ApiResult<(StatusCode, Json<LogoUpload>)> {
    if !(1..=MAX_LOGO_BYTES).contains(&new.size_bytes) {
        let detail = format!("A logo has 1 to {MAX_LOGO_BYTES} bytes, this one {}.", new.size_bytes);
        return Err(Problem::invalid("size_bytes", detail).into());
    }
    let terms = UploadTerms { content_type: new.content_type.as_str(), size: new.size_bytes, sha256: None };
    let upload = studio::announce_logo(&state, caller, &terms, &request).await?;
    Ok((StatusCode::CREATED, Json(LogoUpload { upload })))
}

/// Remove the logo
///
/// Page and emails show none from now on. An upload that is not processed yet does not become the logo. Repeating the
/// request is safe.
#[utoipa::path(
    delete, path = "/studio/logo", tag = "studio", operation_id = "remove_logo",
    responses((status = 204, description = "The studio has no logo")),
)]
pub async fn remove(Caller(caller): Caller, Shared(state): Shared<State>) -> ApiResult<StatusCode> {
    let now = state.clock.now();
    studio::change(&state, &caller, |profile| profile.remove_logo(now)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get a logo
///
/// The PNG that page and emails show. It remains when the studio sets another logo, because emails refer to it.
#[utoipa::path(
    get, path = "/logos/{studio}/{file}", tag = "links", operation_id = "get_logo", security(),
    params(
        ("studio" = String, Path, description = "Id of the studio"),
        ("file" = String, Path, description = "SHA-256 of the PNG in hexadecimal digits, and `.png`"),
    ),
    responses(
        (status = 200, description = "The logo", body = Png, content_type = "image/png"),
        (status = 404, description = "There is no such logo", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn show(
    Shared(state): Shared<State>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> ApiResult<Response> {
    let not_found = || Problem::not_found("logo");
    let Path((studio, file)) = path.map_err(|_| not_found())?;
    let png = studio::logo(&state, &format!("{studio}/{file}")).await?.ok_or_else(not_found)?;
    Ok(([(CONTENT_TYPE, "image/png"), (CACHE_CONTROL, IMMUTABLE)], png).into_response())
}
