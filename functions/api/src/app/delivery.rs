//! Delivery to customers: what lies behind a link, and the way to each file.

use std::time::Duration;

pub use archive::contents::photo_name;
use archive::{
    contents::{self, MAX_VOLUMES, archive_name},
    served_content_type,
};
use domain::{
    ObjectKey,
    download::{BuiltFile, Closed, Download, DownloadFile, DownloadKind, FetchedBy, Variant, pin::PinTry},
    link::LinkToken,
    object_key::Picture,
    order::Order,
    page_key::KEY_LIVES,
    photo::{Derivatives, Photo},
    ticket::{TICKET_LIVES, Ticket},
};
use http::Method;
use jiff::Timestamp;
use runtime::{
    cdn::Cdn,
    objects::{ObjectStore, ResponseHeaders},
};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::downloads::{self, bare_file, publish_activity};
use crate::{
    content_disposition::attachment,
    problem::{ApiResult, Problem},
    state::State,
};

/// Rate that determines the lifetime of a file's URL: the time that the file needs at 1 MB/s, within the bounds
/// below. A presigned URL expires with the function's credentials as well, but downloads in progress continue. The page
/// creates a new URL on each click.
const SLOW_LINE_BYTES_PER_SECOND: u64 = 1_000_000;
const SHORTEST: u64 = 15 * 60;
const LONGEST: u64 = 3600;

/// The download that a link opens.
pub struct Opened {
    /// Content of the token.
    pub link: LinkToken,
    /// The download.
    pub download: Download,
    /// Its order.
    pub order: Order,
    /// Whether the page needs no PIN any more.
    pub unlocked: bool,
    /// Ids of the photos, once they have been read.
    photos: OnceCell<Vec<Uuid>>,
}

/// Returns what the link opens; `None` if it is unknown. A page whose PIN was entered has a key behind the token, after a
/// dot.
pub async fn open(state: &State, token: &str) -> ApiResult<Option<Opened>> {
    let (token, key) = token.split_once('.').unwrap_or((token, ""));
    let secret = state.links.current().await?;
    let Some(link) = secret.verify(token) else { return Ok(None) };
    let Some(download) = state.downloads.get(&link.studio, link.download).await? else { return Ok(None) };
    let Some(order) = state.orders.get(&link.studio, download.order).await? else { return Ok(None) };
    let now = state.clock.now();
    let unlocked = download.pin.as_ref().is_none_or(|pin| secret.is_key(&link, &pin.hash, key, now));
    Ok(Some(Opened { link, download, order, unlocked, photos: OnceCell::new() }))
}

impl Opened {
    /// Checks whether the customer can download files at `now`.
    pub fn opens(&self, now: Timestamp) -> Result<(), Closed> {
        if !self.is_genuine() {
            return Err(Closed::Revoked);
        }
        self.download.opens(now)?;
        if self.unlocked { Ok(()) } else { Err(Closed::NeedsPin) }
    }

    /// Returns whether the link is the current one. The order is marked as erased before its downloads are revoked. In
    /// between, their links must not work either.
    fn is_genuine(&self) -> bool {
        self.download.generation == self.link.generation && !self.order.is_erased()
    }

    /// Tries a PIN. The right one returns the key that opens the page.
    pub async fn enter(&self, state: &State, pin: &str) -> ApiResult<Result<String, PinTry>> {
        let (secret, now) = (state.links.current().await?, state.clock.now());
        let (studio, id, order) = (&self.link.studio, self.download.id, self.download.order);
        let attempt = |download: &mut Download| {
            let Some(stored) = &mut download.pin else { return Err(PinTry::Right) };
            match stored.attempt(now, |hash| secret.is_pin(studio, order, pin, hash)) {
                // Only a wrong try changes the record.
                PinTry::Wrong => Ok(PinTry::Wrong),
                other => Err(other),
            }
        };
        let Some((download, tried)) = state.downloads.update(studio, id, attempt).await? else {
            return Err(Problem::not_found("download").into());
        };
        match tried.unwrap_or_else(|unchanged| unchanged) {
            PinTry::Right => {
                let until = now.saturating_add(KEY_LIVES).map_err(anyhow::Error::from)?;
                let hash = download.pin.map(|pin| pin.hash).unwrap_or_default();
                Ok(Ok(secret.sign_key(&self.link, &hash, until)))
            }
            refused => Ok(Err(refused)),
        }
    }

    /// Returns the ids of the photos, in the order's sequence.
    pub async fn photos(&self, state: &State) -> ApiResult<&[Uuid]> {
        let read = async || state.contents().photos(&self.order, &self.download).await;
        Ok(self.photos.get_or_try_init(read).await?)
    }

