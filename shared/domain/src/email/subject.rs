//! Records that an email is about.

use jiff::Timestamp;

use super::Message;
use crate::{download::Download, order::Order};

/// Records that an email is about, as they are now.
#[derive(Debug)]
pub enum EmailSubject {
    /// An order.
    Order(Order),
    /// A download, with its order and the customer's link.
    Download(Order, Box<Download>, String),
    /// A webhook: its address, and whether it is disabled.
    Webhook(String, bool),
}

impl EmailSubject {
    /// Returns the order; `None` for a webhook.
    pub fn order(&self) -> Option<&Order> {
        match self {
            Self::Order(order) | Self::Download(order, ..) => Some(order),
            Self::Webhook(..) => None,
        }
    }

    /// Returns whether the order was erased.
    pub fn is_erased(&self) -> bool {
        self.order().is_some_and(Order::is_erased)
    }

    /// Returns whether what the message says about the records is true at `now`.
    pub fn agrees_with(&self, message: &Message, now: Timestamp) -> bool {
        match self {
            Self::Order(_) => true,
            Self::Download(_, download, _) => message.is_true_of(download, now),
            Self::Webhook(_, is_disabled) => *is_disabled,
        }
    }
}
