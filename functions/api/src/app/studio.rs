//! Profile of a studio: one record, created by the studio's first change of it.

use api_types::PutUpload;
use axum::body::Bytes;
use domain::{ObjectKey, Studio, object_key::LOGOS, studio_profile::StudioProfile};
use runtime::objects::UploadTerms;

use super::uploads;
use crate::{idempotency::IdempotentRequest, problem::ApiResult, state::State};

/// Changes the profile and returns it. A change without effect writes nothing.
pub async fn change(state: &State, studio: &Studio, set: impl Fn(&mut StudioProfile)) -> ApiResult<StudioProfile> {
    Ok(state.studios.update_or_create(StudioProfile::neutral(studio.clone()), set).await?)
}

/// Expects an upload as the next logo, and returns the request that stores it.
///
/// A request that was answered before expects nothing anew: its upload may have become the logo meanwhile.
pub async fn announce_logo(
    state: &State,
    studio: Studio,
    terms: &UploadTerms<'_>,
    request: &IdempotentRequest,
) -> ApiResult<PutUpload> {
    if !request.answered {
        change(state, &studio, |profile| profile.announce_logo(request.id)).await?;
    }
    uploads::signed(state, &ObjectKey::LogoUpload { studio, upload: request.id }, terms).await
}

/// Returns the PNG of a logo by the end of its key, `{studio}/{hash}.png`; `None` for anything else.
pub async fn logo(state: &State, path: &str) -> ApiResult<Option<Bytes>> {
    match ObjectKey::parse(&format!("{LOGOS}{path}")) {
        Some(key @ ObjectKey::Logo { .. }) => Ok(state.originals.get(&key).await?),
        _ => Ok(None),
    }
}
