//! Records of the tests.

use std::sync::LazyLock;

use domain::{
    operation::{Filled, Operation, Task},
    photo::{Announcement, Photo},
    queue_config::QueueName,
    studio::Studio,
};
use uuid::Uuid;

use crate::cloud::at;

/// The studio of most records.
pub static ANNA: LazyLock<Studio> = LazyLock::new(|| studio("anna"));

/// Returns the studio of this name.
pub fn studio(name: &str) -> Studio {
    name.parse().expect("valid")
}

/// Returns the id of this number. Ids ascend with their numbers.
pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0199_e0a0_0000_7000_8000_0000_0000_0000 | number)
}

/// Returns a photo that waits for its upload.
pub fn photo(number: u128) -> Photo {
    let new = Announcement {
        filename: format!("{number}.jpg"),
        folder: None,
        content_type: "image/jpeg".to_owned(),
        size: 1,
        declared_sha256: None,
    };
    Photo::announced(ANNA.clone(), id(number), new, at(0), at(3600))
}

/// Returns the photo of this number with this size, in bytes. Tests count changes by it.
pub fn sized(number: u128, size: u64) -> Photo {
    let mut photo = photo(number);
    photo.size = size;
    photo
}

/// Returns an operation that fills a table.
pub fn operation() -> Operation {
    Operation::new(ANNA.clone(), id(1), QueueName::Photos, Task::Fill { table: Filled::Photos }, at(0))
}
