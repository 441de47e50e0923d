//! Files of a download: its order's photos, loaded, checked and announced by an index beside the archives.
//!
//! The API announces a download when it is requested, and refuses what can't be delivered. The archive builder loads the same
//! files again, and announces builds that operators or SQS's redrive restarted.

use anyhow::Result;
use archive::{
    DownloadIndex, Layout,
    contents::{ContentsError, File, Source, archives},
};
use domain::{
    download::{BuiltFile, Download, Variant},
    order::Order,
    photo::{Photo, PhotoStatus},
};
use uuid::Uuid;

use crate::{
    objects::ObjectStore,
    store::{Orders, Table},
};

/// Records read together, and dropped before the next are read: a file is a fraction of a photo's record.
const PHOTOS_PER_READ: usize = 500;

/// Stores that a download is made from.
pub struct Contents<'a> {
    /// Orders and the ids of their photos.
    pub orders: &'a Orders,
    /// Photos.
    pub photos: &'a Table<Photo>,
    /// The bucket of archives and indexes.
    pub archives: &'a ObjectStore,
}

/// A photo that can't be delivered.
#[derive(Debug)]
pub struct Undeliverable {
    /// The photo.
    pub photo: Uuid,
    /// Its status; `None` where there is no such photo.
    pub status: Option<PhotoStatus>,
    /// Why.
    pub error: ContentsError,
}

/// Why there are no files.
#[derive(Debug)]
pub enum FilesError {
    /// Photos can't be delivered; at least one.
    Undeliverable(Vec<Undeliverable>),
    /// A table failed.
    Store(anyhow::Error),
}

impl From<anyhow::Error> for FilesError {
    fn from(error: anyhow::Error) -> Self {
        Self::Store(error)
    }
}

impl Contents<'_> {
    /// Loads the files of all photos of the order, in its order.
    pub async fn files(&self, order: &Order, variant: Variant) -> Result<Vec<File>, FilesError> {
        let ids = self.orders.photos(order).await?;
        let mut files = Vec::with_capacity(ids.len());
        let mut undeliverable = Vec::new();
        for ids in ids.chunks(PHOTOS_PER_READ) {
            let found = self.photos.get_many(&order.studio, ids).await?;
            for id in ids {
                let photo = found.get(id);
                match photo.ok_or(ContentsError::PhotoMissing(*id)).and_then(|photo| File::of(photo, variant)) {
                    Ok(file) => files.push(file),
                    Err(error) => {
                        let status = photo.map(|photo| photo.status);
                        undeliverable.push(Undeliverable { photo: *id, status, error });
                    }
                }
            }
        }
        if undeliverable.is_empty() { Ok(files) } else { Err(FilesError::Undeliverable(undeliverable)) }
    }

    /// Writes the index of the download's archives, and returns the archives as they will be. The index comes before the record
    /// that names them, so that whoever finds the record finds its files.
    pub async fn announce(&self, download: &Download, layouts: &[Layout<Source>]) -> Result<Vec<BuiltFile>> {
        let index = DownloadIndex::new(layouts, |source| source.photo).to_json()?;
        self.archives.put(&download.index(), index).await?;
        Ok(archives(download, layouts))
    }
}
