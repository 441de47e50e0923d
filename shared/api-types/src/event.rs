//! Events.

use domain::{
    event::{Event, EventType},
    record::Record as _,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An event: what happened to a photo, a download or an email. The same in lists and at webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    /// Id of the event. A repeated step, list or delivery has the same one.
    pub id: Uuid,
    /// Type of the event.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Time at which it happened.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// The studio.
    #[schema(value_type = String, example = "anna")]
    pub studio: String,
    /// Place in the list of events, for `after`.
    pub position: Uuid,
    /// Records that it is about.
    pub data: EventSubject,
}

/// Ids of the records that an event is about, and the status of the first of them then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventSubject {
    /// Status of the photo, download or email after the transition.
    #[schema(example = "ready")]
    pub status: String,
    /// Id of the photo.
    pub photo_id: Option<Uuid>,
    /// Id of the order.
    pub order_id: Option<Uuid>,
    /// Id of the download.
    pub download_id: Option<Uuid>,
    /// Id of the email.
    pub email_id: Option<Uuid>,
}

/// A page of events, oldest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EventList {
    /// Events on the page.
    pub items: Vec<EventView>,
    /// Value of `after` for the next request; `null` as long as there are no events.
    pub after: Option<Uuid>,
    /// Whether there are more events now. Otherwise ask again after some seconds.
    pub more: bool,
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> Self {
        Self {
            id: event.id,
            kind: event.kind,
            timestamp: event.at,
            studio: event.studio.to_string(),
            position: event.position(),
            data: EventSubject {
                status: event.status.clone(),
                photo_id: event.subject.photo,
                order_id: event.subject.order,
                download_id: event.subject.download,
                email_id: event.subject.email,
            },
        }
    }
}
