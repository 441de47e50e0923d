//! Responses about the download behind a link.

use axum::response::{IntoResponse, Redirect, Response};
use domain::{
    download::{Closed, DownloadFile, DownloadKind, FetchedBy, Variant},
    language::Language,
    object_key,
    photo::Photo as PhotoRecord,
    studio_profile::StudioProfile,
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, USER_AGENT},
};
use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::{
    app::{
        delivery::{self, Delivered, Opened},
        renewal,
    },
    customer_page::{
        Face, Page, Photo, Picture, Ready, Started, State as PageState, Tile, Volume, days, minutes,
        response::{Sources, html, language_of},
    },
    problem::ApiResult,
    state::State,
};

/// Photos on one page of the list.
const PER_PAGE: usize = 100;
/// Programs that save what a link answers. They get an error that says how to fetch the files, not a page that looks like
/// one.
const DOWNLOAD_PROGRAMS: [&str; 5] = ["curl/", "wget/", "wget2/", "aria2/", "lwp-"];

/// The download behind a link, on the way to a response.
pub(super) struct Behind<'a> {
    state: &'a State,
    pub(super) opened: Opened,
    profile: OnceCell<StudioProfile>,
    /// Absolute URL of the link's page.
    pub(super) home: String,
}

impl<'a> Behind<'a> {
    /// Returns what the link opens; `None` if it is unknown.
    pub(super) async fn open(state: &'a State, token: &str) -> ApiResult<Option<Self>> {
        let Some(opened) = delivery::open(state, token).await? else { return Ok(None) };
        Ok(Some(Self { state, opened, profile: OnceCell::new(), home: page_url(state, token) }))
    }

    /// Returns the profile of the studio. Only pages need it: tickets and redirects cost no read of it.
    pub(super) async fn profile(&self) -> ApiResult<&StudioProfile> {
        let read = async || self.state.studios.profile(&self.opened.download.studio).await;
        Ok(self.profile.get_or_try_init(read).await?)
    }

    pub(super) async fn html(&self, status: StatusCode, state: PageState, mut sources: Sources) -> ApiResult<Response> {
        let Opened { download, order, .. } = &self.opened;
        let face = Face::of(self.profile().await?, &self.state.public_url);
        // Forms and logo have absolute URLs, also on a page that was opened by another name of the API.
        sources.allow(&self.home);
        Ok(html(status, &Page::of(download, order, face, self.home.clone(), state), &sources))
    }

    /// Returns the page of a download that is closed.
    pub(super) async fn closed(&self, closed: Closed) -> ApiResult<Response> {
        let can_ask = renewal::can_ask(&self.opened, self.state.clock.now());
        let state = match PageState::closed(&self.opened.download, closed, can_ask) {
            PageState::Revoked if self.opened.order.is_erased() => PageState::Erased,
            state => state,
        };
        let status = match closed {
            Closed::NotReady | Closed::Failed | Closed::NeedsPin => StatusCode::OK,
            Closed::NoSuchFile => StatusCode::NOT_FOUND,
            Closed::Expired | Closed::Revoked | Closed::Spent => StatusCode::GONE,
        };
        self.html(status, state, Sources::default()).await
    }

    /// Returns the answer to a request for a file that can't be fetched.
    pub(super) async fn refused(&self, closed: Closed) -> ApiResult<Response> {
        let mut response = self.closed(closed).await?;
        match closed {
            Closed::NotReady => *response.status_mut() = StatusCode::CONFLICT,
            Closed::NeedsPin => *response.status_mut() = StatusCode::FORBIDDEN,
            _ => {}
        }
        Ok(response)
    }

    pub(super) async fn ready(&self, page: usize, now: Timestamp) -> ApiResult<Response> {
        let Opened { download, order, .. } = &self.opened;
        let language = Language::of(&order.customer.locale);
        let ids = self.opened.photos(self.state).await?;
        let pages = ids.len().div_ceil(PER_PAGE).max(1);
        let page = page.clamp(1, pages);
        let (mut sources, mut tiles) = (Sources::default(), Vec::new());
        let skipped = (page - 1) * PER_PAGE;
        let shown: Vec<_> = ids.iter().copied().skip(skipped).take(PER_PAGE).collect();
        let photos = self.state.photos.get_many(&download.studio, &shown).await?;
        for (number, id) in (skipped + 1..).zip(&shown) {
            let Some(photo) = photos.get(id) else { continue };
            let thumb = self.picture(photo, object_key::Picture::Thumb, &mut sources).await?;
            tiles.push(Tile { number, name: delivery::photo_name(photo, download.variant), thumb });
        }
        let zone = self.profile().await?.zone();
        let ready = Ready {
            other: self.opened.offers_other_archive().then(|| size_name(download.variant.other())),
            volumes: self.volumes(language).await?,
            is_zip: download.kind == DownloadKind::Batch,
            minutes: minutes(download.size().unwrap_or_default()),
            expires: download.expires_at.map(|at| language.minute(at, &zone)),
            days_left: download.expires_at.map_or(0, |at| days(now, at)),
            left: download.max_downloads.map(|max| max.saturating_sub(download.download_count)),
            tiles,
            page,
            pages,
            first: skipped + 1,
            last: skipped + shown.len(),
        };
        self.html(StatusCode::OK, PageState::Ready(ready), sources).await
    }

