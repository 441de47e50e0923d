//! S3: `s3s` speaks the protocol and `s3s-fs` keeps the objects; the rules of the service that they lack are added here.

mod facts;
mod notify;
mod operations;

use std::{path::Path, sync::Arc};

use http::Request;
use s3s::{
    Body, HttpResponse, S3Error, S3ErrorCode,
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use tokio::sync::{Mutex, MutexGuard};

use self::{facts::Facts, notify::Notifications};
use super::{ACCESS_KEY, SECRET_KEY, sqs::Queues};

/// The service behind the port.
pub struct ObjectService(S3Service);

impl ObjectService {
    /// Opens the buckets kept in this folder; events go to `queues`.
    pub fn open(folder: &Path, queues: Arc<Queues>) -> anyhow::Result<Self> {
        let (objects, facts) = (folder.join("objects"), folder.join("facts"));
        std::fs::create_dir_all(&objects)?;
        let fs = s3s_fs::FileSystem::new(&objects)
            .map_err(|error| anyhow::anyhow!("Failed to open {}: {error:?}", objects.display()))?;
        let store = Objects {
            fs,
            parts: objects,
            facts: Facts::open(&facts)?,
            notifications: Notifications::open(&folder.join("notifications.json"), queues)?,
            locks: (0..LOCKS).map(|_| Mutex::new(())).collect(),
        };
        let mut builder = S3ServiceBuilder::new(store);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        Ok(Self(builder.build()))
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Body>) -> HttpResponse {
        self.0.call(request).await.unwrap_or_else(|error| {
            tracing::error!(?error, "S3 could not answer");
            let mut response = HttpResponse::new(Body::empty());
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
}

/// Locks by key, so that a check and the write it allows are one step: more than one key may share a lock.
const LOCKS: usize = 64;

struct Objects {
    fs: s3s_fs::FileSystem,
    /// `s3s-fs` keeps uploaded parts here, as `.upload_id-{id}.part-{number}`.
    parts: std::path::PathBuf,
    facts: Facts,
    notifications: Notifications,
    locks: Vec<Mutex<()>>,
}

impl Objects {
    async fn lock(&self, bucket: &str, key: &str) -> MutexGuard<'_, ()> {
        let hash = crc32fast::hash(format!("{bucket}/{key}").as_bytes()) as usize;
        self.locks[hash % LOCKS].lock().await
    }
}

fn refuse(code: S3ErrorCode, message: &'static str) -> S3Error {
    S3Error::with_message(code, message)
}
