//! Profile of a studio: its name, looks and texts on the customer's page and in emails.

use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{color::Color, email_address::EmailAddress, error::RecordError, object_key::ObjectKey, studio::Studio};

/// Largest number of characters in a studio's name.
pub const MAX_NAME: usize = 100;
/// Largest number of characters in `contact`.
pub const MAX_CONTACT: usize = 500;
/// Largest number of characters in `message`.
pub const MAX_MESSAGE: usize = 2_000;
/// Largest number of characters in `footer`.
pub const MAX_FOOTER: usize = 1_000;
/// Largest uploaded logo in bytes: 2 MiB.
pub const MAX_LOGO_BYTES: u64 = 2 << 20;
/// Largest width of a served logo in pixels: twice what the page shows, for displays of high resolution.
pub const MAX_LOGO_WIDTH: u32 = 800;
/// Largest height of a served logo in pixels.
pub const MAX_LOGO_HEIGHT: u32 = 400;
/// Content types of uploaded logos.
pub const LOGO_CONTENT_TYPES: [&str; 2] = ["image/png", "image/jpeg"];

/// Profile of a studio, shown to its customers. Every field may be unset; the page and the emails then stay neutral.
///
/// The table has one item per studio, under [`StudioProfile::ID`]. Names, texts and the locale were checked by the API;
/// they are plain text and may contain HTML, which is shown as such.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudioProfile {
    /// Studio of the profile.
    pub studio: Studio,
    /// Id of the profile: [`StudioProfile::ID`].
    pub id: Uuid,
    /// Name as customers know it: one line of at most [`MAX_NAME`] characters.
    pub name: Option<String>,
    /// Address that receives replies to emails.
    pub reply_to: Option<EmailAddress>,
    /// Ways to reach the studio: at most [`MAX_CONTACT`] characters, several lines.
    pub contact: Option<String>,
    /// Logo.
    pub logo: Option<Logo>,
    /// Id of the announced upload that becomes the next logo. Other uploads are ignored.
    pub logo_upload: Option<Uuid>,
    /// Reason why the last upload did not become the logo.
    pub logo_error: Option<RecordError>,
    /// Accent colour as the studio chose it. [`Color`] makes legible ones of it.
    pub accent_color: Option<Color>,
    /// Text above the photos: at most [`MAX_MESSAGE`] characters, several lines.
    pub message: Option<String>,
    /// Text at the end of page and emails, such as an imprint: at most [`MAX_FOOTER`] characters, several lines.
    pub footer: Option<String>,
    /// Language tag (BCP 47) of customers without one of their own.
    pub locale: Option<String>,
    /// IANA name of the time zone in which dates are shown; UTC by default.
    pub time_zone: Option<String>,
    /// Treatment of customers who ask for a new link.
    #[serde(default)]
    pub renewal: Renewal,
    /// Time of the last change; `None` for a studio that has set nothing yet.
    pub updated_at: Option<Timestamp>,
}

/// A logo as customers see it: a PNG that Darkroom made of the uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logo {
    /// SHA-256 of the PNG in lower-case hexadecimal digits.
    pub hash: String,
    /// Width in pixels, at most [`MAX_LOGO_WIDTH`].
    pub width: u32,
    /// Height in pixels, at most [`MAX_LOGO_HEIGHT`].
    pub height: u32,
}

/// Treatment of customers who ask for a new link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// The studio is told, and decides.
    #[default]
    Studio,
    /// The link is renewed.
    Automatic,
}

/// Error: the upload is not the one that becomes the next logo. Another was announced later, the logo was removed, or this
/// upload was settled already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the upload is not the one that becomes the next logo")]
pub struct Superseded;

impl StudioProfile {
    /// Id under which the table stores the profile of each studio.
    pub const ID: Uuid = Uuid::nil();

    /// Creates the profile of a studio that has set nothing.
    pub fn neutral(studio: Studio) -> Self {
        Self {
            studio,
            id: Self::ID,
            name: None,
            reply_to: None,
            contact: None,
            logo: None,
            logo_upload: None,
            logo_error: None,
            accent_color: None,
            message: None,
            footer: None,
            locale: None,
            time_zone: None,
            renewal: Renewal::default(),
            updated_at: None,
        }
    }