    /// Returns the built files; of several archives, what is in each.
    pub(super) async fn volumes(&self, language: Language) -> ApiResult<Vec<Volume>> {
        let built = self.opened.download.files.built();
        let index = if built.len() > 1 { self.state.indexes.of(&self.opened.download).await? } else { None };
        let described = (0..).zip(built).map(|(n, file)| {
            let entries = index.as_ref().and_then(|index| index.archives.get(n)).map(|archive| &archive.entries);
            let names: Vec<_> = entries
                .into_iter()
                .flatten()
                .filter(|entry| entry.photo_id.is_some())
                .map(|entry| entry.name.rsplit('/').next().unwrap_or_default().to_owned())
                .collect();
            let (first, last) = (names.first().cloned(), names.last().cloned());
            Volume { size: language.size(file.size), photos: names.len(), first, last }
        });
        Ok(described.collect())
    }

    pub(super) async fn photo(&self, number: &str) -> ApiResult<Response> {
        let download = &self.opened.download;
        let ids = self.opened.photos(self.state).await?;
        let Some((number, id)) = nth(ids, number) else { return self.closed(Closed::NoSuchFile).await };
        let Some(photo) = self.state.photos.get(&download.studio, id).await? else {
            return self.closed(Closed::NoSuchFile).await;
        };
        let language = Language::of(&self.opened.order.customer.locale);
        let mut sources = Sources::default();
        let file = Delivered::photo(self.state, &photo, download.variant)?;
        // The script fetches the file from there for the phone's photo library.
        sources.allow(&file.url(&Method::GET).await?);
        let preview = self.picture(&photo, object_key::Picture::Preview, &mut sources).await?;
        let size = language.size(file.size);
        let other = self.opened.other_size(self.state, &photo)?;
        let other = other.map(|file| (size_name(download.variant.other()), language.size(file.size)));
        let photo = Photo { other, number, name: file.name, size, content_type: file.content_type, preview };
        let page = number.div_ceil(PER_PAGE);
        self.html(StatusCode::OK, PageState::Photo { photo, page }, sources).await
    }

    /// Answers the form of a file: with a page that starts it, or for programs with a redirect.
    pub(super) async fn start(
        &self,
        file: DownloadFile,
        by: FetchedBy,
        back: String,
        headers: &HeaderMap,
    ) -> ApiResult<Response> {
        let now = self.state.clock.now();
        if let Err(closed) = self.opened.opens(now).and_then(|()| self.opened.download.offers(now, file)) {
            return self.refused(closed).await;
        }
        let Some(delivered) = self.opened.file(self.state, file).await? else {
            return self.refused(Closed::NoSuchFile).await;
        };
        let href = format!("{}/file/{}", self.home, self.opened.ticket(self.state, file, by).await?);
        if !accepts_html(headers) {
            return Ok(redirect(&href));
        }
        let started = Started { name: delivered.name, href, back };
        self.html(StatusCode::OK, PageState::Started { started }, Sources::default()).await
    }

    pub(super) async fn picture(
        &self,
        photo: &PhotoRecord,
        which: object_key::Picture,
        sources: &mut Sources,
    ) -> ApiResult<Option<Picture>> {
        let Some((url, width, height)) = delivery::picture(self.state, photo, which).await? else { return Ok(None) };
        sources.allow(&url);
        Ok(Some(Picture { url, width, height }))
    }
}

/// Returns the absolute URL of the page of a token.
pub(super) fn page_url(state: &State, token: &str) -> String {
    format!("{}/d/{token}", state.public_url.trim_end_matches('/'))
}

/// Returns the name of a version for the page.
fn size_name(variant: Variant) -> &'static str {
    match variant {
        Variant::Original => "original",
        Variant::Web => "web",
    }
}

/// Returns the photo with this number, from 1.
pub(super) fn nth<T: Copy>(ids: &[T], number: &str) -> Option<(usize, T)> {
    let number: usize = number.parse().ok()?;
    Some((number, *ids.get(number.checked_sub(1)?)?))
}

pub(super) fn unknown(headers: &HeaderMap) -> Response {
    html(StatusCode::NOT_FOUND, &Page::anonymous(language_of(headers), PageState::Unknown), &Sources::default())
}

pub(super) fn redirect(url: &str) -> Response {
    let mut response = Redirect::to(url).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

/// Returns whether the client is a program that saves what it gets.
pub(super) fn saves_files(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    !accepts_html(headers) && DOWNLOAD_PROGRAMS.iter().any(|program| agent.starts_with(program))
}