    /// Returns a ticket for the file, which works for an hour.
    pub async fn ticket(&self, state: &State, file: DownloadFile, by: FetchedBy) -> ApiResult<String> {
        let until = state.clock.now().saturating_add(TICKET_LIVES).map_err(anyhow::Error::from)?;
        let ticket = Ticket { build: self.download.build, file, by, until };
        Ok(state.links.current().await?.sign_ticket(&self.link, ticket))
    }

    /// Counts the fetch of the ticket's file, and returns the file's URL; `None` if the ticket is not genuine or has
    /// expired.
    pub async fn fetch(&self, state: &State, ticket: &str) -> ApiResult<Option<Result<String, Closed>>> {
        let now = state.clock.now();
        let Some(ticket) = state.links.current().await?.verify_ticket(&self.link, ticket, now) else {
            return Ok(None);
        };
        if !self.is_genuine() {
            return Ok(Some(Err(Closed::Revoked)));
        }
        if !self.unlocked {
            return Ok(Some(Err(Closed::NeedsPin)));
        }
        let generation = self.link.generation;
        let count = |download: &mut Download| {
            if download.generation != generation {
                return Err(Closed::Revoked);
            }
            if download.build != ticket.build {
                return download.opens(now).and(Err(Closed::NoSuchFile));
            }
            download.fetch(now, ticket.file, ticket.by)
        };
        let Some((download, counted)) = state.downloads.update(&self.link.studio, self.download.id, count).await?
        else {
            return Ok(None);
        };
        if let Err(closed) = counted {
            return Ok(Some(Err(closed)));
        }
        publish_activity(state, &download).await;
        // The record's current build has the files.
        let Some(file) = self.file_of(state, &download, ticket.file).await? else {
            return Ok(Some(Err(Closed::NoSuchFile)));
        };
        Ok(Some(Ok(file.url(&Method::GET).await?)))
    }

    /// Returns the URL of a HEAD request for the ticket's file, which counts nothing.
    pub async fn look(&self, state: &State, ticket: &str) -> ApiResult<Option<Result<String, Closed>>> {
        let now = state.clock.now();
        let Some(ticket) = state.links.current().await?.verify_ticket(&self.link, ticket, now) else {
            return Ok(None);
        };
        let is_built = self.download.build == ticket.build;
        if let Err(closed) = self.opens(now).and_then(|()| self.download.offers(now, ticket.file)) {
            return Ok(Some(Err(closed)));
        }
        match self.file(state, ticket.file).await? {
            Some(file) if is_built => Ok(Some(Ok(file.url(&Method::HEAD).await?))),
            _ => Ok(Some(Err(Closed::NoSuchFile))),
        }
    }

    /// Returns the stored object of a file and its name; `None` if the download does not contain it.
    pub async fn file<'a>(&self, state: &'a State, file: DownloadFile) -> ApiResult<Option<Delivered<'a>>> {
        self.file_of(state, &self.download, file).await
    }

    async fn file_of<'a>(
        &self,
        state: &'a State,
        download: &Download,
        file: DownloadFile,
    ) -> ApiResult<Option<Delivered<'a>>> {
        let id = match (file, download.kind, download.photo) {
            (DownloadFile::Photo(id) | DownloadFile::OtherSize(id), ..)
            | (DownloadFile::Volume(_), DownloadKind::Single, Some(id)) => id,
            (DownloadFile::Volume(number), ..) => return self.archive(state, download, number),
        };
        if !self.photos(state).await?.contains(&id) {
            return Ok(None);
        }
        let photo = state.photos.get(&download.studio, id).await?.ok_or_else(|| Problem::not_found("photo"))?;
        let is_other = matches!(file, DownloadFile::OtherSize(_));
        let variant = if is_other { download.variant.other() } else { download.variant };
        if is_other && !has(&photo, variant) {
            return Ok(None);
        }
        Ok(Some(Delivered::photo(state, &photo, variant)?))
    }

    /// Returns the file of a photo in the other size, if the customer may choose and the photo has one.
    pub fn other_size<'a>(&self, state: &'a State, photo: &Photo) -> ApiResult<Option<Delivered<'a>>> {
        let variant = self.download.variant.other();
        if !self.download.both_sizes || !has(photo, variant) {
            return Ok(None);
        }
        Delivered::photo(state, photo, variant).map(Some)
    }

    /// Returns the URL of the page with the photos in the other size, and creates its download when the customer first
    /// asks for it; `None` if the customer may not choose.
    pub async fn other_page(&self, state: &State) -> ApiResult<Option<String>> {
        if !self.offers_other_archive() {
            return Ok(None);
        }
        let other = downloads::other_size(state, &self.order, &self.download).await?;
        let (secret, link) = (state.links.current().await?, LinkToken::of(&other));
        let url = secret.url(&state.public_url, &other);
        let until = state.clock.now().saturating_add(KEY_LIVES).map_err(anyhow::Error::from)?;
        // The customer has entered the PIN of both already.
        Ok(Some(match &other.pin {
            Some(pin) => format!("{url}.{}", secret.sign_key(&link, &pin.hash, until)),
            None => url,
        }))
    }

    /// Returns whether the page offers archives in the other size.
    pub fn offers_other_archive(&self) -> bool {
        self.download.both_sizes && self.download.kind == DownloadKind::Batch
    }

    fn archive<'a>(&self, state: &'a State, download: &Download, number: u16) -> ApiResult<Option<Delivered<'a>>> {
        let count = download.files.built().len();
        let Some(file) = download.volume(number.into()).filter(|_| usize::from(number) <= MAX_VOLUMES) else {
            return Ok(None);
        };
        let name = archive_name(&self.order, number.into(), count);
        Ok(Some(Delivered::stored(state, &state.archives, file, name, "application/zip".to_owned())?))
    }
}

