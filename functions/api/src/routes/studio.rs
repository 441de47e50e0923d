//! Profile of the caller's studio.

use api_types::StudioView;
use axum::{Json, extract::State as Shared, response::Response};
use domain::{
    Studio,
    color::Color,
    email_address::EmailAddress,
    studio_profile::{MAX_CONTACT, MAX_FOOTER, MAX_MESSAGE, MAX_NAME, Renewal, StudioProfile, time_zone},
};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::studio,
    etag,
    extract::{Body, line, locale, text},
    identity::Caller,
    openapi::examples,
    problem::{ApiResult, Problem, ProblemView},
    state::State,
};

/// All settings of a profile. A setting that is absent or `null` is unset.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StudioSettings {
    /// Name as customers know it: one line.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*$",
        example = "Foto Anna"
    )]
    name: Option<String>,
    /// Address that receives replies to emails, without display name.
    #[schema(value_type = Option<String>, format = Email, max_length = 254, example = "studio@example.com")]
    reply_to: Option<EmailAddress>,
    /// Ways to reach the studio: plain text, several lines.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
    )]
    contact: Option<String>,
    /// Accent colour of page and emails, `#rrggbb`. Where it would be illegible, a darker or lighter one is shown.
    #[schema(value_type = Option<String>, pattern = "^#[0-9A-Fa-f]{6}$", example = "#b3421b")]
    accent_color: Option<Color>,
    /// Text above the photos: plain text, several lines.
    #[schema(
        min_length = 1,
        max_length = 2_000,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
    )]
    message: Option<String>,
    /// Text at the end of page and emails, such as an imprint: plain text, several lines.
    #[schema(
        min_length = 1,
        max_length = 1_000,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
    )]
    footer: Option<String>,
    /// Language tag (BCP 47) of customers without one of their own.
    #[schema(max_length = 35, pattern = "^[A-Za-z0-9]{1,8}([-_][A-Za-z0-9]{1,8})*$", example = "de-AT")]
    locale: Option<String>,
    /// IANA name of the time zone in which dates are shown. UTC if unset.
    #[schema(pattern = "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", example = "Europe/Vienna")]
    time_zone: Option<String>,
    /// Treatment of customers who ask for a new link. `studio` if unset.
    renewal: Option<Renewal>,
}

impl StudioSettings {
    fn parse(self, studio: Studio) -> Result<StudioProfile, Problem> {
        let lines = |field, given: Option<String>, max| given.map(|given| text(field, &given, max)).transpose();
        Ok(StudioProfile {
            name: self.name.map(|name| line("name", &name, MAX_NAME)).transpose()?,
            reply_to: self.reply_to,
            contact: lines("contact", self.contact, MAX_CONTACT)?,
            accent_color: self.accent_color,
            message: lines("message", self.message, MAX_MESSAGE)?,
            footer: lines("footer", self.footer, MAX_FOOTER)?,
            locale: self.locale.map(|tag| locale("locale", Some(&tag))).transpose()?,
            time_zone: self.time_zone.as_deref().map(zone).transpose()?,
            renewal: self.renewal.unwrap_or_default(),
            ..StudioProfile::neutral(studio)
        })
    }
}

fn zone(name: &str) -> Result<String, Problem> {
    time_zone(name).ok_or_else(|| Problem::invalid("time_zone", "It must be an IANA name such as Europe/Berlin."))
}

/// Get the studio's profile
///
/// The profile of the token's studio. A studio that has set nothing has a neutral one.
#[utoipa::path(
    get, path = "/studio", tag = "studio", operation_id = "get_studio",
    responses((status = 200, description = "The profile", body = StudioView, example = json!(examples::studio()))),
)]
pub async fn show(Caller(caller): Caller, Shared(state): Shared<State>, headers: HeaderMap) -> ApiResult<Response> {
    let view = StudioView::new(&state.studios.profile(&caller).await?, &state.public_url);
    Ok(etag::answer(&headers, &view, [])?.with(view))
}

/// Replace the studio's settings
///
/// Sets all settings at once: one that is absent or `null` is unset. The logo stays. Customers see the new settings on the
/// page and in emails that are sent from now on.
#[utoipa::path(
    put, path = "/studio", tag = "studio", operation_id = "replace_studio",
    request_body(content = StudioSettings, example = json!(examples::studio_settings())),
    responses(
        (status = 200, description = "The new profile", body = StudioView, example = json!(examples::studio())),
        (status = 422, description = "The value of a field is invalid", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn replace(
    Caller(caller): Caller,
    Shared(state): Shared<State>,
    Body(new): Body<StudioSettings>,
) -> ApiResult<Json<StudioView>> {
    let (new, now) = (new.parse(caller.clone())?, state.clock.now());
    let profile = studio::change(&state, &caller, |profile| profile.replace_settings(&new, now)).await?;
    Ok(Json(StudioView::new(&profile, &state.public_url)))
}
