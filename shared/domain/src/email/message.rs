//! Subject matters of emails, and when each is true.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::download::{Closed, Download};

/// Subject matter of an email. It contains ids, and the text is made from the records when the email is sent; only a
/// `message` contains what the studio wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", content = "data", rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    /// Confirmation of an order.
    OrderConfirmation {
        /// Id of the order.
        order_id: Uuid,
    },
    /// A ready download, with its link.
    DownloadReady {
        /// Id of the download.
        download_id: Uuid,
    },
    /// A failed download.
    DownloadFailed {
        /// Id of the download.
        download_id: Uuid,
    },
    /// A download whose link works for a short time only, and was never used.
    DownloadExpiring {
        /// Id of the download.
        download_id: Uuid,
    },
    /// A customer's request for a new link, which the studio gets.
    RenewalRequested {
        /// Id of the download.
        download_id: Uuid,
    },
    /// A webhook that was disabled, which the studio gets.
    WebhookDisabled {
        /// Id of the webhook.
        webhook_id: Uuid,
    },
    /// The studio's own words about an order.
    #[serde(rename = "message")]
    Written {
        /// Id of the order.
        order_id: Uuid,
        /// Subject, one line.
        subject: String,
        /// Text, several lines.
        text: String,
    },
}

/// Record that a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// An order.
    Order(Uuid),
    /// A download.
    Download(Uuid),
    /// A webhook.
    Webhook(Uuid),
}

impl About {
    /// Returns the id of the record.
    pub fn id(self) -> Uuid {
        match self {
            Self::Order(id) | Self::Download(id) | Self::Webhook(id) => id,
        }
    }
}

impl Message {
    /// Returns the record that the message is about.
    pub fn about(&self) -> About {
        match self {
            Self::OrderConfirmation { order_id } | Self::Written { order_id, .. } => About::Order(*order_id),
            Self::DownloadReady { download_id }
            | Self::DownloadFailed { download_id }
            | Self::DownloadExpiring { download_id }
            | Self::RenewalRequested { download_id } => About::Download(*download_id),
            Self::WebhookDisabled { webhook_id } => About::Webhook(*webhook_id),
        }
    }

    /// Returns the download that the message names, if any.
    pub fn download(&self) -> Option<Uuid> {
        if let About::Download(id) = self.about() { Some(id) } else { None }
    }

    /// Returns the order that the message names directly, if any.
    pub fn order(&self) -> Option<Uuid> {
        if let About::Order(id) = self.about() { Some(id) } else { None }
    }

    /// Returns the name of the template.
    pub fn template(&self) -> &'static str {
        match self {
            Self::OrderConfirmation { .. } => "order_confirmation",
            Self::DownloadReady { .. } => "download_ready",
            Self::DownloadFailed { .. } => "download_failed",
            Self::DownloadExpiring { .. } => "download_expiring",
            Self::RenewalRequested { .. } => "renewal_requested",
            Self::WebhookDisabled { .. } => "webhook_disabled",
            Self::Written { .. } => "message",
        }
    }

    /// Removes what the studio wrote.
    pub fn erase(&mut self) {
        if let Self::Written { subject, text, .. } = self {
            subject.clear();
            text.clear();
        }
    }

    /// Returns whether the email goes to the customer, and not to the studio itself.
    pub fn is_for_customer(&self) -> bool {
        !matches!(self, Self::RenewalRequested { .. } | Self::WebhookDisabled { .. })
    }

    /// Returns whether what the message says about the download is true at `now`.
    pub fn is_true_of(&self, download: &Download, now: Timestamp) -> bool {
        match self {
            Self::OrderConfirmation { .. } | Self::WebhookDisabled { .. } | Self::Written { .. } => true,
            Self::DownloadReady { .. } => download.opens(now).is_ok(),
            // Whoever has fetched a file by this link meanwhile needs no reminder.
            Self::DownloadExpiring { .. } => download.opens(now).is_ok() && download.download_count == 0,
            Self::DownloadFailed { .. } => download.opens(now) == Err(Closed::Failed),
            // Whoever has renewed the download meanwhile needs no request.
            Self::RenewalRequested { .. } => matches!(download.opens(now), Err(Closed::Expired | Closed::Spent)),
        }
    }
}
