//! Jobs as messages. A message contains a version and ids, and workers read the data from the record. Only
//! [`Job::EmailEvent`] contains more: the report of SES.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    queue_config::QueueName,
    ses_event::{BounceType, SesEvent},
    studio::Studio,
};

/// Version of the message format that this build writes and reads.
pub const VERSION: u32 = 1;

/// A job. On the wire: `{"v":1,"job":"send_email","studio":"...","email":"...","at":"..."}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case", deny_unknown_fields)]
pub enum Job {
    /// Sends an email. Queue: emails.
    SendEmail {
        /// Studio of the email.
        studio: Studio,
        /// Id of the email.
        email: Uuid,
    },
    /// Processes a photo. Queue: photos.
    ProcessPhoto {
        /// Studio of the photo.
        studio: Studio,
        /// Id of the photo.
        photo: Uuid,
    },
    /// Makes the logo of a studio. Queue: photos.
    ProcessLogo {
        /// Studio of the logo.
        studio: Studio,
        /// Id of the upload.
        upload: Uuid,
    },
    /// Builds an archive. Queue: downloads.
    BuildArchive {
        /// Studio of the download.
        studio: Studio,
        /// Id of the download.
        download: Uuid,
    },
    /// Sends an event to a webhook. Queue: webhooks.
    SendWebhook {
        /// Studio of the delivery.
        studio: Studio,
        /// Id of the delivery.
        delivery: Uuid,
    },
    /// Creates a delivery of an event for each webhook that wants it. Queue: webhooks.
    PublishEvent {
        /// Studio of the event.
        studio: Studio,
        /// Id of the event.
        event: Uuid,
    },
    /// Sends a webhook the events of a time again, page by page. Queue: webhooks.
    ReplayWebhook {
        /// Studio of the webhook.
        studio: Studio,
        /// Id of the webhook.
        webhook: Uuid,
        /// Id of the request, which sends no event twice.
        replay: Uuid,
        /// Position after which the page begins.
        after: Uuid,
        /// Last position.
        until: Uuid,
    },
    /// Runs an operation on many records, page by page. Queue: default.
    Operate {
        /// Studio that requested the operation.
        studio: Studio,
        /// Id of the operation.
        operation: Uuid,
    },
    /// Records what SES reports about an email. Queue: default.
    EmailEvent {
        /// Studio of the email.
        studio: Studio,
        /// Id of the email.
        email: Uuid,
        /// Kind of the report.
        event: SesEvent,
        /// Time of the event.
        time: Timestamp,
        /// Type of a bounce.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bounce: Option<BounceType>,
        /// SES's id of the email.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<String>,
    },
    /// Reminds the customer of a download, or tells the shop that it has expired. Queue: default.
    GiveNotice {
        /// Studio of the download.
        studio: Studio,
        /// Id of the download.
        download: Uuid,
    },
    /// Re-sends the jobs of records past `due_at`. Queue: default.
    Sweep,
}

/// Error of decoding a body.
#[derive(Debug, thiserror::Error)]
pub enum UndecodableJob {
    /// The body is not JSON, or not an object with the expected fields.
    #[error("not a job: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The version is newer or unknown.
    #[error("job version {0} is not known to this build (it reads {VERSION})")]
    Version(u64),
}

impl Job {
    /// Returns the job's name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SendEmail { .. } => "send_email",
            Self::ProcessPhoto { .. } => "process_photo",
            Self::ProcessLogo { .. } => "process_logo",
            Self::BuildArchive { .. } => "build_archive",
            Self::SendWebhook { .. } => "send_webhook",
            Self::PublishEvent { .. } => "publish_event",
            Self::ReplayWebhook { .. } => "replay_webhook",
            Self::Operate { .. } => "operate",
            Self::EmailEvent { .. } => "email_event",
            Self::GiveNotice { .. } => "give_notice",
            Self::Sweep => "sweep",
        }
    }

    /// Returns the job's queue.
    pub fn queue(&self) -> QueueName {
        match self {
            Self::SendEmail { .. } => QueueName::Emails,
            Self::ProcessPhoto { .. } | Self::ProcessLogo { .. } => QueueName::Photos,
            Self::BuildArchive { .. } => QueueName::Downloads,
            Self::SendWebhook { .. } | Self::PublishEvent { .. } | Self::ReplayWebhook { .. } => QueueName::Webhooks,
            Self::Operate { .. } | Self::EmailEvent { .. } | Self::GiveNotice { .. } | Self::Sweep => {
                QueueName::Default
            }
        }
    }

    /// Returns the record that the job claims; `None` for a job that claims none.
    pub fn record(&self) -> Option<(&Studio, Uuid)> {
        match self {
            Self::SendEmail { studio, email: id }
            | Self::ProcessPhoto { studio, photo: id }
            | Self::BuildArchive { studio, download: id }
            | Self::SendWebhook { studio, delivery: id }
            | Self::Operate { studio, operation: id } => Some((studio, *id)),
            Self::ProcessLogo { .. }
            | Self::PublishEvent { .. }
            | Self::ReplayWebhook { .. }
            | Self::EmailEvent { .. }
            | Self::GiveNotice { .. }
            | Self::Sweep => None,
        }
    }

    /// Returns the studio that the job is about; `None` for a job about all.
    pub fn studio(&self) -> Option<&Studio> {
        match self {
            Self::SendEmail { studio, .. }
            | Self::ProcessPhoto { studio, .. }
            | Self::ProcessLogo { studio, .. }
            | Self::BuildArchive { studio, .. }
            | Self::SendWebhook { studio, .. }
            | Self::PublishEvent { studio, .. }
            | Self::ReplayWebhook { studio, .. }
            | Self::EmailEvent { studio, .. }
            | Self::GiveNotice { studio, .. }
            | Self::Operate { studio, .. } => Some(studio),
            Self::Sweep => None,
        }
    }

    /// Returns the message's body. It contains the time of sending, because SQS's own time changes when somebody moves
    /// a message back from the dead-letter queue.
    pub fn encode(&self, now: Timestamp) -> String {
        let mut body = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = body.as_object_mut() {
            fields.insert("v".into(), VERSION.into());
            fields.insert("at".into(), now.to_string().into());
        }
        body.to_string()
    }

    /// Returns the time of sending in a body; `None` for a body written by hand.
    pub fn said_at(body: &str) -> Option<Timestamp> {
        #[derive(Deserialize)]
        struct Stamp {
            at: Timestamp,
        }
        serde_json::from_str::<Stamp>(body).ok().map(|stamp| stamp.at)
    }

    /// Decodes a body. The version is checked first, so that a newer build's job is not misread.
    pub fn decode(body: &str) -> Result<Self, UndecodableJob> {
        let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body)?;
        let version = fields.remove("v").and_then(|v| v.as_u64()).unwrap_or(0);
        fields.remove("at");
        if version != u64::from(VERSION) {
            return Err(UndecodableJob::Version(version));
        }
        Ok(serde_json::from_value(fields.into())?)
    }
}

