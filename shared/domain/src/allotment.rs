//! Allotments: which photo an uploaded object becomes.
//!
//! Before anything else, an upload is allotted the id of its photo, as a request with an `Idempotency-Key` is. Events
//! arrive late, twice and in any order, and the same file may be uploaded again: the same path with the same content is
//! the same photo.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{record::Record, studio::Studio};

/// Namespace of the UUIDv5 ids that are derived from uploads.
const NAMESPACE: Uuid = Uuid::from_u128(0x2f5e_8d11_7c0a_4b0e_9a5d_3c61_e0b7_41aa);

/// Record of an upload and the photo that it becomes. It has no expiry: an upload that is repeated years later is still
/// the same photo, unless the photo was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allotment {
    /// Studio of the photo.
    pub studio: Studio,
    /// Id derived from the upload; see [`identity`].
    pub id: Uuid,
    /// Id of the photo, a UUIDv7.
    pub photo: Uuid,
    /// Time of the first event.
    pub created_at: Timestamp,
    /// Whether the photo was imported and deleted: its object stays, and must not become a photo again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

impl Record for Allotment {
    const NAME: &'static str = "allotment";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
}

/// Returns the id of an upload's allotment: a UUIDv5 of path, size and content. `content` is the full-object checksum,
/// or the ETag of an object without one.
pub fn identity(path: &str, size: u64, content: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{path}\0{size}\0{content}").as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn same_upload_has_one_identity(path in ".{1,40}", size in any::<u64>(), content in "[A-Za-z0-9:=-]{0,20}") {
            let id = identity(&path, size, &content);
            prop_assert_eq!(id, identity(&path, size, &content));
            prop_assert_ne!(id, identity(&format!("{path}x"), size, &content));
            prop_assert_ne!(id, identity(&path, size.wrapping_add(1), &content));
            prop_assert_ne!(id, identity(&path, size, &format!("{content}x")));
        }
    }
}
