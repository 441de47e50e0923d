//! Profiles of studios.

use domain::{
    RecordError, Studio,
    studio_profile::{Renewal, StudioProfile},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::PutUpload;

/// The profile of a studio: its name, looks and texts on the customer's page and in emails. All fields of a studio that
/// has set nothing are `null`, and the page and the emails are neutral.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = StudioProfile)]
pub struct StudioView {
    /// Id of the studio, from its tokens.
    #[schema(value_type = String, example = "anna")]
    pub studio: Studio,
    /// Name as customers know it.
    #[schema(example = "Foto Anna")]
    pub name: Option<String>,
    /// Address that receives replies to emails.
    #[schema(format = Email)]
    pub reply_to: Option<String>,
    /// Ways to reach the studio: plain text, several lines.
    pub contact: Option<String>,
    /// Accent colour, `#rrggbb`.
    pub accent_color: Option<String>,
    /// Text above the photos: plain text, several lines.
    pub message: Option<String>,
    /// Text at the end of page and emails, such as an imprint: plain text, several lines.
    pub footer: Option<String>,
    /// Language tag (BCP 47) of customers without one of their own.
    pub locale: Option<String>,
    /// IANA name of the time zone in which dates are shown; UTC if `null`.
    pub time_zone: Option<String>,
    /// Treatment of customers who ask for a new link.
    pub renewal: Renewal,
    /// Logo.
    pub logo: Option<LogoView>,
    /// Whether an upload is expected that becomes the next logo.
    pub logo_pending: bool,
    /// Reason why the last upload did not become the logo.
    pub logo_error: Option<RecordError>,
    /// Time of the last change of settings or logo.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
}

/// A logo, as customers see it: a PNG that was made of the uploaded file.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Logo)]
pub struct LogoView {
    /// Public URL of the PNG. Another logo has another URL; this one remains.
    pub url: String,
    /// Width in pixels.
    #[schema(minimum = 1, maximum = 800)]
    pub width: u32,
    /// Height in pixels.
    #[schema(minimum = 1, maximum = 400)]
    pub height: u32,
}

/// The upload of a logo.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LogoUpload {
    /// Request to S3.
    pub upload: PutUpload,
}

impl StudioView {
    /// Creates the view of a profile in a deployment at this URL.
    pub fn new(profile: &StudioProfile, public_url: &str) -> Self {
        let logo = profile.logo.as_ref().map(|logo| LogoView {
            url: format!("{public_url}/logos/{}/{}.png", profile.studio, logo.hash),
            width: logo.width,
            height: logo.height,
        });
        Self {
            studio: profile.studio.clone(),
            name: profile.name.clone(),
            reply_to: profile.reply_to.as_ref().map(|address| address.as_str().to_owned()),
            contact: profile.contact.clone(),
            accent_color: profile.accent_color.map(|color| color.to_string()),
            message: profile.message.clone(),
            footer: profile.footer.clone(),
            locale: profile.locale.clone(),
            time_zone: profile.time_zone.clone(),
            renewal: profile.renewal,
            logo,
            logo_pending: profile.logo_upload.is_some(),
            logo_error: profile.logo_error.clone(),
            updated_at: profile.updated_at,
        }
    }
}
