//! The model of S3 compared with the stand-in of `local-aws`, and with LocalStack if it runs.
//!
//! Each case sends the same requests to both and records the responses. The transcripts must be equal, except for the
//! differences that [`differences`] names.

mod differences;
mod listing;
mod model;
mod objects;
mod presigned;
mod random;
mod uploads;
mod versions;

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use simulation::services::s3::{S3, Settings};

use self::differences::{LOCALSTACK, STAND_IN};
use crate::{
    targets::{Loopback, Target},
    transcript::{Transcript, compare},
};

/// Variable with the second S3's address, set by `tests/second-s3/run`.
const SECOND_S3: &str = "SECOND_S3";

/// Seed of the random operations.
const SEED: u64 = 1;
/// Number of random operations.
const OPERATIONS: usize = 200;

/// Runs a case on the model and on the stand-in, and compares the transcripts.
macro_rules! agrees_with_stand_in {
    ($case:path) => {
        let loopback = Loopback::start().await;
        let (model, other) = (model(), loopback.target());
        compare(&$case(&model).await, &$case(&other).await, STAND_IN);
    };
}

#[tokio::test]
async fn stand_in_agrees_about_objects() {
    agrees_with_stand_in!(objects::case);
}

#[tokio::test]
async fn stand_in_agrees_about_copies_and_keys() {
    agrees_with_stand_in!(objects::copies);
}

#[tokio::test]
async fn stand_in_agrees_about_listings() {
    agrees_with_stand_in!(listing::case);
}

#[tokio::test]
async fn stand_in_agrees_about_uploads() {
    agrees_with_stand_in!(uploads::case);
}

#[tokio::test]
async fn stand_in_agrees_about_presigned_urls() {
    agrees_with_stand_in!(presigned::case);
}

#[tokio::test]
async fn stand_in_agrees_about_versions() {
    agrees_with_stand_in!(versions::case);
}

#[tokio::test]
async fn stand_in_agrees_about_random_operations() {
    let loopback = Loopback::start().await;
    let ours = random::case(&model(), SEED, OPERATIONS).await;
    compare(&ours, &random::case(&loopback.target(), SEED, OPERATIONS).await, &[]);
}

#[tokio::test]
#[ignore = "needs LocalStack: tests/second-s3/run"]
async fn second_s3_agrees_with_the_model() {
    let endpoint = std::env::var(SECOND_S3).expect("SECOND_S3 is set by tests/second-s3/run");
    let (model, other) = (model(), Target::at(&endpoint));
    let mut ours = all(&model).await;
    let mut theirs = all(&other).await;
    ours.append(random::case(&model, SEED, OPERATIONS).await);
    theirs.append(random::case(&other, SEED, OPERATIONS).await);
    compare(&ours, &theirs, LOCALSTACK);
}

/// Returns a key as the source of a copy, percent-encoded.
fn copy_source(bucket: &str, key: &str) -> String {
    let mut source = format!("{bucket}/");
    for byte in key.bytes() {
        let _ = write!(source, "%{byte:02X}");
    }
    source
}

fn model() -> Target {
    Target::model(&Arc::new(Mutex::new(S3::new(Settings::default()))))
}

async fn all(target: &Target) -> Transcript {
    let mut transcript = objects::case(target).await;
    transcript.append(objects::copies(target).await);
    transcript.append(listing::case(target).await);
    transcript.append(uploads::case(target).await);
    transcript.append(presigned::case(target).await);
    transcript
}
