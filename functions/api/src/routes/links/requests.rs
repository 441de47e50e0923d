//! Requests of customers beside files: a PIN, the other size, a new link.

use axum::{
    extract::{Form, Path, State as Shared},
    response::Response,
};
use domain::download::{Closed, pin::PinTry};
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use serde::Deserialize;
use utoipa::ToSchema;

use super::behind::{Behind, page_url, redirect, unknown};
use crate::{
    app::renewal::{self, Asked},
    customer_page::{PinRefused, State as PageState, response::Sources},
    problem::{ApiError, ApiResult},
    state::State,
};

/// Enter the PIN of a link
///
/// The right PIN leads to the page, under an address that works for a day.
#[utoipa::path(
    post, path = "/d/{token}/pin", tag = "links", operation_id = "enter_pin", security(),
    params(("token" = String, Path, description = "Token in the link")),
    request_body(content = Entered, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "The PIN is right: redirect to the page",
         headers(("location" = String, description = "URL of the page, with a key"))),
        (status = 403, description = "The PIN is wrong, or locked after 100 wrong ones", body = String, content_type = "text/html; charset=utf-8"),
        (status = 404, description = "The link is unknown", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "The download has expired, was revoked, or has no counted downloads left", body = String, content_type = "text/html; charset=utf-8"),
        (status = 415, description = "The body is no form", body = String, content_type = "text/html; charset=utf-8"),
        (status = 422, description = "The form has no PIN", body = String, content_type = "text/html; charset=utf-8"),
        (status = 429, description = "Ten wrong PINs within an hour", body = String, content_type = "text/html; charset=utf-8",
         headers(("retry-after" = u64, description = "Seconds until the next try"))),
    ),
)]
pub async fn enter_pin(
    Shared(state): Shared<State>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Form(entered): Form<Entered>,
) -> ApiResult<Response> {
    let Some(behind) = Behind::open(&state, &token).await? else { return Ok(unknown(&headers)) };
    let now = state.clock.now();
    match behind.opened.opens(now) {
        Err(Closed::NeedsPin) => {}
        Ok(()) => return Ok(redirect(&behind.home)),
        Err(closed) => return behind.refused(closed).await,
    }
    let digits: String = entered.pin.chars().filter(|c| !c.is_whitespace()).collect();
    let (status, refused) = match behind.opened.enter(&state, &digits).await? {
        Ok(key) => {
            let token = token.split('.').next().unwrap_or_default();
            return Ok(redirect(&page_url(&state, &format!("{token}.{key}"))));
        }
        Err(PinTry::TooMany { until }) => {
            let refused = PageState::Pin { refused: Some(PinRefused::TooMany) };
            let mut response = behind.html(StatusCode::TOO_MANY_REQUESTS, refused, Sources::default()).await?;
            let seconds = until.as_second().saturating_sub(now.as_second()).max(1);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            return Ok(response);
        }
        Err(PinTry::Locked) => (StatusCode::FORBIDDEN, PinRefused::Locked),
        Err(PinTry::Wrong | PinTry::Right) => (StatusCode::FORBIDDEN, PinRefused::Wrong),
    };
    behind.html(status, PageState::Pin { refused: Some(refused) }, Sources::default()).await
}

/// Form of the page that asks for a PIN.
#[derive(Deserialize, ToSchema)]
pub struct Entered {
    /// PIN.
    pin: String,
}

/// Choose the other size
///
/// Leads to the page with the same photos as previews instead of originals, or the other way round. Their archive is built
/// when somebody first asks for it.
#[utoipa::path(
    post, path = "/d/{token}/size", tag = "links", operation_id = "choose_size", security(),
    params(("token" = String, Path, description = "Token in the link")),
    responses(
        (status = 303, description = "Redirect to the page with the other size",
         headers(("location" = String, description = "URL of the page"))),
        (status = 403, description = "The page asks for its PIN", body = String, content_type = "text/html; charset=utf-8"),
        (status = 404, description = "The link is unknown, or the customer may not choose", body = String, content_type = "text/html; charset=utf-8"),
        (status = 409, description = "The download is not ready yet", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "The download has expired, was revoked, or has no counted downloads left", body = String, content_type = "text/html; charset=utf-8"),
        (status = 422, description = "The photos have no other size", body = String, content_type = "text/html; charset=utf-8"),
    ),
)]
pub async fn choose_size(
    Shared(state): Shared<State>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let Some(behind) = Behind::open(&state, &token).await? else { return Ok(unknown(&headers)) };
    if let Err(closed) = behind.opened.opens(state.clock.now()) {
        return behind.refused(closed).await;
    }
    match behind.opened.other_page(&state).await {
        Ok(Some(url)) => Ok(redirect(&url)),
        Ok(None) => behind.refused(Closed::NoSuchFile).await,
        Err(ApiError::Problem(_)) => {
            behind.html(StatusCode::UNPROCESSABLE_ENTITY, PageState::NoOtherSize, Sources::default()).await
        }
        Err(error) => Err(error),
    }
}

/// Ask for a new link
///
/// For a link that has expired or is used up, once a day. As the studio's profile says, the download is built again, or the
/// studio is told. An email goes to the order's address only.
#[utoipa::path(
    post, path = "/d/{token}/renew", tag = "links", operation_id = "ask_for_renewal", security(),
    params(("token" = String, Path, description = "Token in the link")),
    responses(
        (status = 200, description = "A page that says what follows", body = String, content_type = "text/html; charset=utf-8"),
        (status = 404, description = "The link is unknown", body = String, content_type = "text/html; charset=utf-8"),
        (status = 409, description = "The link works, or its download is being built", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "The download was revoked", body = String, content_type = "text/html; charset=utf-8"),
    ),
)]
pub async fn renew(Shared(state): Shared<State>, Path(token): Path<String>, headers: HeaderMap) -> ApiResult<Response> {
    let Some(behind) = Behind::open(&state, &token).await? else { return Ok(unknown(&headers)) };
    match renewal::ask(&state, &behind.opened, behind.profile().await?).await? {
        Some(asked) => {
            let asked = PageState::Asked { renewed: asked == Asked::Renewed };
            behind.html(StatusCode::OK, asked, Sources::default()).await
        }
        None => match behind.opened.opens(state.clock.now()) {
            // It works: back to it.
            Ok(()) => Ok(redirect(&behind.home)),
            Err(closed) => behind.refused(closed).await,
        },
    }
}
