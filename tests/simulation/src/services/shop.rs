//! Model of the shop's server: the events that it has accepted.

use std::collections::BTreeMap;

use uuid::Uuid;

/// Address of the shop's webhook.
pub const HOOK: &str = "https://shop.example.com/hook";

/// Events that the shop has accepted, with the number of their requests.
#[derive(Debug, Default)]
pub struct Shop(pub BTreeMap<Uuid, u32>);
