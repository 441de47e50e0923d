//! The store with its photos, and the job of a tool.

use std::{collections::HashMap, path::Path};

use anyhow::{Context as _, Result};
use aws_sdk_s3::Client;
use bytes::Bytes;
use domain::{ObjectKey, Studio};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use local_aws::{ACCESS_KEY, Options, REGION, SECRET_KEY, StandIns};
use runtime::env::Env;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cases::Case;

pub const ORIGINALS: &str = "photos";
pub const ARCHIVES: &str = "downloads";

/// A photo in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Photo {
    pub id: Uuid,
    /// The photo's key.
    pub key: String,
    /// The photo's name in the archive.
    pub name: String,
    pub size: u64,
    pub crc32: u32,
    pub etag: String,
}

/// The job of a tool. The peers' scripts read the same file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    pub endpoint: String,
    pub originals: String,
    pub archives: String,
    pub studio: Studio,
    pub download: Uuid,
    /// The archive's key.
    pub archive: String,
    pub photos: Vec<Photo>,
    /// `fast` or `cheap`.
    pub preference: String,
}

/// The store.
pub struct Bed {
    stand_ins: StandIns,
    pub s3: Client,
    pub photos: Vec<Photo>,
    _data: tempfile::TempDir,
}

/// Returns the environment variables that every AWS SDK reads.
pub fn environment(endpoint: &str) -> HashMap<String, String> {
    let variables = [
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_ENDPOINT_URL", endpoint),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

pub fn studio() -> Studio {
    "bench".parse().unwrap_or_else(|_| unreachable!("a valid studio"))
}

/// Returns incompressible bytes that are different for each photo.
pub fn content(seed: u64, size: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 8);
    while (bytes.len() as u64) < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(usize::try_from(size).unwrap_or_default());
    bytes.into()
}

impl Bed {
    /// Starts a store with the photos of this case.
    pub async fn fill(case: &Case) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let stand_ins = StandIns::start(Options {
            data: data.path().to_owned(),
            port: 0,
            now: std::sync::Arc::new(jiff::Timestamp::now),
        })
        .await?;
        let env = Env::of(environment(&stand_ins.endpoint()));
        let s3 = runtime::aws::s3(&env, &runtime::aws::config(&env, runtime::aws::Patience::Job)?);
        for bucket in [ORIGINALS, ARCHIVES] {
            s3.create_bucket().bucket(bucket).send().await.context("Failed to make a bucket")?;
        }
        let s3_ref = &s3;
        let photos = stream::iter((0..).zip(&case.sizes)).map(|(n, &size)| async move {
            let bytes = content(n, size);
            let id = Uuid::from_u128(u128::from(n) + 1);
            let key = ObjectKey::Original { studio: studio(), photo: id }.to_string();
            let crc32 = crc32fast::hash(&bytes);
            let put = s3_ref.put_object().bucket(ORIGINALS).key(&key).body(bytes.into()).send().await?;
            let name = format!("Order-1/IMG_{n:05}.jpg");
            Ok::<_, anyhow::Error>(Photo { id, key, name, size, crc32, etag: put.e_tag.context("no ETag")? })
        });
        let photos = photos.buffered(4).try_collect().await?;
        Ok(Self { stand_ins, s3, photos, _data: data })
    }

    /// Returns the address of the store itself.
    pub fn endpoint(&self) -> String {
        self.stand_ins.endpoint()
    }

    /// Returns a job for a tool that reaches the store at `endpoint`.
    pub fn job(&self, endpoint: &str, preference: &str) -> Job {
        let download = Uuid::new_v4();
        let archive = ObjectKey::Archive { studio: studio(), download, build: 1, volume: None };
        Job {
            endpoint: endpoint.to_owned(),
            originals: ORIGINALS.to_owned(),
            archives: ARCHIVES.to_owned(),
            studio: studio(),
            download,
            archive: archive.to_string(),
            photos: self.photos.clone(),
            preference: preference.to_owned(),
        }
    }
}

impl Job {
    /// Reads a job file.
    pub fn read(path: &Path) -> Result<Self> {
        let json = std::fs::read(path).with_context(|| format!("Failed to read {}", path.display()))?;
        serde_json::from_slice(&json).context("The job can't be read")
    }
}