/// Returns whether the photo has a file in this version.
fn has(photo: &Photo, variant: Variant) -> bool {
    let made = photo.development.as_ref().map(|made| &made.derivatives);
    variant == Variant::Original || matches!(made, Some(Derivatives::Made { .. }))
}

/// A stored object as a customer gets it.
pub struct Delivered<'a> {
    store: &'a ObjectStore,
    cdn: Option<&'a Cdn>,
    key: ObjectKey,
    /// Size in bytes.
    pub size: u64,
    /// File name.
    pub name: String,
    /// Media type.
    pub content_type: String,
}

impl<'a> Delivered<'a> {
    fn stored(
        state: &'a State,
        store: &'a ObjectStore,
        file: &BuiltFile,
        name: String,
        content_type: String,
    ) -> ApiResult<Self> {
        let Some(key) = ObjectKey::parse(&file.path) else {
            return Err(anyhow::anyhow!("A download has a file path that is no key").into());
        };
        Ok(Self { store, cdn: state.cdn.as_ref(), key, size: file.size, name, content_type })
    }

    /// Returns the file of a photo.
    pub fn photo(state: &'a State, photo: &Photo, variant: Variant) -> ApiResult<Self> {
        let file = bare_file(photo, variant)?;
        let content_type = contents::content_type(photo, variant).unwrap_or(&photo.content_type).to_owned();
        let name = photo_name(photo, variant);
        Self::stored(state, &state.originals, &file, name, content_type)
    }

    /// Returns a URL for a request of this method: the CDN's, or a presigned one of S3.
    pub async fn url(&self, method: &Method) -> ApiResult<String> {
        let seconds = (self.size / SLOW_LINE_BYTES_PER_SECOND).clamp(SHORTEST, LONGEST);
        let lives = Duration::from_secs(seconds);
        let disposition = attachment(&self.name);
        let headers = ResponseHeaders { disposition: &disposition, content_type: served_content_type(&self.name) };
        if let Some(cdn) = self.cdn
            && let Some(url) = cdn.url(&self.key, self.size, headers, lives).await
        {
            return Ok(url);
        }
        Ok(if method == Method::HEAD {
            self.store.presign_head(&self.key, Some(headers), lives).await?
        } else {
            self.store.presign_get(&self.key, Some(headers), lives).await?
        })
    }
}

/// Returns the URL of a photo's picture, with its width and height in pixels; `None` if there is none.
pub async fn picture(state: &State, photo: &Photo, which: Picture) -> ApiResult<Option<(String, u32, u32)>> {
    let Some(made) = &photo.development else { return Ok(None) };
    let Derivatives::Made { preview, thumb } = &made.derivatives else { return Ok(None) };
    let size = match which {
        Picture::Preview => preview,
        Picture::Thumb => thumb,
    };
    let (studio, version) = (photo.studio.clone(), made.processor_version);
    let key = ObjectKey::Derivative { studio, photo: photo.id, version, picture: which };
    let url = match &state.cdn {
        Some(cdn) => cdn.picture_url(&key).await,
        None => None,
    };
    let url = match url {
        Some(url) => url,
        None => state.originals.presign_get(&key, None, Duration::from_secs(LONGEST)).await?,
    };
    Ok(Some((url, size.width, size.height)))
}