/// Returns the id of a record that follows from another one. A repeated step produces the same id.
pub fn follow_up_id(parent: Uuid, purpose: &str, build: u32) -> Uuid {
    Uuid::new_v5(&parent, format!("{purpose}/{build}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_is_encoded_as_version_and_ids() {
        let job = Job::SendEmail { studio: "anna".parse().expect("valid"), email: Uuid::nil() };
        let at = Timestamp::from_second(1_800_000_000).expect("in range");
        let body = job.encode(at);
        assert_eq!(
            body,
            r#"{"at":"2027-01-15T08:00:00Z","email":"00000000-0000-0000-0000-000000000000","job":"send_email","studio":"anna","v":1}"#
        );
        assert_eq!(Job::decode(&body).expect("ours"), job);
        assert!(body.contains(&format!("\"job\":\"{}\"", job.name())));
        assert_eq!((Job::said_at(&body), Job::said_at(r#"{"v":1,"job":"sweep"}"#)), (Some(at), None));
        assert_eq!(Job::decode(&Job::Sweep.encode(at)).expect("ours"), Job::Sweep);
    }

    #[test]
    fn invalid_job_is_refused() {
        for bad in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"v":2,"job":"sweep"}"#,
            r#"{"job":"sweep"}"#,
            r#"{"v":1,"job":"format_disk"}"#,
            r#"{"v":1,"job":"send_email","studio":"Anna","email":"00000000-0000-0000-0000-000000000000"}"#,
            r#"{"v":1,"job":"send_email","studio":"anna","email":"1","to":"x@y.zz"}"#,
        ] {
            assert!(Job::decode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn repeated_step_makes_the_same_id() {
        let parent = Uuid::from_u128(7);
        assert_eq!(follow_up_id(parent, "download_ready", 1), follow_up_id(parent, "download_ready", 1));
        assert_ne!(follow_up_id(parent, "download_ready", 1), follow_up_id(parent, "download_ready", 2));
        assert_ne!(follow_up_id(parent, "download_ready", 1), follow_up_id(parent, "download_failed", 1));
        assert_ne!(follow_up_id(parent, "download_ready", 1), follow_up_id(Uuid::from_u128(8), "download_ready", 1));
    }

    #[test]
    fn every_job_names_queue_studio_and_record() {
        let (studio, id) = ("anna".parse::<Studio>().expect("valid"), Uuid::from_u128(7));
        let of = || studio.clone();
        for (job, queue, record) in [
            (Job::SendEmail { studio: of(), email: id }, QueueName::Emails, Some(id)),
            (Job::ProcessPhoto { studio: of(), photo: id }, QueueName::Photos, Some(id)),
            (Job::BuildArchive { studio: of(), download: id }, QueueName::Downloads, Some(id)),
            (Job::SendWebhook { studio: of(), delivery: id }, QueueName::Webhooks, Some(id)),
            (Job::PublishEvent { studio: of(), event: id }, QueueName::Webhooks, None),
            (Job::Operate { studio: of(), operation: id }, QueueName::Default, Some(id)),
            (Job::ProcessLogo { studio: of(), upload: id }, QueueName::Photos, None),
            (Job::Sweep, QueueName::Default, None),
        ] {
            assert_eq!((job.queue(), job.record()), (queue, record.map(|id| (&studio, id))));
            assert_eq!(job.studio(), (job != Job::Sweep).then_some(&studio));
            let body = job.encode(Timestamp::UNIX_EPOCH);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&body).expect("JSON")["job"], job.name());
            assert_eq!(Job::decode(&body).expect("ours"), job);
        }
    }

    #[test]
    fn newer_version_is_named_before_its_fields() {
        for (body, version) in [(r#"{"v":2,"job":"format_disk"}"#, 2), (r#"{"job":"sweep"}"#, 0)] {
            assert!(matches!(Job::decode(body), Err(UndecodableJob::Version(v)) if v == version), "{body}");
        }
        assert!(matches!(Job::decode(r#"{"v":1,"job":"format_disk"}"#), Err(UndecodableJob::Malformed(_))));
    }
}