    /// Returns the time zone in which dates are shown.
    pub fn zone(&self) -> TimeZone {
        let zone = self.time_zone.as_deref().and_then(|name| TimeZoneDatabase::bundled().get(name).ok());
        zone.unwrap_or(TimeZone::UTC)
    }

    /// Returns the key of the logo.
    pub fn logo_key(&self) -> Option<ObjectKey> {
        self.logo.as_ref().map(|logo| ObjectKey::Logo { studio: self.studio.clone(), hash: logo.hash.clone() })
    }

    /// Replaces all settings by those of another profile. The logo is no setting; it stays.
    pub fn replace_settings(&mut self, by: &Self, now: Timestamp) {
        let replaced = Self {
            studio: self.studio.clone(),
            logo: self.logo.clone(),
            logo_upload: self.logo_upload,
            logo_error: self.logo_error.clone(),
            updated_at: self.updated_at,
            ..by.clone()
        };
        if replaced != *self {
            *self = Self { updated_at: Some(now), ..replaced };
        }
    }

    /// Expects an upload as the next logo. Earlier announced ones no longer become the logo.
    pub fn announce_logo(&mut self, upload: Uuid) {
        self.logo_upload = Some(upload);
        self.logo_error = None;
    }

    /// Sets the logo made of an upload.
    pub fn set_logo(&mut self, upload: Uuid, logo: Logo, now: Timestamp) -> Result<(), Superseded> {
        self.settle_logo(upload)?;
        self.logo = Some(logo);
        self.logo_error = None;
        self.updated_at = Some(now);
        Ok(())
    }

    /// Records that an upload can't become the logo. The logo stays as it is.
    pub fn refuse_logo(&mut self, upload: Uuid, error: RecordError) -> Result<(), Superseded> {
        self.settle_logo(upload)?;
        self.logo_error = Some(error);
        Ok(())
    }

    /// Removes the logo. An upload that was announced does not become one either.
    pub fn remove_logo(&mut self, now: Timestamp) {
        if self.logo.take().is_some() {
            self.updated_at = Some(now);
        }
        self.logo_upload = None;
        self.logo_error = None;
    }

    fn settle_logo(&mut self, upload: Uuid) -> Result<(), Superseded> {
        if self.logo_upload == Some(upload) {
            self.logo_upload = None;
            Ok(())
        } else {
            Err(Superseded)
        }
    }
}

