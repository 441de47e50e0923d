//! Records for tests. A test states the fields that matter to it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    download::{BuiltFile, Download, DownloadKind, DownloadStatus, Fetches, Files, Progress, Variant},
    email::{Email, Message},
    email_address::EmailAddress,
    event::Event,
    job_state::{AttemptId, JobState},
    operation::{Operation, Photos, Task},
    order::{Customer, Order, OrderStatus},
    photo::{Announcement, Derivative, Derivatives, Development, Exif, Photo, PhotoStatus},
    queue_config::QueueName,
    studio::Studio,
    webhook::{Delivery, Webhook},
};

/// Returns a time in seconds since the epoch.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

/// Returns an attempt of this number.
pub fn attempt(number: u128) -> AttemptId {
    AttemptId(Uuid::from_u128(number))
}

pub fn studio() -> Studio {
    "anna".parse().expect("valid")
}

pub fn address() -> EmailAddress {
    "eva@example.com".parse().expect("valid")
}

pub fn file(path: &str, size: u64) -> BuiltFile {
    BuiltFile { path: path.to_owned(), size, crc32: 0 }
}

/// Returns a photo that nobody works on, created at the epoch.
pub fn photo(status: PhotoStatus) -> Photo {
    let new = Announcement {
        filename: "a.jpg".to_owned(),
        folder: None,
        content_type: "image/jpeg".to_owned(),
        size: 1,
        declared_sha256: None,
    };
    let mut photo = Photo::announced(studio(), Uuid::from_u128(1), new, at(0), at(0));
    photo.status = status;
    photo.upload_until = None;
    photo.work = JobState::default();
    photo
}

/// Returns the result of developing an original without, or with, pictures.
pub fn development(with_pictures: bool) -> Development {
    let picture =
        || Derivative { width: 1, height: 1, size: 1, crc32: 0, sha256: String::new(), etag: "\"p\"".to_owned() };
    let made = || Derivatives::Made { preview: picture(), thumb: picture() };
    Development {
        sniffed_content_type: "image/jpeg".to_owned(),
        sha256: String::new(),
        crc32: 0,
        width: None,
        height: None,
        orientation: 1,
        exif: Exif::default(),
        thumbhash: None,
        derivatives: if with_pictures { made() } else { Derivatives::UnsupportedFormat },
        processor_version: 1,
    }
}

/// Returns a download of one photo that nobody works on, created at the epoch.
pub fn download(status: DownloadStatus) -> Download {
    Download {
        studio: studio(),
        id: Uuid::from_u128(2),
        order: Uuid::from_u128(3),
        status,
        kind: DownloadKind::Batch,
        variant: Variant::Original,
        photo: None,
        selection: None,
        build: 1,
        split_bytes: None,
        files: Files::Unknown,
        both_sizes: false,
        twin: None,
        position: None,
        photo_count: 1,
        progress: Progress::default(),
        error: None,
        work: JobState::default(),
        expires_in_days: 7,
        expires_at: None,
        max_downloads: None,
        download_count: 0,
        window_until: None,
        fetches: Fetches::default(),
        pin: None,
        renewal_asked_at: None,
        generation: 1,
        notify: true,
        failure_told: None,
        created_at: at(0),
        ready_at: None,
        erased_at: None,
        recipient: None,
        addressed_at: None,
        undelivered_at: None,
        publish_by: None,
        noticed_until: None,
        late_writes_until: None,
    }
}

/// Returns a confirmation of an order to send, created at the epoch.
pub fn email() -> Email {
    let message = Message::OrderConfirmation { order_id: Uuid::from_u128(3) };
    Email::new(studio(), Uuid::from_u128(4), message, address(), "en".to_owned(), at(0))
}

/// Returns an operation to run, created at the epoch.
pub fn operation() -> Operation {
    let task = Task::Regenerate { which: Photos::All };
    Operation::new(studio(), Uuid::from_u128(5), QueueName::Photos, task, at(0))
}

/// Returns an order of three photos, created at the epoch.
pub fn order() -> Order {
    Order {
        studio: studio(),
        id: Uuid::from_u128(3),
        status: OrderStatus::Open,
        reference: "2026-1017".to_owned(),
        customer: Customer { name: "Eva Beispiel".to_owned(), email: address(), locale: "de".to_owned() },
        photo_count: 3,
        created_at: at(0),
        erased_at: None,
    }
}

/// Returns a delivery of a photo's event, created at the epoch.
pub fn delivery() -> Delivery {
    let mut photo = photo(PhotoStatus::Ready);
    photo.processed_at = Some(at(0));
    let event = Event::of_photo(&photo).expect("an event");
    let url = "https://shop.example.com/".to_owned();
    let webhook = Webhook::new(studio(), Uuid::from_u128(9), url, [].into(), at(0));
    Delivery::new(&event, &webhook, at(0))
}
