//! Kinds of SES's reports about emails.

use serde::{Deserialize, Serialize};

/// Kind of a report, as SES names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SesEvent {
    /// SES has accepted the email.
    Send,
    /// The recipient's server has accepted the email.
    Delivery,
    /// The recipient's server does not accept the email yet. SES goes on trying.
    DeliveryDelay,
    /// The recipient's server has refused the email for good.
    Bounce,
    /// The recipient has marked the email as spam.
    Complaint,
    /// SES has found a virus in the email, and sends it to nobody.
    Reject,
}

/// Type of a bounce, as SES names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BounceType {
    /// Later emails may arrive: a full mailbox, an absence note, a server that was not reached for days. Also of a type that
    /// SES could not determine.
    #[serde(alias = "Transient", alias = "Undetermined")]
    Transient,
    /// No email will arrive at the address. SES suppresses it.
    #[serde(alias = "Permanent")]
    Permanent,
}
