//! Files of a download: the photos of its order, loaded, checked, and listed in an index beside the archives.
//!
//! The API writes the index when a download is requested, and refuses photos that cannot be delivered. The archive
//! builder loads the same files again, and writes the index of builds that operators or SQS's redrive restarted.

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

/// Records read together and dropped before the next read, because a file needs a fraction of the memory of a photo's
/// record.
const PHOTOS_PER_READ: usize = 500;

/// Stores from which a download is built.
pub struct Contents<'a> {
    /// Orders and the ids of their photos.
    pub orders: &'a Orders,
    /// Photos.
    pub photos: &'a Table<Photo>,
    /// Bucket of archives and indexes.
    pub archives: &'a ObjectStore,
}

/// A photo that cannot be delivered.
#[derive(Debug)]
pub struct Undeliverable {
    /// Id of the photo.
    pub photo: Uuid,
    /// Status of the photo; `None` if it does not exist.
    pub status: Option<PhotoStatus>,
    /// Reason.
    pub error: ContentsError,
}

/// Error of loading the files.
#[derive(Debug)]
pub enum FilesError {
    /// At least one photo cannot be delivered.
    Undeliverable(Vec<Undeliverable>),
    /// Reading a table failed.
    Store(anyhow::Error),
}

impl From<anyhow::Error> for FilesError {
    fn from(error: anyhow::Error) -> Self {
        Self::Store(error)
    }
}

/// Returns the file of the photo with this id, where its record exists and can be delivered.
pub fn file_of(id: Uuid, photo: Option<&Photo>, variant: Variant) -> Result<File, Undeliverable> {
    let file = photo.ok_or(ContentsError::PhotoMissing(id)).and_then(|photo| File::of(photo, variant));
    file.map_err(|error| Undeliverable { photo: id, status: photo.map(|photo| photo.status), error })
}

impl Contents<'_> {
    /// Returns the ids of the download's photos, in the order's sequence.
    pub async fn photos(&self, order: &Order, download: &Download) -> Result<Vec<Uuid>> {
        if let Some(photo) = download.photo {
            return Ok(vec![photo]);
        }
        let all = self.orders.photos(order).await?;
        Ok(match &download.selection {
            Some(selection) => selection.from(all),
            None => all,
        })
    }

    /// Loads the files of the download's photos, in the order's sequence.
    pub async fn files(&self, order: &Order, download: &Download) -> Result<Vec<File>, FilesError> {
        let ids = self.photos(order, download).await?;
        let mut files = Vec::with_capacity(ids.len());
        let mut undeliverable = Vec::new();
        for ids in ids.chunks(PHOTOS_PER_READ) {
            let found = self.photos.get_many(&order.studio, ids).await?;
            for id in ids {
                match file_of(*id, found.get(id), download.variant) {
                    Ok(file) => files.push(file),
                    Err(photo) => undeliverable.push(photo),
                }
            }
        }
        if undeliverable.is_empty() { Ok(files) } else { Err(FilesError::Undeliverable(undeliverable)) }
    }

    /// Writes the index of the download's archives and returns the planned archives. The index precedes the record that
    /// names the archives, so that a reader of the record always finds it.
    pub async fn announce(&self, download: &Download, layouts: &[Layout<Source>]) -> Result<Vec<BuiltFile>> {
        let index = DownloadIndex::new(layouts, |source| source.photo).to_json()?;
        self.archives.put(&download.index(), index).await?;
        Ok(archives(download, layouts))
    }
}
