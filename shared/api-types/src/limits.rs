//! Limits of studios.

use domain::{Studio, studio_limits::StudioLimits};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits of a studio, and what it has used of them. A limit that is `null` does not exist.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Limits)]
pub struct LimitsView {
    /// Id of the studio.
    #[schema(value_type = String, example = "anna")]
    pub studio: Studio,
    /// Emails that requests send on a day (UTC).
    #[schema(value_type = Option<u64>)]
    pub emails_a_day: Option<u32>,
    /// Bytes of the originals of all photos.
    pub bytes: Option<u64>,
    /// Archives that requests order on a day (UTC).
    #[schema(value_type = Option<u64>)]
    pub archives_a_day: Option<u32>,
    /// Operations that run at the same time.
    #[schema(value_type = Option<u64>)]
    pub concurrent_operations: Option<u32>,
    /// Usage. Only what is limited is counted.
    pub used: UsageView,
}

/// Usage of a studio.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Usage)]
pub struct UsageView {
    /// Emails of the day.
    #[schema(value_type = u64)]
    pub emails: u32,
    /// Archives of the day.
    #[schema(value_type = u64)]
    pub archives: u32,
    /// Bytes of photos: of an hourly measurement, and of photos announced since. `null` before the first one has ended.
    pub bytes: Option<u64>,
}

impl LimitsView {
    /// Creates the view at this time.
    pub fn new(known: &StudioLimits, now: Timestamp) -> Self {
        let (emails, archives) = known.of_day(now);
        Self {
            studio: known.studio.clone(),
            emails_a_day: known.limits.emails_a_day,
            bytes: known.limits.bytes,
            archives_a_day: known.limits.archives_a_day,
            concurrent_operations: known.limits.concurrent_operations,
            used: UsageView { emails, archives, bytes: known.bytes() },
        }
    }
}