/// Returns the usual spelling of a time zone's IANA name; `None` if the bundled database does not contain it.
pub fn time_zone(name: &str) -> Option<String> {
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    zone.iana_name().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, studio};

    fn logo(hash: &str) -> Logo {
        Logo { hash: hash.repeat(32), width: 10, height: 5 }
    }

    fn upload(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn studio_without_settings_is_neutral() {
        let neutral = StudioProfile::neutral(studio());
        assert_eq!((neutral.zone(), neutral.logo_key(), neutral.renewal), (TimeZone::UTC, None, Renewal::Studio));
        let stored = serde_json::json!({"studio": "anna", "id": Uuid::nil()});
        assert_eq!(serde_json::from_value::<StudioProfile>(stored).expect("reads"), neutral);
    }

    #[test]
    fn profile_is_stored_and_read_back() {
        let full = StudioProfile {
            name: Some("Foto Anna".to_owned()),
            reply_to: Some("anna@example.com".parse().expect("valid")),
            contact: Some("Main St 1\n12345".to_owned()),
            logo: Some(logo("ab")),
            logo_upload: Some(upload(1)),
            logo_error: Some(RecordError::new("not_an_image", "x")),
            accent_color: Some(Color::new(1, 2, 3)),
            message: Some("<b>Hello</b>".to_owned()),
            footer: Some("Imprint".to_owned()),
            locale: Some("de-AT".to_owned()),
            time_zone: Some("Europe/Vienna".to_owned()),
            renewal: Renewal::Automatic,
            updated_at: Some(at(1)),
            ..StudioProfile::neutral(studio())
        };
        let stored = serde_json::to_value(&full).expect("writes");
        assert_eq!((&stored["accent_color"], &stored["renewal"]), (&"#010203".into(), &"automatic".into()));
        assert_eq!(serde_json::from_value::<StudioProfile>(stored).expect("reads"), full);
    }

    #[test]
    fn replaced_settings_leave_the_logo() {
        let mut profile = StudioProfile { message: Some("Hello".to_owned()), ..StudioProfile::neutral(studio()) };
        profile.announce_logo(upload(1));
        profile.set_logo(upload(1), logo("aa"), at(1)).expect("announced");
        profile.announce_logo(upload(2));
        let new = StudioProfile { name: Some("Foto Anna".to_owned()), ..StudioProfile::neutral(studio()) };
        profile.replace_settings(&new, at(2));
        let expected = StudioProfile {
            name: Some("Foto Anna".to_owned()),
            logo: Some(logo("aa")),
            logo_upload: Some(upload(2)),
            updated_at: Some(at(2)),
            ..StudioProfile::neutral(studio())
        };
        assert_eq!(profile, expected);
        profile.replace_settings(&new, at(3));
        assert_eq!(profile, expected, "a repetition changes nothing");
    }

    #[test]
    fn time_zones_are_those_of_iana() {
        for (written, kept) in [
            ("Europe/Berlin", Some("Europe/Berlin")),
            ("europe/berlin", Some("Europe/Berlin")),
            ("America/Argentina/Buenos_Aires", Some("America/Argentina/Buenos_Aires")),
            ("UTC", Some("UTC")),
            ("Mars/Olympus", None),
            ("+02:00", None),
            ("../../etc/passwd", None),
            ("", None),
        ] {
            assert_eq!(time_zone(written).as_deref(), kept, "{written:?}");
        }
    }

    #[test]
    fn dates_are_shown_in_the_time_zone() {
        let berlin = StudioProfile { time_zone: time_zone("Europe/Berlin"), ..StudioProfile::neutral(studio()) };
        let hour = |at: &str| berlin.zone().to_datetime(at.parse().expect("a time")).hour();
        assert_eq!((hour("2026-01-01T12:00:00Z"), hour("2026-07-01T12:00:00Z")), (13, 14));
    }

    #[test]
    fn only_the_last_announced_upload_becomes_the_logo() {
        let mut profile = StudioProfile::neutral(studio());
        assert_eq!(profile.set_logo(upload(1), logo("aa"), at(1)), Err(Superseded), "it was not announced");
        profile.announce_logo(upload(1));
        profile.announce_logo(upload(2));
        assert_eq!(profile.set_logo(upload(1), logo("aa"), at(1)), Err(Superseded));
        assert_eq!(profile.set_logo(upload(2), logo("bb"), at(2)), Ok(()));
        let key = ObjectKey::Logo { studio: studio(), hash: "bb".repeat(32) };
        assert_eq!((profile.logo_key(), profile.updated_at), (Some(key), Some(at(2))));
        let set = profile.clone();
        assert_eq!(profile.set_logo(upload(2), logo("cc"), at(3)), Err(Superseded), "delivered twice");
        assert_eq!(profile.refuse_logo(upload(2), RecordError::new("x", "y")), Err(Superseded));
        assert_eq!(profile, set);
    }

    #[test]
    fn refused_upload_leaves_the_logo() {
        let mut profile = StudioProfile::neutral(studio());
        profile.announce_logo(upload(1));
        profile.set_logo(upload(1), logo("aa"), at(1)).expect("announced");
        profile.announce_logo(upload(2));
        let error = RecordError::new("not_an_image", "x");
        assert_eq!(profile.refuse_logo(upload(1), error.clone()), Err(Superseded));
        assert_eq!(profile.refuse_logo(upload(2), error.clone()), Ok(()));
        assert_eq!((profile.logo.as_ref(), profile.logo_error.as_ref()), (Some(&logo("aa")), Some(&error)));
        profile.announce_logo(upload(3));
        assert_eq!(profile.logo_error, None, "the next upload has no error yet");
    }

    #[test]
    fn removed_logo_does_not_come_back() {
        let mut profile = StudioProfile::neutral(studio());
        profile.announce_logo(upload(1));
        profile.set_logo(upload(1), logo("aa"), at(1)).expect("announced");
        profile.announce_logo(upload(2));
        profile.remove_logo(at(5));
        assert_eq!((profile.logo.as_ref(), profile.updated_at), (None, Some(at(5))));
        assert_eq!(profile.set_logo(upload(2), logo("bb"), at(6)), Err(Superseded));
        let removed = profile.clone();
        profile.remove_logo(at(7));
        assert_eq!(profile, removed, "a repetition changes nothing");
    }
}
