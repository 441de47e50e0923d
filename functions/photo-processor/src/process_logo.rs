//! The job `process_logo`: read the uploaded logo, make a PNG of it, store it under its hash, set it in the profile, delete
//! the upload.
//!
//! A crash after any step repeats the job, which makes the same PNG. Customers never see the uploaded bytes.

use std::sync::Arc;

use develop::{Logo as Png, LogoError, logo};
use domain::{
    Job, JobError, ObjectKey, RecordError, Studio,
    studio_profile::{Logo, MAX_LOGO_BYTES, StudioProfile, Superseded},
};
use jiff::Timestamp;
use runtime::{aws::broken_off, objects::GetError, worker::PlainJobHandler};
use sha2::{Digest as _, Sha256};
use tracing::info;
use uuid::Uuid;

use crate::state::State;

/// Handler of the job `process_logo`.
pub struct ProcessLogo(pub Arc<State>);

impl PlainJobHandler for ProcessLogo {
    const NAME: &'static str = "process_logo";
    const IS_SCHEDULED: bool = false;

    async fn run(&self, job: &Job, now: Timestamp) -> Result<(), JobError> {
        let Job::ProcessLogo { studio, upload } = job else {
            return Err(JobError::reject("undecodable", format!("{} names no logo.", job.name())));
        };
        let state = &self.0;
        if is_expected(state, studio, *upload).await? {
            process(state, studio, *upload, now).await?;
        }
        // Also of an upload that another one has replaced.
        state.objects.delete(&key(studio, *upload)).await?;
        Ok(())
    }
}

fn key(studio: &Studio, upload: Uuid) -> ObjectKey {
    ObjectKey::LogoUpload { studio: studio.clone(), upload }
}

async fn is_expected(state: &State, studio: &Studio, upload: Uuid) -> Result<bool, JobError> {
    let profile = state.studios.get(studio, StudioProfile::ID).await?;
    Ok(profile.is_some_and(|profile| profile.logo_upload == Some(upload)))
}

async fn process(state: &State, studio: &Studio, upload: Uuid, now: Timestamp) -> Result<(), JobError> {
    let Some(made) = make(state, studio, upload).await? else {
        info!(%studio, "The upload of a logo is gone");
        return Ok(());
    };
    let set = match made {
        Ok(Png { png, width, height }) => {
            let logo = Logo { hash: hex::encode(Sha256::digest(&png)), width, height };
            let stored = ObjectKey::Logo { studio: studio.clone(), hash: logo.hash.clone() };
            state.objects.put(&stored, png.into()).await?;
            change(state, studio, |profile| profile.set_logo(upload, logo.clone(), now)).await?
        }
        Err(refusal) => {
            info!(%studio, code = refusal.code(), "Refused a logo");
            let error = RecordError::new(refusal.code(), refusal.to_string());
            change(state, studio, |profile| profile.refuse_logo(upload, error.clone())).await?
        }
    };
    info!(%studio, superseded = set.is_err(), "Logo processed");
    Ok(())
}

async fn change(
    state: &State,
    studio: &Studio,
    change: impl FnMut(&mut StudioProfile) -> Result<(), Superseded>,
) -> Result<Result<(), Superseded>, JobError> {
    let changed = state.studios.update(studio, StudioProfile::ID, change).await?;
    Ok(changed.map_or(Err(Superseded), |(_, set)| set))
}

/// Makes the PNG, or says why the upload can't become one; `None` if there is no upload.
async fn make(state: &State, studio: &Studio, upload: Uuid) -> Result<Option<Result<Png, LogoError>>, JobError> {
    let key = key(studio, upload);
    let Some(head) = state.objects.head(&key).await? else { return Ok(None) };
    // The signed URL allows no such upload.
    if head.size > MAX_LOGO_BYTES {
        return Ok(Some(Err(LogoError::TooLarge)));
    }
    let body = match state.objects.open(&key, &head.etag).await {
        Ok(body) => body,
        Err(GetError::Missing) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let bytes = body.collect().await.map_err(|error| broken_off("Failed to read a logo", error))?.into_bytes();
    Ok(Some(state.world.compute(move || logo(&bytes)).await?))
}
